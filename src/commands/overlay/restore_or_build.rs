//! `git dkr overlay restore-or-build`

use anyhow::Result;
use clap::Args;

use super::{Files, Output, Where, shared, tell};

/// Restore what is in a cache, and build the rest
///
/// A snapshot that is missing, damaged or of another kind of machine is built anew, and that is
/// said.
#[derive(Debug, Args)]
pub struct RestoreOrBuild {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    place: Where,
    /// Send what was built to the shared cache
    #[arg(long)]
    push: bool,
    #[command(flatten)]
    output: Output,
}

impl RestoreOrBuild {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let parts = self.files.read()?;
        let workplace = self.place.open()?;
        if self.push {
            shared(&workplace.caches)?.may_write()?;
        }
        let done = workplace
            .job(&parts, &self.files)
            .restore_or_build(self.push)?;
        tell(&parts, &done, &self.output)
    }
}
