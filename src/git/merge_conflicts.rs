//! What would conflict if two commits were merged.

use anyhow::Result;

use super::{ObjectId, Repo, lines};
use crate::fs::TempDir;

impl Repo {
    /// The files that a merge of the two would leave in conflict. Nothing is checked out, and nothing is written to the
    /// repository. Before 2.38 git cannot tell, and they are none.
    pub(crate) fn merge_conflicts(&self, one: &ObjectId, other: &ObjectId) -> Result<Vec<String>> {
        let scratch = TempDir::new()?;
        let quoted = self
            .objects
            .to_string_lossy()
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        let options = ["merge-tree", "--write-tree", "--name-only", "--no-messages"];
        let cmd = self
            .git(options)
            .args([one.as_str(), other.as_str()])
            .env("GIT_OBJECT_DIRECTORY", scratch.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", format!("\"{quoted}\""));
        let output = cmd.output()?;
        // 1: it would conflict. The first line is the tree that comes of it.
        Ok(match output.status.code() {
            Some(1) => lines(&output.stdout).into_iter().skip(1).collect(),
            _ => Vec::new(),
        })
    }
}
