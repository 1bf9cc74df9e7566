//! Where snapshots are kept: a directory, or the releases of a repository on GitHub.
//!
//! An entry has a tag, and is an archive and its [`Index`]. It is there as a whole or not at all,
//! whoever writes at the same time and whenever that ends.

mod directory;
mod index;
mod prune;
mod releases;

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use jiff::Timestamp;

pub use directory::DirectoryCache;
pub use index::{CorruptEntry, Index, IndexPart};
pub use prune::surplus;
pub use releases::Releases;

use super::containerfile::GitHubRepo;
use super::downloads::DownloadFile;
use super::github::GitHubClient;
use crate::digest::RunningDigest;
use crate::{conf, proc};

/// Which cache, as a user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheLocation {
    /// `dir:PATH`, or a path.
    Directory(PathBuf),
    /// `github:owner/repo`.
    GitHub(GitHubRepo),
}

impl CacheLocation {
    /// Reads what a user writes. A path is relative to where they are.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(repo) = text.strip_prefix("github:") {
            return GitHubRepo::parse(repo).map(Self::GitHub);
        }
        let path = text.strip_prefix("dir:").unwrap_or(text);
        if path.is_empty() {
            return Err("a cache is `dir:PATH` or `github:owner/repo`".to_owned());
        }
        let scheme = path.split(['/', ':']).next().unwrap_or_default();
        if path == text && path[scheme.len()..].starts_with(':') {
            return Err(format!(
                "`{text}` is not a cache; write `dir:{text}` for a directory, or `github:owner/repo`"
            ));
        }
        Ok(Self::Directory(path.into()))
    }
}

impl fmt::Display for CacheLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::GitHub(repo) => write!(f, "github:{repo}"),
        }
    }
}

/// A cache.
#[derive(Debug)]
pub enum SnapshotCache {
    /// A directory.
    Directory(DirectoryCache),
    /// The releases of a repository.
    Releases(Box<Releases>),
}

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
    /// Its tag.
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
    path: PathBuf,
    held: ArchiveHold,
}

#[derive(Debug)]
enum ArchiveHold {
    InDirectory { _lock: File },
    Downloaded(DownloadFile),
}

impl Archive {
    /// Where it is.
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

impl SnapshotCache {
    /// The one at a place; nothing is asked or made yet.
    pub fn open(place: &CacheLocation) -> Result<Self> {
        Ok(match place {
            CacheLocation::Directory(path) => Self::Directory(DirectoryCache::new(path)),
            CacheLocation::GitHub(repo) => Self::Releases(Box::new(Releases::new(
                GitHubClient::open()?,
                repo,
                conf::part_size(),
                &conf::cache_dir()?.join("downloads"),
            ))),
        })
    }

    /// The entry of a tag. One that is not what it should be is an error with
    /// [`CorruptEntry`](index::CorruptEntry) in it.
    pub fn find(&self, tag: &str) -> Result<Option<Index>> {
        match self {
            Self::Directory(directory) => directory.find(tag),
            Self::Releases(releases) => releases.find(tag),
        }
    }

    /// Its archive. The digest of one that was downloaded is right; that of one in a directory is for the
    /// reader to check. `count` counts bytes, up to twice the size of it: those that were downloaded,
    /// then those that were checked.
    pub fn get(&self, index: &Index, count: &Arc<AtomicU64>) -> Result<Archive> {
        match self {
            Self::Directory(directory) => directory.get(index),
            Self::Releases(releases) => releases.get(index, count),
        }
    }

    /// Stores an archive. An entry of this tag that looks good stays, unless it is to be replaced, as when
    /// [`SnapshotCache::get`] found it corrupt: then there is the old or the new one. `count` counts bytes
    /// that were written.
    pub fn put(
        &self,
        archive: &Path,
        index: &Index,
        replace: bool,
        count: &Arc<AtomicU64>,
    ) -> Result<StoreResult> {
        match self {
            Self::Directory(directory) => directory.put(archive, index, replace, count),
            Self::Releases(releases) => releases.put(archive, index, replace, count),
        }
    }

    /// Whether one could write, as far as that is known without asking: a token is there.
    pub fn may_write(&self) -> Result<()> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Releases(releases) => releases.may_write(),
        }
    }

    /// All entries.
    pub fn list(&self) -> Result<Vec<CacheEntry>> {
        match self {
            Self::Directory(directory) => directory.list(),
            Self::Releases(releases) => releases.list(),
        }
    }

    /// Removes an entry, if it is there. Whether it is gone: one that is being read stays.
    pub fn remove(&self, tag: &str) -> Result<bool> {
        match self {
            Self::Directory(directory) => directory.remove(tag),
            Self::Releases(releases) => releases.remove(tag).map(|()| true),
        }
    }

    /// Removes all but the newest of each name, and what writers that are gone left behind; never what
    /// somebody reads or writes. What it removed.
    pub fn prune(&self, keep: usize) -> Result<Vec<CacheEntry>> {
        let entries = self.list()?;
        let mut gone = Vec::new();
        for tag in surplus(&entries, keep) {
            proc::check_interrupted()?;
            let removed = self.remove(&tag)?;
            gone.extend(
                entries
                    .iter()
                    .filter(|entry| removed && entry.tag == tag)
                    .cloned(),
            );
        }
        match self {
            Self::Directory(directory) => directory.sweep()?,
            Self::Releases(releases) => releases.sweep()?,
        }
        Ok(gone)
    }
}

/// SHA-256 of a part of a file, and of the whole so far.
struct Sums {
    parts: Vec<(u64, String)>,
    size: u64,
    sha256: String,
}

/// Reads a file in parts of this size, which are written to `to` and counted.
fn sums(file: &Path, part: u64, to: &mut dyn Write, count: &AtomicU64) -> Result<Sums> {
    let cannot = || format!("cannot read {}", file.display());
    let mut from = crate::fs::open(file).with_context(cannot)?;
    let (mut whole, mut parts, mut size) = (RunningDigest::default(), Vec::new(), 0);
    let mut buffer = vec![0; 1 << 17];
    loop {
        let mut hash = RunningDigest::default();
        let mut taken = (&mut from).take(part);
        let mut len = 0;
        loop {
            proc::check_interrupted()?;
            let read = taken.read(&mut buffer).with_context(cannot)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            // The whole is the one part there is, mostly.
            if part != u64::MAX {
                whole.update(&buffer[..read]);
            }
            to.write_all(&buffer[..read])
                .context("cannot write to the cache")?;
            len += read as u64;
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
        if len == 0 && !parts.is_empty() {
            break;
        }
        size += len;
        parts.push((len, hash.finish()));
        if len < part {
            break;
        }
    }
    let sha256 = match (part, parts.as_slice()) {
        (u64::MAX, [(_, digest)]) => digest.clone(),
        _ => whole.finish(),
    };
    Ok(Sums {
        parts,
        size,
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let show = |text: &str| match CacheLocation::parse(text) {
            Ok(place) => place.to_string(),
            Err(why) => why,
        };
        let told: Vec<String> = [
            "dir:/a b",
            "a/b",
            "dir:c:d",
            "github:a/b",
            "github:a",
            "gihub:a/b",
            "https://x",
            "",
            "dir:",
        ]
        .iter()
        .map(|text| format!("{text:?}: {}", show(text)))
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn sums_are_of_parts_and_of_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        for text in ["", "abc", "abcdef", "abcdefg"] {
            std::fs::write(&file, text).unwrap();
            for part in [3, u64::MAX] {
                let mut copy = Vec::new();
                let sums = sums(&file, part, &mut copy, &AtomicU64::new(0)).unwrap();
                assert_eq!(copy, text.as_bytes());
                assert_eq!(sums.sha256, crate::digest::of(text), "{text} {part}");
                assert_eq!(sums.size, text.len() as u64);
                let chunks: Vec<&[u8]> = if text.is_empty() {
                    vec![b""]
                } else {
                    text.as_bytes().chunks(part.min(9) as usize).collect()
                };
                let parts: Vec<String> = chunks.iter().map(crate::digest::of).collect();
                let found: Vec<String> = sums.parts.into_iter().map(|(_, digest)| digest).collect();
                assert_eq!(found, parts);
            }
        }
    }
}
