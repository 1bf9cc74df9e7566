//! The caches of a run: this machine's own, and one that is shared.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result};

use super::cache::{Archive, Cache, Corrupt, Index, Place, Put};
use crate::ui;

/// Both of them.
#[derive(Debug)]
pub struct Caches {
    /// This machine's own.
    pub own: Cache,
    /// The one that is shared, and what the user calls it.
    pub shared: Option<(Place, Cache)>,
}

/// An entry, and who has it.
pub struct Entry<'a> {
    /// What it is.
    pub index: Index,
    cache: &'a Cache,
    shared: Option<&'a Place>,
}

impl Caches {
    /// The entry of a tag, out of the nearest cache that has a good one.
    pub fn find(&self, tag: &str) -> Result<Option<Entry<'_>>> {
        let own = match self.own.find(tag) {
            // The other may have a good one.
            Err(error) if Corrupt::is(&error) && self.shared.is_some() => {
                ui::warn(format_args!("{error:#}"));
                None
            }
            found => found?,
        };
        if let Some(index) = own {
            let (cache, shared) = (&self.own, None);
            return Ok(Some(Entry { index, cache, shared }));
        }
        let Some((place, cache)) = &self.shared else {
            return Ok(None);
        };
        let found = cache.find(tag).with_context(|| format!("cannot look into {place}"))?;
        let shared = Some(place);
        Ok(found.map(|index| Entry { index, cache, shared }))
    }

    /// Where one could look, for messages.
    pub fn names(&self) -> String {
        match &self.shared {
            Some((place, _)) => format!("this machine's cache, nor in {place}"),
            None => "this machine's cache".to_owned(),
        }
    }

    /// Sends what is in this machine's cache to the shared one.
    pub fn push(&self, tag: &str, replace: bool) -> Result<Option<Put>> {
        let Some((place, shared)) = &self.shared else {
            return Ok(None);
        };
        let Some(index) = self.own.find(tag)? else {
            return Ok(None);
        };
        let archive = self.own.get(&index, &count())?;
        let progress = ui::Progress::start(&format!("push to {place}"));
        let (size, sent) = (index.size, count());
        let _watch = progress.watch(size, Arc::clone(&sent), move |now| {
            format!("pushed {} of {}", ui::bytes(now.min(size)), ui::bytes(size))
        });
        let put = shared
            .put(archive.path(), &index, replace, &sent)
            .with_context(|| format!("cannot push to {place}"))?;
        Ok(Some(put))
    }
}

impl Entry<'_> {
    /// Its archive. A downloaded one is kept in this machine's own cache.
    pub fn archive(&self) -> Result<Archive> {
        let Some(place) = self.shared else {
            return self.cache.get(&self.index, &count());
        };
        let progress = ui::Progress::start(&format!("fetch from {place}"));
        let (size, read) = (self.index.size, count());
        // Each byte counts twice: when it has come, and when it was checked.
        let _watch = progress.watch(size * 2, Arc::clone(&read), move |now| {
            format!("fetched {} of {}", ui::bytes(now.min(size)), ui::bytes(size))
        });
        self.cache
            .get(&self.index, &read)
            .with_context(|| format!("cannot fetch from {place}"))
    }

    /// Where it was found, for people.
    pub fn from(&self) -> String {
        match self.shared {
            Some(place) => place.to_string(),
            None => "this machine's cache".to_owned(),
        }
    }
}

fn count() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(0))
}
