//! Takes a snapshot: what a run changed under a root, in one archive.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::overlay::parallel;
use crate::ui::{self, Printer};

pub(crate) mod archive;
pub(super) mod attributes;
mod baseline;
mod changes;
mod entries;
pub(crate) mod exclusions;
pub(crate) mod machine;
pub mod manifest;
mod name;
pub(super) mod scan;

pub use baseline::Baseline;
pub use exclusions::Exclusions;
pub use machine::Machine;
pub use manifest::{About, SnapshotManifest};

/// A snapshot that was taken.
#[derive(Debug)]
pub struct TakenSnapshot {
    /// What is in it.
    pub manifest: SnapshotManifest,
    /// Digest of the archive, 64 hexadecimal digits.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
    /// What the user should know: what could not be taken.
    pub remarks: Vec<String>,
}

/// What a snapshot is taken of.
#[derive(Debug)]
pub struct SnapshotSubject<'a> {
    /// The root.
    pub root: &'a Path,
    /// What is no part of it.
    pub left_out: &'a Exclusions,
    /// Paths that are, changed or not (absolute, meant in the root).
    pub also: &'a [PathBuf],
    /// What is written of it.
    pub about: About,
    /// The time, in seconds since 1970, that stands for all that the run made; found out if `None`.
    pub source_date: Option<i64>,
    /// Says how it goes.
    pub printer: Printer,
}

/// Writes to `to`, whole or not at all, what is not as it was `before`, and what was asked for, but
/// for what is left out. Times that the run made become one; the root gets the same, so that a root
/// that was built and one that was restored are alike.
pub fn create(before: Baseline, subject: SnapshotSubject<'_>, to: &Path) -> Result<TakenSnapshot> {
    create_on(parallel::threads(), before, subject, to)
}

fn create_on(
    threads: usize,
    before: Baseline,
    subject: SnapshotSubject<'_>,
    to: &Path,
) -> Result<TakenSnapshot> {
    let root = subject.root;
    let progress = subject.printer.progress("looking for what has changed");
    let began = before.began;
    let changes = changes::compare(before, root, subject.left_out, subject.also)?;
    let found = entries::entries(root, &changes, began, subject.source_date)?;
    let mut manifest = SnapshotManifest {
        version: manifest::VERSION,
        about: subject.about,
        entries: found.entries,
        removed: changes.removed,
        blocks: Vec::new(),
    };
    let cannot = || format!("cannot write {}", to.display());
    let directory = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).with_context(cannot)?;
    let mut file = NamedTempFile::new_in(directory).with_context(cannot)?;
    let (total, count) = (manifest.content(), Arc::new(AtomicU64::new(0)));
    let watch = progress.watch(total, Arc::clone(&count), move |now| {
        format!("packing {}", ui::bytes_of(now, total))
    });
    let (size, sha256) =
        archive::write(root, &mut manifest, file.as_file_mut(), threads, |bytes| {
            count.fetch_add(bytes, Ordering::Relaxed);
        })?;
    drop(watch);
    for entry in found.retimed.iter().map(|index| &manifest.entries[*index]) {
        attributes::set_mtime(&root.join(entry.path.path()), entry.mtime)
            .with_context(|| format!("cannot set the time of /{}", entry.path))?;
    }
    file.persist(to).with_context(cannot)?;
    Ok(TakenSnapshot {
        manifest,
        sha256,
        size,
        remarks: found.remarks,
    })
}

#[cfg(test)]
mod tests;
