//! Where a download comes from.

use std::fmt;

use crate::net::Address;

/// Where a download comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadSource {
    /// An https address.
    Url(Address),
    /// The files of a repository on GitHub, without the one directory that they are packed in.
    GitHub {
        /// Which.
        repo: GitHubRepo,
        /// A branch, a tag or a commit; `None` is the newest release, or the default branch of a
        /// repository without releases.
        at: Option<String>,
    },
}

/// A repository on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubRepo {
    /// Whose.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl DownloadSource {
    /// Reads `https://…` (`http://` of this machine alone) and `github:owner/repo[@ref]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("github:") {
            let (repo, at) = match rest.split_once('@') {
                Some((repo, at)) => (repo, Some(at)),
                None => (rest, None),
            };
            let repo = GitHubRepo::parse(repo)?;
            return match at {
                Some(at) if !is_ref(at) => Err(format!("`{at}` is not a branch, tag or commit")),
                at => Ok(Self::GitHub {
                    repo,
                    at: at.map(str::to_owned),
                }),
            };
        }
        let near = near_miss(text);
        Address::parse(text).map(Self::Url).map_err(|why| {
            let shown = text.split('?').next().unwrap_or_default();
            near.map_or(why, |near| format!("`{shown}` is not understood; {near}"))
        })
    }
}

/// What somebody probably meant who wrote this.
fn near_miss(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let meant = |rest: &str| {
        let mut parts = rest.trim_end_matches('/').splitn(3, '/');
        let repo = format!("{}/{}", parts.next()?, parts.next()?);
        let repo = GitHubRepo::parse(repo.trim_end_matches(".git")).ok()?;
        Some(format!("did you mean github:{repo}?"))
    };
    for prefix in [
        "github.com/",
        "www.github.com/",
        "git@github.com:",
        "gh:",
        "github/",
        "ssh://git@github.com/",
        "git://github.com/",
    ] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return meant(&text[text.len() - rest.len()..]);
        }
    }
    if lower.starts_with("github:") {
        return Some("write github: in lower case".to_owned());
    }
    let host = text.split('/').next().unwrap_or_default();
    if text.contains('/') && host.contains('.') && !host.starts_with('.') && !host.contains(':') {
        return Some("an address begins with https://".to_owned());
    }
    meant(text).filter(|_| text.matches('/').count() == 1)
}

impl GitHubRepo {
    /// Reads `owner/repo`, as GitHub allows their names.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a repository on GitHub; write owner/repo");
        let (owner, name) = text.split_once('/').ok_or_else(wrong)?;
        let plain = |text: &str, more: &[char]| {
            let mut letters = text.chars();
            letters.all(|letter| letter.is_ascii_alphanumeric() || more.contains(&letter))
        };
        // Names of managed users have an underscore.
        let is_owner = plain(owner, &['-', '_']) && (1..=39).contains(&owner.len());
        let is_name = plain(name, &['-', '_', '.']) && (1..=100).contains(&name.len());
        if !is_owner || !is_name || owner.starts_with('-') || matches!(name, "." | "..") {
            return Err(wrong());
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for GitHubRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Display for DownloadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(address) => write!(f, "{address}"),
            Self::GitHub { repo, at: None } => write!(f, "github:{repo}"),
            Self::GitHub { repo, at: Some(at) } => write!(f, "github:{repo}@{at}"),
        }
    }
}

/// A ref as git allows it (git-check-ref-format), in the letters that need no escape in a path,
/// and `+`, `@`, `=`, `,` and `!`.
fn is_ref(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./+@=,!".contains(letter);
    !text.is_empty()
        && text.len() <= 250
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !text.contains("..")
        && text
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
        && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sources_are_read() {
        for same in [
            "https://example.com/a.tar.gz",
            "http://127.0.0.1:8080/x",
            "github:ada/things",
            "github:ada/things.rs@v1.2",
            "github:a-b_corp/x@feature/one",
            "github:ada/things@refs/tags/v1@2",
        ] {
            assert_eq!(DownloadSource::parse(same).unwrap().to_string(), same);
        }
    }

    #[test]
    fn what_is_none_is_told() {
        let mut told = String::new();
        for wrong in [
            "",
            "http://example.com/x",
            "example.com/x.tgz",
            "ada/things",
            "github.com/ada/things.git",
            "git@github.com:ada/things.git",
            "GitHub:ada/things",
            "github:ada",
            "github:ada/..",
            "github:ada/things/more",
            "github:ada/things?x",
            "github:ada/things@",
            "github:ada/things@a..b",
            "github:ada/things@a b",
            "github:ada/things@a#b",
            "github:-ada/things",
            "../x",
        ] {
            told += &format!("{wrong}\n  {}\n", DownloadSource::parse(wrong).unwrap_err());
        }
        insta::assert_snapshot!(told);
    }

    proptest! {
        #[test]
        fn never_a_panic(text in "\\PC*", at in "[a-z./@?#%\\\\: -]*") {
            let _ = DownloadSource::parse(&text);
            if let Ok(DownloadSource::GitHub { at: Some(at), .. }) = DownloadSource::parse(&format!("github:a/b@{at}")) {
                prop_assert!(!at.contains("..") && !at.contains(['?', '#', ' ', '%', '\\']));
            }
        }
    }
}
