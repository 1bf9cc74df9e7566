//! Which commit an image is to hold, and what it follows.

use crate::git::ObjectId;

/// A BRANCH_FROM, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As the user typed it; HEAD is the branch's name, or the commit's id when detached, as it is of
    /// an expression (`main~3`).
    pub branch_from: String,
    /// The branch's name; a tag's name or a commit's id where there is no branch.
    pub branch: String,
    /// The ref that says where the branch is now; `None` for a tag or a commit, which stay.
    pub reference: Option<String>,
    /// The commit.
    pub commit: ObjectId,
}

impl Target {
    /// The branch that the image's clone stands on; `None` for a detached HEAD.
    pub fn on_branch(&self) -> Option<&str> {
        self.reference.as_ref().map(|_| self.branch.as_str())
    }
}
