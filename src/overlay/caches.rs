//! The caches of a run: this machine's own, and one that is shared.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};

use super::cache::{Archive, CacheLocation, DirectoryCache, Index, SnapshotCache, StoreResult};
use crate::error::Failure;
use crate::ui::{self, Printer};

/// Both of them.
#[derive(Debug)]
pub(crate) struct Caches {
    pub own: DirectoryCache,
    /// The one that is shared, and what the user calls it.
    pub shared: Option<(CacheLocation, SnapshotCache)>,
    /// Says how it goes.
    pub printer: Printer,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum CacheRef<'a> {
    Own(&'a DirectoryCache),
    Shared(&'a CacheLocation, &'a SnapshotCache),
}

/// A cache that could not be asked, or broke off; building may still do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unavailable(String);

impl Caches {
    pub(crate) fn all(&self) -> impl Iterator<Item = CacheRef<'_>> {
        let shared = self.shared.as_ref();
        let shared = shared.map(|(place, cache)| CacheRef::Shared(place, cache));
        [CacheRef::Own(&self.own)].into_iter().chain(shared)
    }

    /// The nearest that has an entry of this tag, with the entry. What is wrong with one cache is told
    /// only when no other has it.
    pub(crate) fn find(&self, tag: &str) -> Result<Option<(CacheRef<'_>, Index)>> {
        let mut failed = Ok(None);
        for cache in self.all() {
            match cache.find(tag) {
                Ok(Some(index)) => return Ok(Some((cache, index))),
                Ok(None) => {}
                Err(error) => failed = Err(error),
            }
        }
        failed
    }

    /// Where one could look, for messages.
    pub(crate) fn names(&self) -> String {
        match &self.shared {
            Some((place, _)) => format!("this machine's cache, nor in {place}"),
            None => "this machine's cache".to_owned(),
        }
    }

    /// Keeps what came from the shared cache in this machine's.
    pub(crate) fn keep(&self, from: CacheRef<'_>, index: &Index, archive: &Path) -> Result<()> {
        if let CacheRef::Shared(..) = from {
            self.own.put(archive, index, false, &count())?;
        }
        Ok(())
    }

    /// Sends what is in this machine's cache to the shared one, if there is one.
    pub(crate) fn push(&self, tag: &str, replace: bool) -> Result<()> {
        let Some((place, shared)) = &self.shared else {
            return Ok(());
        };
        let Some(index) = self.own.find(tag)? else {
            bail!(
                Failure::new(format!("{tag} is not in this machine's cache"))
                    .hint("git dkr overlay build makes it")
            );
        };
        let archive = self.own.get(&index)?;
        let progress = self.printer.progress(&format!("push to {place}"));
        let (size, sent) = (index.size, count());
        let watch = progress.watch(size, Arc::clone(&sent), move |now| {
            format!("pushed {}", ui::bytes_of(now.min(size), size))
        });
        let put = shared
            .put(archive.path(), &index, replace, &sent)
            .with_context(|| format!("cannot push to {place}"))?;
        drop(watch);
        let size = ui::bytes(size);
        let (what, text) = match put {
            StoreResult::Stored => ("pushed", format!("{tag}  {size} to {place}")),
            StoreResult::WasThere => ("there", format!("{tag} was in {place} already")),
            StoreResult::Elsewhere => (
                "left",
                format!("{tag} to another run, which sends it to {place}"),
            ),
        };
        progress.above(|| self.printer.status(what, &text));
        Ok(())
    }
}

impl CacheRef<'_> {
    /// The entry of a tag.
    pub(crate) fn find(self, tag: &str) -> Result<Option<Index>> {
        let found = match self {
            Self::Own(directory) => directory.find(tag),
            Self::Shared(_, cache) => cache.find(tag),
        };
        found.with_context(|| Unavailable(format!("cannot search {self}")))
    }

    /// The archive of an entry; its digest may be still to be checked.
    pub(crate) fn archive(self, index: &Index, printer: Printer) -> Result<Archive> {
        let got = match self {
            Self::Own(directory) => directory.get(index),
            Self::Shared(place, cache) => {
                let progress = printer.progress(&format!("fetch from {place}"));
                let (size, read) = (index.size, count());
                // Each byte counts twice: when it has come, and when it was checked.
                let _watch = progress.watch(size * 2, Arc::clone(&read), move |now| {
                    format!("fetched {}", ui::bytes_of(now.min(size), size))
                });
                cache.get(index, &read)
            }
        };
        got.with_context(|| Unavailable(format!("cannot fetch from {self}")))
    }
}

impl fmt::Display for CacheRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(_) => f.write_str("this machine's cache"),
            Self::Shared(place, _) => write!(f, "{place}"),
        }
    }
}

fn count() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(0))
}
