//! One build of one repository and branch at a time: a second one waits, and then builds on what the
//! first one made.

use std::path::PathBuf;

use anyhow::Result;

use crate::conf;
use crate::fs::Lock;
use crate::git::Repo;
use crate::image::model::names;
use crate::ui::Printer;

/// Waits for its turn.
pub(super) fn acquire(repo: &Repo, branch: &str, printer: Printer) -> Result<Lock> {
    Lock::acquire(
        &path(repo, branch)?,
        &format!("another build of {branch}"),
        printer,
    )
}

/// Takes it if no build of the branch is under way.
pub(super) fn try_take(repo: &Repo, branch: &str) -> Result<Option<Lock>> {
    Lock::try_take(&path(repo, branch)?)
}

fn path(repo: &Repo, branch: &str) -> Result<PathBuf> {
    let name = format!("{}.lock", names::identity(&repo.path, branch));
    Ok(conf::cache_directory("locks")?.join(name))
}
