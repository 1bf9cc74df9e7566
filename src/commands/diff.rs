//! `git dkr diff`

use anyhow::{Context, Result};
use clap::Args;

use super::git_args::GitArgs;
use super::named_container::NamedContainer;
use crate::container::newest::{NewestWork, newest};
use crate::git::DiffEnd;
use crate::ui::Printer;

/// Show what a container has changed since it began
///
/// git diff of the commit that it began at and its newest state that the repository has: with what is not
/// committed, files that are new to git too. It runs on the host, with your pager and settings.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    container: NamedContainer,
    #[command(flatten)]
    git: GitArgs,
}

impl Diff {
    /// Runs it; the exit code is git's.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        self.diff(printer)
            .with_context(|| format!("cannot show the changes of {}", self.container.name))
    }

    fn diff(&self, printer: Printer) -> Result<u8> {
        let (options, paths) = self.git.split()?;
        let (repo, container) = self.container.with_work(printer)?;
        let end = match newest(&container) {
            Some(NewestWork::Uncommitted(stash)) => DiffEnd::of_stash(&repo, stash)?,
            Some(NewestWork::Commit(commit)) => DiffEnd::of_commit(commit),
            None => {
                let what = "the repository has no work of this container";
                printer.status("none", what);
                return Ok(0);
            }
        };
        let base = container.base(&repo)?;
        let code = end.diff(base, options, &paths)?;
        Ok(u8::try_from(code).unwrap_or(1))
    }
}
