//! `git dkr overlay restore`

use anyhow::Result;
use clap::Args;

use super::args::RebuildArgs;
use crate::ui::Printer;

/// Put in place what a Containerfile's snapshot holds
///
/// Nothing is written before all of it has been checked. What is there already stays as it is; a
/// restore that was killed is undone or completed by the next.
#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    task: RebuildArgs,
}

impl Restore {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        self.task.run(|job| job.restore(), printer)
    }
}
