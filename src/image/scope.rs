//! How much of the commit is to be in an image, held against what there is.

use anyhow::{Result, bail};

use crate::conf::Conf;
use crate::error::Failure;
use crate::git::{ObjectId, Repo};

/// What to say of folders of `sparse` that the commit lacks. Fails when none of them is there, or
/// one is a file: nobody wants that image.
pub fn absent(repo: &Repo, commit: &ObjectId, conf: &Conf) -> Result<Option<String>> {
    let wanted = outermost(&conf.sparse.value);
    if wanted.is_empty() {
        return Ok(None);
    }
    let found = repo.which(commit, &wanted)?;
    let short = commit.short();
    if !found.files.is_empty() {
        bail!(
            Failure::new(format!(
                "sparse ({}) names what is no folder in {short}: {}",
                conf.sparse.origin,
                found.files.join(", ")
            ))
            .hint("name the folder that it is in; files at the top are always there")
        );
    }
    let there = |path: &String| found.folders.contains(path) || found.submodules.contains(path);
    let lacking: Vec<&str> = wanted
        .iter()
        .filter(|path| !there(path))
        .map(String::as_str)
        .collect();
    if lacking.is_empty() {
        return Ok(None);
    }
    let text = format!(
        "sparse ({}) names what {short} does not have: {}",
        conf.sparse.origin,
        lacking.join(", ")
    );
    if lacking.len() == wanted.len() {
        bail!(Failure::new(text).hint(format!(
            "git ls-tree -dr --name-only {short} lists its folders"
        )));
    }
    Ok(Some(text))
}

/// Without those that lie in another one.
fn outermost(paths: &[String]) -> Vec<String> {
    let inside = |path: &str, other: &str| {
        path.strip_prefix(other)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let mut kept: Vec<String> = paths
        .iter()
        .filter(|path| !paths.iter().any(|other| inside(path, other)))
        .cloned()
        .collect();
    kept.sort();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_another_folder_comes_with_it() {
        let paths = ["a/b", "ab", "a", "a/b/c", "a"].map(str::to_owned);
        assert_eq!(outermost(&paths), ["a", "ab"]);
    }
}
