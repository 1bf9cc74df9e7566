//! `git dkr overlay build`

use anyhow::Result;
use clap::Args;

use super::args::RebuildArgs;
use crate::ui::Printer;

/// Carry out the steps of a Containerfile on this machine, and keep what they change
///
/// All steps run, whatever the caches hold: restore-or-build is the one for every day. When a step
/// fails nothing is stored; what the steps before it did stays done.
#[derive(Debug, Args)]
pub(super) struct Build {
    #[command(flatten)]
    task: RebuildArgs,
}

impl Build {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        self.task.run(|job| job.build(), printer)
    }
}
