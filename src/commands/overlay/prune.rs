//! `git dkr overlay prune`

use anyhow::Result;
use clap::Args;

use super::args::CacheArgs;
use crate::overlay::cache::SnapshotCache;
use crate::ui::{self, Printer};

/// Remove old snapshots from a cache
///
/// Those of each name that were used last stay. What writers that are gone left behind is removed,
/// too.
#[derive(Debug, Args)]
pub(super) struct Prune {
    /// How many snapshots of each name stay
    #[arg(long, value_name = "N")]
    keep: usize,
    /// Prune the shared cache, instead of this machine's own
    #[arg(long)]
    shared: bool,
    #[command(flatten)]
    cache: CacheArgs,
}

impl Prune {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let caches = self.cache.open(printer)?;
        let gone = if self.shared {
            super::args::shared(&caches)?.prune(self.keep)?
        } else {
            SnapshotCache::Directory(caches.own).prune(self.keep)?
        };
        for entry in &gone {
            ui::result(&entry.tag)?;
        }
        let bytes = gone.iter().map(|entry| entry.size).sum();
        let what = format!("{} snapshots, {}", gone.len(), ui::bytes(bytes));
        printer.status("removed", &what);
        Ok(0)
    }
}
