//! An entry of a cache, and its archive.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::overlay::downloads::DownloadFile;

/// What came of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreResult {
    /// It is there now.
    Stored,
    /// It was there.
    WasThere,
    /// Another run writes the same, and has gone further.
    Elsewhere,
}

/// An entry, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheEntry {
    pub tag: String,
    /// Bytes of its archive.
    pub size: u64,
    /// When it was written, or read where that is known.
    pub used_at: Timestamp,
    /// Whether it is of no use: something of it is missing.
    pub broken: bool,
}

/// An archive on this machine, which nobody removes for as long as this lives. A downloaded one is
/// gone afterwards.
#[derive(Debug)]
pub struct Archive {
    pub(super) path: PathBuf,
    pub(super) held: ArchiveHold,
}

#[derive(Debug)]
pub(super) enum ArchiveHold {
    InDirectory { _lock: File },
    Downloaded(DownloadFile),
}

impl Archive {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        if let ArchiveHold::Downloaded(slot) = &mut self.held {
            slot.spend();
        }
    }
}
