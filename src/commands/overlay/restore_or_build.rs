//! `git dkr overlay restore-or-build`

use anyhow::Result;
use clap::Args;

use super::args::{RebuildArgs, shared};
use crate::ui::Printer;

/// Restore what is in a cache, and build the rest
///
/// A snapshot that is missing, damaged or of another kind of machine is built anew, and that is
/// said.
#[derive(Debug, Args)]
pub(super) struct RestoreOrBuild {
    #[command(flatten)]
    task: RebuildArgs,
    /// Send what was built to the shared cache
    #[arg(long)]
    push: bool,
}

impl RestoreOrBuild {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        self.task.run(
            |job| {
                if self.push {
                    shared(job.caches)?.may_write()?;
                }
                job.restore_or_build(self.push)
            },
            printer,
        )
    }
}
