//! Brings a snapshot back: all of it is checked and written beside its place first, and then put
//! into place. A run that was killed is undone or completed by the next.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};

use crate::error::Failure;
use crate::fs::Lock;
use crate::overlay::snapshot::Machine;
use crate::overlay::snapshot::archive::{self, Opened};
use crate::overlay::snapshot::manifest::{EntryKind, Name, SnapshotEntry, SnapshotManifest, Time};
use crate::ui::{self, Printer};

mod journal;
mod on_disk;
mod plan;
mod stage;
mod state;
mod unusable;

use plan::RestoreDirectories;
pub use state::Recovered;
use state::StateDirectory;
pub use unusable::Unusable;

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Entries that were written.
    pub written: usize,
    /// Paths that were removed.
    pub removed: usize,
    /// Entries that were right already.
    pub kept: usize,
    /// Bytes of content that were written.
    pub bytes: u64,
    /// What the user should know.
    pub remarks: Vec<String>,
}

/// Reads the manifest of an archive, and checks it but not the content.
pub fn read_manifest(path: &Path) -> Result<SnapshotManifest> {
    Ok(open(path)?.1.manifest)
}

fn open(path: &Path) -> Result<(File, Opened)> {
    let file = crate::fs::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let opened = archive::open(&file)
        .map_err(|error| Unusable::corrupt(format!("{error:#}")))
        .with_context(|| format!("cannot use {}", path.display()))?;
    Ok((file, opened))
}

/// What an archive must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The key of its Containerfile, 64 hexadecimal digits.
    pub key: &'a str,
    /// Its digest, 64 hexadecimal digits.
    pub sha256: &'a str,
}

/// Restores an archive, which must be what is expected, under a root. `directory` is our own, on the
/// root's file system where possible. What is right already is left alone. Fails with
/// [`Unusable`] when the archive is to blame.
pub fn restore(
    root: &Path,
    directory: &Path,
    path: &Path,
    expected: Expected<'_>,
    printer: Printer,
) -> Result<Restored> {
    let state = StateDirectory::open(directory, printer)?;
    let mut remarks = Vec::new();
    if let Some(Recovered::Completed(_, told)) = state.mend(root)? {
        remarks = told;
    }
    let (file, Opened { manifest, json }) = open(path)?;
    if manifest.about.key != expected.key {
        bail!(Unusable::corrupt("it is of another Containerfile"));
    }
    fits(root, &manifest)?;
    let moment = state.applied(&manifest.about.key)?;
    let moment = moment
        .filter(|(_, applied)| *applied == manifest)
        .map(|(moment, _)| moment);
    let progress = printer.progress("comparing");
    let mut stage = state.begin()?;
    let at = state.stage();
    let plan = plan::plan(
        RestoreDirectories {
            root,
            state: directory,
            stage: &at,
        },
        &manifest,
        moment,
    )?;
    plan::check_owners(&manifest, &plan)?;
    check_space(&at, plan.bytes_on_stage)?;
    stage.note(&json, &plan.journal)?;
    let (total, count) = (plan.bytes, Arc::new(AtomicU64::new(0)));
    let watch = progress.watch(total, Arc::clone(&count), move |now| {
        format!("restoring {}", ui::bytes_of(now, total))
    });
    stage::stage(&file, expected.sha256, &manifest, &plan, |bytes| {
        count.fetch_add(bytes, Ordering::Relaxed);
    })?;
    drop(watch);
    progress.say("putting into place");
    remarks.extend(stage.commit(&state, root, &plan.journal)?);
    Ok(Restored {
        written: plan.staged.iter().flatten().count(),
        removed: plan.journal.removals.len(),
        kept: plan.kept,
        bytes: plan.bytes,
        remarks,
    })
}

fn fits(root: &Path, manifest: &SnapshotManifest) -> Result<(), Unusable> {
    let here = Machine::of(root);
    let there = &manifest.about;
    if (&here.arch, &here.os) == (&there.arch, &there.os) {
        return Ok(());
    }
    let show = |os: &str, arch: &str| format!("{os} {arch}").trim().to_owned();
    let (there, here) = (show(&there.os, &there.arch), show(&here.os, &here.arch));
    Err(Unusable::OtherMachine(there, here))
}

fn check_space(stage: &Path, bytes: u64) -> Result<()> {
    let free = rustix::fs::statvfs(stage).context("cannot find out how much space there is")?;
    let free = free.f_bavail.saturating_mul(free.f_frsize);
    if free < bytes {
        let (bytes, free) = (ui::bytes(bytes), ui::bytes(free));
        let what = format!(
            "the snapshot needs {bytes}, and {free} are free in {}",
            stage.display()
        );
        bail!(Failure::new(what).hint("free some space, then run it again"));
    }
    Ok(())
}

/// Waits until no other run builds or restores with this directory of ours; its turn ends when dropped.
pub fn turn(state: &Path, printer: Printer) -> Result<Lock> {
    StateDirectory::make(state)?;
    Lock::acquire(
        &state.join("turn"),
        "another run that changes the same root",
        printer,
    )
}

/// Ends what a killed run began under this root; `None` when there was none.
pub fn mend(root: &Path, state: &Path, printer: Printer) -> Result<Option<Recovered>> {
    StateDirectory::open(state, printer)?.mend(root)
}

/// Remembers that the root is as this snapshot, which was just taken of it, says.
pub fn record(state: &Path, manifest: &SnapshotManifest, printer: Printer) -> Result<()> {
    StateDirectory::open(state, printer)?.record(manifest)
}

/// The snapshots that were applied to this root, but for those of these keys.
pub fn applied_others(
    state: &Path,
    keys: &[String],
    printer: Printer,
) -> Result<Vec<SnapshotManifest>> {
    StateDirectory::open(state, printer)?.applied_others(keys)
}

/// Whether the snapshots of these keys, one over the other, were applied here, and all is still as
/// they left it: then there is nothing to restore, and no archive is needed to know it.
pub fn is_applied(root: &Path, state: &Path, keys: &[String], printer: Printer) -> Result<bool> {
    let state = StateDirectory::open(state, printer)?;
    state.mend(root)?;
    let mut layers = Vec::new();
    for key in keys {
        match state.applied(key)? {
            Some(layer) if fits(root, &layer.1).is_ok() => layers.push(layer),
            _ => return Ok(false),
        }
    }
    let (there, gone) = all_together(&layers);
    for (path, (entry, moment)) in &there {
        let at = root.join(path.path());
        let Some(meta) = on_disk::look(&at)? else {
            return Ok(false);
        };
        let first = match &entry.kind {
            EntryKind::Link { to } => on_disk::look(&root.join(to.path()))?,
            _ => None,
        };
        if !on_disk::is_right(&at, &meta, entry, first.as_ref(), Some(*moment))? {
            return Ok(false);
        }
    }
    for path in gone {
        if on_disk::look(&root.join(path.path()))?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is there and what is not when each manifest was applied over those before it.
fn all_together(
    layers: &[(Time, SnapshotManifest)],
) -> (BTreeMap<&Name, (&SnapshotEntry, Time)>, Vec<&Name>) {
    let mut all: BTreeMap<&Name, Option<(&SnapshotEntry, Time)>> = BTreeMap::new();
    for (moment, manifest) in layers {
        all.extend(manifest.removed.iter().map(|path| (path, None)));
        for entry in &manifest.entries {
            let known = all.get(&entry.path).is_some_and(Option::is_some);
            if !(known && entry.kind == EntryKind::Parent) {
                all.insert(&entry.path, Some((entry, *moment)));
            }
        }
    }
    let gone = all.iter().filter(|(_, there)| there.is_none());
    let gone = gone.map(|(path, _)| *path).collect();
    let there = all
        .into_iter()
        .filter_map(|(path, there)| Some((path, there?)));
    (there.collect(), gone)
}

#[cfg(test)]
mod tests;
