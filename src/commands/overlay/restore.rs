//! `git dkr overlay restore`

use anyhow::Result;
use clap::Args;

use super::{Files, Output, Where, tell};

/// Put in place what a Containerfile's snapshot holds
///
/// Nothing is written before all of it has been checked. What is there already stays as it is; a
/// restore that was killed is undone or completed by the next.
#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: Output,
}

impl Restore {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let parts = self.files.read()?;
        let workplace = self.place.open()?;
        let done = workplace.job(&parts, &self.files).restore()?;
        tell(&parts, &done, &self.output)
    }
}
