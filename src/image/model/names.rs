//! Names: of an image, of a container's host, of a work branch.

use std::path::Path;

use crate::digest;

/// The longest tag an engine takes (OCI distribution specification, "Pulling manifests").
const TAG_LIMIT: usize = 128;
/// How names begin that are given for the time of a build.
const LENT: &str = "dkr:below-";
/// The longest host name (RFC 1035, section 2.3.4).
const HOSTNAME_LIMIT: usize = 63;

/// `dkr:<repo>-<branch>`, what does not fit a tag replaced by `-`.
pub(crate) fn tag(repo_name: &str, branch: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut tag: String = format!("{repo_name}-{branch}")
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .collect();
    // A tag starts with a letter, a digit or an underscore.
    if tag.starts_with(['.', '-']) {
        tag.replace_range(..1, "_");
    }
    if tag.len() > TAG_LIMIT {
        let hash = digest::short(&[repo_name, branch]);
        tag.truncate(TAG_LIMIT - 1 - hash.len());
        tag = format!("{tag}-{hash}");
    }
    format!("dkr:{tag}")
}

/// The same for a repository and a branch whose plain name another pair has already.
pub(crate) fn tag_apart(repo_name: &str, repo_path: &Path, branch: &str) -> String {
    let hash = digest::short(&[&repo_path.to_string_lossy(), branch]);
    let mut name = tag(repo_name, branch);
    name.truncate("dkr:".len() + TAG_LIMIT - 1 - hash.len());
    format!("{name}-{hash}")
}

/// The name that an image has besides while one of this repository and branch is put on it.
pub(crate) fn temp_tag(repo_path: &Path, branch: &str) -> String {
    format!("{LENT}{}", identity(repo_path, branch))
}

/// Whether it is such a name, which is no image's own.
pub(crate) fn is_lent(name: &str) -> bool {
    name.trim_start_matches("localhost/").starts_with(LENT)
}

/// A name for files about one repository and branch.
pub(crate) fn identity(repo_path: &Path, branch: &str) -> String {
    digest::short(&[&repo_path.to_string_lossy(), branch])
}

/// `<repo>-<4 hex>`: a host name, which is also part of a ref.
pub(crate) fn hostname(repo_name: &str, number: u16) -> String {
    let mut name: String = repo_name
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    name.truncate(HOSTNAME_LIMIT - 5);
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "dkr" } else { name };
    format!("{name}-{number:04x}")
}

/// Whether this can be a container's host name: letters, digits and inner hyphens (RFC 1123).
pub(crate) fn is_hostname(name: &str) -> bool {
    (2..=HOSTNAME_LIMIT).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A fresh name for a work branch: adjective and noun.
pub(crate) fn work_branch() -> String {
    // Words that two together could make awkward.
    const LEFT_OUT: [&str; 12] = [
        "man", "ape", "hot", "massive", "mongrel", "monster", "maggot", "louse", "leech", "stud",
        "tight", "intimate",
    ];
    let mut words = petname::Petnames::small();
    words.retain(|word| !LEFT_OUT.contains(&word));
    words
        .namer(2, "-")
        .iter(&mut rand::rng())
        .next()
        .unwrap_or_else(|| "work".to_owned())
}

/// Whether two branches cannot both be: the same, or one a directory of the other.
pub(crate) fn collide(one: &str, other: &str) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    inside(one, other) || inside(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_hold_what_tags_may_hold() {
        assert_eq!(tag("app", "main"), "dkr:app-main");
        assert_eq!(tag("app", "feature/x@2"), "dkr:app-feature-x-2");
        assert_eq!(tag("app", "$(touch x)`;&'\""), "dkr:app---touch-x------");
        assert_eq!(tag(".files", "main"), "dkr:_files-main");
        assert_eq!(tag("naïve", "main"), "dkr:na-ve-main");
        let long = tag("app", &"x".repeat(300));
        assert_eq!(long.len(), 4 + 128);
        assert_ne!(long, tag("app", &"x".repeat(301)));
    }

    #[test]
    fn names_apart_differ_by_path_and_branch() {
        let one = tag_apart("app", Path::new("/a/app"), "x-y");
        assert!(one.starts_with("dkr:app-x-y-"), "{one}");
        assert_ne!(one, tag_apart("app", Path::new("/b/app"), "x-y"));
        assert_ne!(one, tag_apart("app", Path::new("/a/app"), "x/y"));
        let long = tag_apart("app", Path::new("/"), &"x".repeat(300));
        assert_eq!(long.len(), 4 + 128);
    }

    #[test]
    fn hostnames_are_hostnames() {
        assert_eq!(hostname("My App", 0x3f2a), "my-app-3f2a");
        assert_eq!(hostname("...", 1), "dkr-0001");
        for name in ["x".repeat(100), "naïve".into(), "-".into()] {
            assert!(is_hostname(&hostname(&name, 7)), "{name}");
        }
        for bad in ["", "-a", "a-", "a/b", "a.b", "a b", "$(x)"] {
            assert!(!is_hostname(bad), "{bad}");
        }
    }

    #[test]
    fn work_branches_are_an_adjective_and_a_noun() {
        let name = work_branch();
        assert!(
            regex::Regex::new("^[a-z]+-[a-z]+$")
                .unwrap()
                .is_match(&name),
            "{name}"
        );
    }

    #[test]
    fn branches_collide_with_their_directories() {
        assert!(collide("main", "main"));
        assert!(collide("main", "main/x"));
        assert!(collide("a/b", "a"));
        assert!(!collide("main", "mainly"));
    }

    proptest::proptest! {
        #[test]
        fn any_name_gives_a_tag(repo in ".{0,200}", branch in ".{0,200}") {
            let rule = regex::Regex::new(r"^dkr:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$").unwrap();
            proptest::prop_assert!(rule.is_match(&tag(&repo, &branch)));
            proptest::prop_assert!(rule.is_match(&tag_apart(&repo, Path::new("/x"), &branch)));
        }
    }
}
