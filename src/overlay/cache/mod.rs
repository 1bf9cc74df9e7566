//! Where snapshots are kept: a directory, or the releases of a repository on GitHub.
//!
//! An entry has a tag, and is an archive and its [`Index`]. It is there as a whole or not at all,
//! whoever writes at the same time and whenever that ends.

mod directory;
mod entry;
mod index;
mod prune;
mod releases;
mod sums;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Result;

pub use directory::DirectoryCache;
pub use entry::StoreResult;
pub(crate) use entry::{Archive, CacheEntry};
pub(crate) use index::IndexPart;
pub use index::{CorruptEntry, Index};
pub(crate) use prune::surplus;
pub use releases::Releases;

use super::containerfile::GitHubRepo;
use super::github::GitHubClient;
use crate::ui::Printer;
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

impl SnapshotCache {
    /// The one at a place; nothing is asked or made yet.
    pub fn open(place: &CacheLocation, printer: Printer) -> Result<Self> {
        Ok(match place {
            CacheLocation::Directory(path) => Self::Directory(DirectoryCache::new(path, printer)),
            CacheLocation::GitHub(repo) => Self::Releases(Box::new(Releases::new(
                GitHubClient::open(printer)?,
                repo,
                conf::part_size(),
                &conf::cache_dir()?.join("downloads"),
            ))),
        })
    }

    /// The entry of a tag. One that is not what it should be is an error with
    /// [`CorruptEntry`] in it.
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
}
