//! What is to be in an image, whatever it is built on.

use anyhow::Result;

use super::scope;
use crate::conf::{self, Conf};
use crate::git::CommitSummary;
use crate::image::context::BuildContext;
use crate::image::model::Target;

/// A commit and the settings at it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub target: Target,
    /// What is shown of the commit.
    pub commit: CommitSummary,
    pub conf: Conf,
    /// What the user should hear.
    pub remarks: Vec<String>,
}

impl Subject {
    /// Reads the settings at the target's commit, and says what is odd about them.
    pub(super) fn read(context: BuildContext, target: Target) -> Result<Self> {
        let text = context.repo.file_at(&target.commit, conf::FILE)?;
        let conf = context.parse_settings(&target.commit, text.as_deref())?;
        let uncommitted = uncommitted(context, &target, text.as_deref())?;
        let absent = scope::absent(context.repo, &target.commit, &conf)?;
        Ok(Self {
            commit: context.repo.commit(&target.commit)?,
            target,
            conf,
            remarks: uncommitted.into_iter().chain(absent).collect(),
        })
    }
}

/// Settings that the user wrote and did not commit: they do nothing yet.
fn uncommitted(
    context: BuildContext,
    target: &Target,
    committed: Option<&str>,
) -> Result<Option<String>> {
    let in_main_worktree = context.repo.git_dir == context.repo.common_dir;
    let written = crate::fs::read_text(context.repo.path.join(conf::FILE)).ok();
    if !in_main_worktree || written.is_none() || written.as_deref() == committed {
        return Ok(None);
    }
    let at_head = context.repo.commits(&["HEAD"])? == [Some(target.commit.clone())];
    Ok(at_head.then(|| {
        let file = conf::FILE;
        format!("{file} has changes that are not committed; an image takes it from the commit")
    }))
}
