//! An image that git dkr built, as its labels tell of it.

use std::path::Path;

use super::labels::Labels;
use super::names;
use crate::engine::EngineImage;
use crate::git::ObjectId;

/// An image that git dkr built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The engine's id, `sha256:…`.
    pub id: String,
    pub tag: String,
    /// Bytes, all layers together.
    pub size: u64,
    /// What its labels say.
    pub labels: Labels,
}

impl Image {
    /// From what the engine said, if the labels make sense.
    pub fn read(tag: String, found: &EngineImage) -> Result<Self, String> {
        Ok(Self {
            labels: Labels::parse(&found.labels)?,
            id: found.id.clone(),
            size: found.size,
            tag,
        })
    }

    /// Under the name that we gave it, if that is among these: people give others.
    pub fn under_our_name(mut self, names: &[String]) -> Self {
        let ours = |name: &&String| self.is_our_name(name);
        if let Some(name) = names.iter().find(ours) {
            self.tag = name.clone();
        }
        self
    }

    fn is_our_name(&self, name: &str) -> bool {
        let labels = &self.labels;
        let (repo, branch) = (&labels.repo_name, &labels.branch);
        name == names::tag(repo, branch)
            || name == names::tag_apart(repo, &labels.repo_path, branch)
    }

    /// Whether the name is the one that we gave it.
    pub fn has_our_name(&self) -> bool {
        self.is_our_name(&self.tag)
    }

    /// Whether it is meant by what the user typed, which leads to `branch` if to anything.
    pub fn answers_to(&self, typed: &str, branch: Option<&str>) -> bool {
        self.labels.subject().answers_to(typed, branch)
    }

    /// Whether it is of this repository and branch.
    pub fn is_of(&self, repo_path: &Path, branch: &str) -> bool {
        self.labels.repo_path == repo_path && self.labels.branch == branch
    }
}

/// What is known of an image without asking an engine.
#[derive(Debug, Clone, Copy)]
pub struct TrackedImage<'a> {
    /// The commit it stands at.
    pub commit: &'a ObjectId,
    /// The branch of its clone.
    pub branch: &'a str,
    /// What the user typed.
    pub branch_from: &'a str,
    /// Whether it is of a tag or a commit.
    pub stays: bool,
}

impl TrackedImage<'_> {
    /// Whether it is meant by what the user typed, which leads to `branch` if to anything.
    pub fn answers_to(&self, typed: &str, branch: Option<&str>) -> bool {
        self.branch == typed || self.branch_from == typed || branch == Some(self.branch)
    }
}

impl Labels {
    /// As far as git is concerned.
    pub fn subject(&self) -> TrackedImage<'_> {
        TrackedImage {
            commit: &self.commit,
            branch: &self.branch,
            branch_from: &self.branch_from,
            stays: self.stays,
        }
    }
}
