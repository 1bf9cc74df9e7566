//! What a snapshot comes to, for people and programs. Pure functions.

use serde::Serialize;

use super::snapshot::manifest::{EntryKind, SnapshotEntry, SnapshotManifest};

/// How many of the largest files are named.
const LARGEST: usize = 5;

/// A snapshot in numbers.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Files, each once whatever its names.
    pub files: usize,
    /// Directories that were made or changed.
    #[serde(rename = "folders")]
    pub directories: usize,
    /// Links of both kinds.
    pub links: usize,
    /// Paths that it removes.
    pub removed: usize,
    /// Bytes of the files' content.
    pub bytes: u64,
    /// The largest files, and their bytes.
    pub largest: Vec<(String, u64)>,
}

/// Counts.
pub(crate) fn summary(manifest: &SnapshotManifest) -> Summary {
    let mut sum = Summary {
        removed: manifest.removed.len(),
        bytes: manifest.content(),
        ..Summary::default()
    };
    for entry in &manifest.entries {
        match entry.kind {
            EntryKind::File { .. } => sum.files += 1,
            EntryKind::Directory => sum.directories += 1,
            EntryKind::Link { .. } | EntryKind::Symlink { .. } => sum.links += 1,
            EntryKind::Parent | EntryKind::Fifo => {}
        }
    }
    let mut files: Vec<&SnapshotEntry> = manifest
        .entries
        .iter()
        .filter(|entry| entry.size() > 0)
        .collect();
    files.sort_by_key(|entry| (std::cmp::Reverse(entry.size()), &entry.path));
    let named = files.iter().take(LARGEST);
    sum.largest = named
        .map(|entry| (format!("/{}", entry.path), entry.size()))
        .collect();
    sum
}

/// Every path, a line each: `+` for what it holds, `-` for what it removes.
pub(crate) fn paths(manifest: &SnapshotManifest) -> Vec<String> {
    let held = manifest
        .entries
        .iter()
        .filter(|entry| entry.kind != EntryKind::Parent);
    let mut lines: Vec<(String, char)> = held.map(|entry| (shown(entry), '+')).collect();
    lines.extend(
        manifest
            .removed
            .iter()
            .map(|path| (format!("/{path}"), '-')),
    );
    lines.sort();
    lines
        .into_iter()
        .map(|(path, sign)| format!("{sign} {path}"))
        .collect()
}

fn shown(entry: &SnapshotEntry) -> String {
    match &entry.kind {
        EntryKind::Symlink { to } => format!("/{} -> {to}", entry.path),
        EntryKind::Link { to } => format!("/{} = /{to}", entry.path),
        EntryKind::Directory => format!("/{}/", entry.path),
        _ => format!("/{}", entry.path),
    }
}
