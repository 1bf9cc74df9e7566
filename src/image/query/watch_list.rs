//! The watch list: which refs have an image on this machine. It stands in the repository's own
//! directory, so that git hooks know without asking the engine whether a ref matters.
//!
//! Two files: `watch` holds the full name of a ref a line and is read by the hooks' shell stubs,
//! which read one byte at a time; `images` holds a line an image: ref, commit, tag, branch,
//! branch-from, with a space between; none of them can hold one.

use anyhow::Result;

use crate::git::{ObjectId, Repo};
use crate::image::model::TrackedImage;
use crate::image::query::tracking::references;
use crate::image::{Image, Labels};

/// One image and the ref that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedImage {
    /// The full name of the ref.
    pub reference: String,
    /// The image's commit.
    pub commit: ObjectId,
    /// The image's name.
    pub tag: String,
    /// The branch of its clone.
    pub branch: String,
    /// As the user typed it.
    pub branch_from: String,
}

impl WatchedImage {
    /// As a line of the list, with its end.
    pub fn to_line(&self) -> String {
        let Self {
            reference,
            commit,
            tag,
            branch,
            branch_from,
        } = self;
        format!("{reference} {commit} {tag} {branch} {branch_from}\n")
    }

    /// Reads a line; `None` for one that nobody here wrote.
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [reference, commit, tag, branch, branch_from] = words[..] else {
            return None;
        };
        Some(Self {
            reference: reference.to_owned(),
            commit: ObjectId::parse(commit)?,
            tag: tag.to_owned(),
            branch: branch.to_owned(),
            branch_from: branch_from.to_owned(),
        })
    }
}

/// What is watched in a repository.
pub fn read(repo: &Repo) -> Vec<WatchedImage> {
    let text = crate::fs::read_text(repo.own_dir().join("images")).unwrap_or_default();
    text.lines().filter_map(WatchedImage::parse).collect()
}

/// Writes down the newest image of each branch of a repository, given all there are, the newest
/// first.
pub fn write(repo: &Repo, images: &[Image]) -> Result<()> {
    let mut newest: Vec<&Labels> = Vec::new();
    let mut tags: Vec<&str> = Vec::new();
    for image in images.iter().filter(|i| i.labels.repo_path == repo.path) {
        let known = newest
            .iter()
            .any(|other| other.branch == image.labels.branch);
        if !image.labels.stays && !known {
            newest.push(&image.labels);
            tags.push(&image.tag);
        }
    }
    let (mut text, mut refs) = (String::new(), String::new());
    let subjects: Vec<TrackedImage> = newest.iter().map(|labels| labels.subject()).collect();
    let references = references(repo, &subjects)?;
    // One that is gone was told of.
    let tips = repo.commits(&references)?;
    let all = newest.iter().zip(tags).zip(references).zip(tips);
    for (((labels, tag), reference), tip) in all {
        if tip.is_none() {
            continue;
        }
        let watched = WatchedImage {
            reference,
            commit: labels.commit.clone(),
            tag: tag.to_owned(),
            branch: labels.branch.clone(),
            branch_from: labels.branch_from.clone(),
        };
        let line = watched.to_line();
        // A revision such as `:/some words` is no branch.
        if WatchedImage::parse(line.trim_end()).as_ref() == Some(&watched) {
            text.push_str(&line);
            refs.push_str(&format!("{}\n", watched.reference));
        }
    }
    for (name, text) in [("images", text), ("watch", refs)] {
        let file = repo.own_dir().join(name);
        if crate::fs::read_text(&file).unwrap_or_default() != text {
            repo.write_own(name, text.as_bytes())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let watched = WatchedImage {
            reference: "refs/remotes/origin/a$(b)'\"".into(),
            commit: ObjectId::parse(&"3f".repeat(20)).unwrap(),
            tag: "dkr:app-a".into(),
            branch: "a$(b)'\"".into(),
            branch_from: "origin/a$(b)'\"".into(),
        };
        let line = watched.to_line();
        assert_eq!(WatchedImage::parse(line.trim_end()), Some(watched));
        assert_eq!(WatchedImage::parse("refs/heads/main"), None);
        assert_eq!(WatchedImage::parse(""), None);
    }
}
