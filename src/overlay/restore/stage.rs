//! The first half of a restore: all content is unpacked, checked and written beside its place, on
//! all cores, and nothing else is touched.

use std::collections::HashMap;
use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use zstd::bulk::Decompressor;

use super::plan::RestorePlan;
use super::unusable::Unusable;
use crate::digest;
use crate::overlay::parallel;
use crate::overlay::snapshot::attributes;
use crate::overlay::snapshot::manifest::{EntryKind, SnapshotEntry, SnapshotManifest};

/// Parts of a large file that are zero and of this size are not written.
const HOLE: usize = 64 << 10;

/// What a block is needed for.
#[derive(Debug, Clone, Default)]
struct BlockUse {
    /// Files that lie in it.
    whole: Vec<usize>,
    /// Files of which a part does.
    parts: Vec<usize>,
}

/// A block in the archive and in the stream.
#[derive(Debug, Clone, Copy)]
struct BlockSpan {
    packed_at: u64,
    packed: usize,
    start: u64,
    raw: usize,
}

impl BlockSpan {
    fn end(&self) -> u64 {
        self.start + self.raw as u64
    }

    /// Where in the block a file's content is, and from which of its bytes on.
    fn part(&self, at: u64, size: u64) -> (std::ops::Range<usize>, u64) {
        let start = at.clamp(self.start, self.end());
        let end = (at + size).clamp(start, self.end());
        let range = (start - self.start) as usize..(end - self.start) as usize;
        (range, start - at)
    }
}

/// Makes all that is planned in the stage, but for the attributes of directories. Reads the archive
/// once and all of it; nothing of it may be used unless this succeeds.
pub(super) fn stage(
    archive: &File,
    expected: &str,
    manifest: &SnapshotManifest,
    plan: &RestorePlan,
    on_bytes: impl Fn(u64),
) -> Result<()> {
    let entries = &manifest.entries;
    let sites = sites(manifest);
    let wanted = wanted(manifest, plan, &sites);
    for (entry, path) in staged(entries, plan) {
        make_empty(entry, path).with_context(|| format!("cannot make /{}", entry.path))?;
    }
    let path = |index: usize| plan.staged[index].as_deref().unwrap_or(Path::new(""));
    let pool = parallel::BufferPool::default();
    let mut whole = digest::RunningDigest::default();
    let mut running: HashMap<usize, digest::RunningDigest> = HashMap::new();
    parallel::in_order(
        parallel::threads(),
        sites.len(),
        || Decompressor::new().context("cannot start zstd"),
        |zstd, index| {
            let (overlay, wanted) = (&sites[index], &wanted[index]);
            let mut packed = pool.get();
            packed.resize(overlay.packed, 0);
            read(archive, &mut packed, overlay.packed_at)?;
            if wanted.whole.is_empty() && wanted.parts.is_empty() {
                return Ok((packed, Vec::new()));
            }
            let mut raw = pool.get();
            raw.reserve_exact(overlay.raw);
            let unpacked = zstd.decompress_to_buffer(&packed, &mut raw);
            if !unpacked.is_ok_and(|length| length == overlay.raw) {
                return Err(Unusable::corrupt("a block cannot be unpacked").into());
            }
            for &index in &wanted.whole {
                write(&entries[index], path(index), overlay, &raw)?;
            }
            for &index in &wanted.parts {
                let entry = &entries[index];
                write_part(entry, path(index), overlay, &raw)
                    .with_context(|| format!("cannot write /{}", entry.path))?;
            }
            Ok((packed, raw))
        },
        |index, (packed, raw)| {
            whole.update(&packed);
            pool.put(packed);
            let overlay = &sites[index];
            for &index in &wanted[index].parts {
                let (range, from) = overlay.part(at(&entries[index]), entries[index].size());
                let length = range.len() as u64;
                let hash = running.entry(index).or_default();
                hash.update(&raw[range]);
                if from + length == entries[index].size() {
                    let hash = running.remove(&index).unwrap_or_default();
                    check(&entries[index], &hash.finish())?;
                    finish_at(&entries[index], path(index))?;
                }
            }
            on_bytes(raw.len() as u64);
            pool.put(raw);
            Ok(())
        },
    )?;
    let end = sites
        .last()
        .map_or(0, |overlay| overlay.packed_at + overlay.packed as u64);
    let rest = archive.metadata()?.len().saturating_sub(end);
    let mut last = vec![0; usize::try_from(rest)?];
    read(archive, &mut last, end)?;
    whole.update(last);
    if whole.finish() != expected {
        return Err(Unusable::corrupt("it does not match its digest").into());
    }
    for (entry, path) in staged(entries, plan) {
        if let EntryKind::Link { to } = &entry.kind {
            let first = entries.binary_search_by(|other| other.path.cmp(to));
            let first = first.ok().and_then(|first| plan.staged[first].as_deref());
            first
                .map_or(Ok(()), |first| std::fs::hard_link(first, path))
                .with_context(|| format!("cannot link /{} to /{to}", entry.path))?;
        }
    }
    Ok(())
}

fn staged<'a>(
    entries: &'a [SnapshotEntry],
    plan: &'a RestorePlan,
) -> impl Iterator<Item = (&'a SnapshotEntry, &'a PathBuf)> {
    let all = entries.iter().zip(&plan.staged);
    all.filter_map(|(entry, path)| Some((entry, path.as_ref()?)))
}

fn read(archive: &File, buffer: &mut [u8], at: u64) -> Result<()> {
    archive
        .read_exact_at(buffer, at)
        .map_err(|error| Unusable::corrupt(format!("it cannot be read: {error}")).into())
}

fn at(entry: &SnapshotEntry) -> u64 {
    match entry.kind {
        EntryKind::File { at, .. } => at,
        _ => 0,
    }
}

fn sites(manifest: &SnapshotManifest) -> Vec<BlockSpan> {
    let (mut packed_at, mut start) = (0, 0);
    let blocks = manifest.blocks.iter().map(|block| {
        // Both are small, which the manifest's own check has seen to.
        let overlay = BlockSpan {
            packed_at,
            packed: block.packed as usize,
            start,
            raw: block.raw as usize,
        };
        packed_at += block.packed;
        start += block.raw;
        overlay
    });
    blocks.collect()
}

/// Which blocks have content of files that are to be written.
fn wanted(manifest: &SnapshotManifest, plan: &RestorePlan, sites: &[BlockSpan]) -> Vec<BlockUse> {
    let mut wanted = vec![BlockUse::default(); sites.len()];
    let files = manifest.entries.iter().enumerate();
    for (index, entry) in
        files.filter(|(index, entry)| entry.size() > 0 && plan.staged[*index].is_some())
    {
        let (at, end) = (at(entry), at(entry) + entry.size());
        let first = sites.partition_point(|overlay| overlay.end() <= at);
        let last = sites.partition_point(|overlay| overlay.start < end);
        match last - first {
            1 => wanted[first].whole.push(index),
            _ => (first..last).for_each(|block| wanted[block].parts.push(index)),
        }
    }
    wanted
}

fn make_empty(entry: &SnapshotEntry, path: &Path) -> Result<()> {
    match &entry.kind {
        // Open to us alone and writable until all is in its place. What cannot be set is found
        // now.
        EntryKind::Directory | EntryKind::Parent => {
            DirBuilder::new().mode(0o700).create(path)?;
            attributes::set(path, entry)?;
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o700))?;
        }
        EntryKind::Symlink { to } => {
            std::os::unix::fs::symlink(to.path(), path)?;
            finish_at(entry, path)?;
        }
        EntryKind::Fifo => {
            rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
            finish_at(entry, path)?;
        }
        EntryKind::File { size: 0, .. } => {
            check(entry, &digest::of(b""))?;
            finish(entry, &create(path)?)?;
        }
        EntryKind::File { .. } | EntryKind::Link { .. } => {}
    }
    Ok(())
}

fn create(path: &Path) -> std::io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn check(entry: &SnapshotEntry, found: &str) -> Result<()> {
    match &entry.kind {
        EntryKind::File { sha256, .. } if sha256 == found => Ok(()),
        _ => Err(Unusable::corrupt(format!("the content of /{} has changed", entry.path)).into()),
    }
}

fn write(entry: &SnapshotEntry, path: &Path, overlay: &BlockSpan, raw: &[u8]) -> Result<()> {
    let content = &raw[overlay.part(at(entry), entry.size()).0];
    check(entry, &digest::of(content))?;
    let write = || -> Result<()> {
        let mut file = create(path)?;
        file.write_all(content)?;
        finish(entry, &file)
    };
    write().with_context(|| format!("cannot write /{}", entry.path))
}

/// Parts come in any order, from several threads.
fn write_part(
    entry: &SnapshotEntry,
    path: &Path,
    overlay: &BlockSpan,
    raw: &[u8],
) -> std::io::Result<()> {
    let (range, mut from) = overlay.part(at(entry), entry.size());
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    if from + range.len() as u64 == entry.size() {
        // A hole at the end counts too.
        file.set_len(entry.size())?;
    }
    for chunk in raw[range].chunks(HOLE) {
        if chunk.iter().any(|byte| *byte != 0) {
            file.write_all_at(chunk, from)?;
        }
        from += chunk.len() as u64;
    }
    Ok(())
}

fn finish(entry: &SnapshotEntry, file: &File) -> Result<()> {
    attributes::set_open(file, entry)?;
    Ok(())
}

fn finish_at(entry: &SnapshotEntry, path: &Path) -> Result<()> {
    attributes::set(path, entry)
        .and_then(|()| attributes::set_mtime(path, entry.mtime))
        .with_context(|| format!("cannot set the owner and mode of /{}", entry.path))
}
