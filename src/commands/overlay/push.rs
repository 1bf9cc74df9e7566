//! `git dkr overlay push`

use anyhow::Result;
use clap::Args;

use super::args::{CacheArgs, ContainerfileArgs, shared};
use crate::ui::Printer;

/// Send a snapshot from this machine's cache to the shared one
///
/// Others see it when all of it has arrived. A push that was cut goes on where it was.
#[derive(Debug, Args)]
pub(super) struct Push {
    #[command(flatten)]
    files: ContainerfileArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// Replace a snapshot that is there; until all of the new one has arrived, the old one stays
    #[arg(long)]
    replace: bool,
}

impl Push {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let parts = self.files.read(printer)?;
        let caches = self.cache.open(printer)?;
        shared(&caches)?;
        for part in &parts {
            caches.push(&part.tag, self.replace)?;
        }
        Ok(0)
    }
}
