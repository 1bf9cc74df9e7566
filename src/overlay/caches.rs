//! The caches of a run: this machine's own, and one that is shared.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};

use super::cache::{Archive, Cache, Corrupt, Folder, Index, Place, Put};
use crate::error::Failure;
use crate::ui;

/// Both of them.
#[derive(Debug)]
pub struct Caches {
    /// This machine's own.
    pub own: Folder,
    /// The one that is shared, and what the user calls it.
    pub shared: Option<(Place, Cache)>,
}

/// An entry, and who has it.
pub struct Entry<'a> {
    /// What it is.
    pub index: Index,
    from: From<'a>,
}

enum From<'a> {
    Own(&'a Folder),
    Shared(&'a Place, &'a Cache),
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
            let from = From::Own(&self.own);
            return Ok(Some(Entry { index, from }));
        }
        let Some((place, cache)) = &self.shared else {
            return Ok(None);
        };
        let found = cache
            .find(tag)
            .with_context(|| format!("cannot look into {place}"))?;
        let entry = |index| Entry {
            index,
            from: From::Shared(place, cache),
        };
        Ok(found.map(entry))
    }

    /// Where one could look, for messages.
    pub fn names(&self) -> String {
        match &self.shared {
            Some((place, _)) => format!("this machine's cache, nor in {place}"),
            None => "this machine's cache".to_owned(),
        }
    }

    /// Sends what is in this machine's cache to the shared one, if there is one.
    pub fn push(&self, tag: &str, replace: bool) -> Result<()> {
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
        let progress = ui::Progress::start(&format!("push to {place}"));
        let (size, sent) = (index.size, count());
        let watch = progress.watch(size, Arc::clone(&sent), move |now| {
            format!("pushed {} of {}", ui::bytes(now.min(size)), ui::bytes(size))
        });
        let put = shared
            .put(archive.path(), &index, replace, &sent)
            .with_context(|| format!("cannot push to {place}"))?;
        drop(watch);
        let size = ui::bytes(size);
        let (what, text) = match put {
            Put::Stored => ("pushed", format!("{tag}  {size} to {place}")),
            Put::WasThere => ("there", format!("{tag} was in {place} already")),
            Put::Elsewhere => (
                "left",
                format!("{tag} to another run, which sends it to {place}"),
            ),
        };
        progress.above(|| ui::status(what, &text));
        Ok(())
    }
}

impl Entry<'_> {
    /// Its archive; its digest may be still to be checked.
    pub fn archive(&self) -> Result<Archive> {
        let (place, cache) = match self.from {
            From::Own(folder) => return folder.get(&self.index),
            From::Shared(place, cache) => (place, cache),
        };
        let progress = ui::Progress::start(&format!("fetch from {place}"));
        let (size, read) = (self.index.size, count());
        // Each byte counts twice: when it has come, and when it was checked.
        let _watch = progress.watch(size * 2, Arc::clone(&read), move |now| {
            format!(
                "fetched {} of {}",
                ui::bytes(now.min(size)),
                ui::bytes(size)
            )
        });
        cache
            .get(&self.index, &read)
            .with_context(|| format!("cannot fetch from {place}"))
    }

    /// Where it was found, for people.
    pub fn from(&self) -> String {
        match self.from {
            From::Own(_) => "this machine's cache".to_owned(),
            From::Shared(place, _) => place.to_string(),
        }
    }
}

fn count() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(0))
}
