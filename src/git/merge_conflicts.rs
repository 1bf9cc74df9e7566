//! What would conflict if two commits were merged.

use anyhow::Result;

use super::{ObjectId, Repo, as_alternate, lines};
use crate::fs::TempDir;

/// Merges without a trace: nothing is checked out, and nothing is written to the repository.
#[derive(Debug)]
pub(crate) struct MergeTrial<'a> {
    repo: &'a Repo,
    /// Where what comes of a merge is written.
    scratch: TempDir,
    alternate: String,
}

impl<'a> MergeTrial<'a> {
    /// In this repository.
    pub(crate) fn new(repo: &'a Repo) -> Result<Self> {
        Ok(Self {
            repo,
            scratch: TempDir::new()?,
            alternate: as_alternate(&repo.objects)?,
        })
    }

    /// The files that a merge of the two would leave in conflict. Before 2.38 git cannot tell, and they are
    /// none.
    pub(crate) fn conflicts(&self, one: &ObjectId, other: &ObjectId) -> Result<Vec<String>> {
        let options = ["merge-tree", "--write-tree", "--name-only", "--no-messages"];
        let cmd = self
            .repo
            .git(options)
            .args([one.as_str(), other.as_str()])
            .env("GIT_OBJECT_DIRECTORY", self.scratch.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.alternate);
        let output = cmd.output()?;
        // 1: it would conflict. The first line is the tree that comes of it.
        Ok(match output.status.code() {
            Some(1) => lines(&output.stdout).into_iter().skip(1).collect(),
            _ => Vec::new(),
        })
    }
}
