//! `git dkr log`

use anyhow::{Context, Result};
use clap::Args;

use super::git_args::GitArgs;
use super::named_container::NamedContainer;
use crate::container::newest::tips;
use crate::git;
use crate::ui::Printer;

/// Show the commits that a container has made
///
/// git log of all that it has pushed and that is saved of it, without what the commit that it began at leads
/// to. It runs on the host, with your pager and settings.
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(flatten)]
    container: NamedContainer,
    #[command(flatten)]
    git: GitArgs,
}

impl Log {
    /// Runs it; the exit code is git's.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        self.log(printer)
            .with_context(|| format!("cannot show the commits of {}", self.container.name))
    }

    fn log(&self, printer: Printer) -> Result<u8> {
        let (options, paths) = self.git.split()?;
        let (repo, container) = self.container.with_work(printer)?;
        let tips = tips(&container);
        if tips.is_empty() {
            let what = "the repository has no commit of this container";
            printer.status("none", what);
            return Ok(0);
        }
        let code = git::log(&tips, container.base(&repo)?, options, &paths)?;
        Ok(u8::try_from(code).unwrap_or(1))
    }
}
