//! The archive of a snapshot: a tar of its entries in frames of zstd (RFC 8878), one for each block,
//! so that all cores pack and unpack; the manifest as the last file, in a frame of its own; and a
//! skippable frame, which says where that one begins. `tar --zstd -tf` lists it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;
use zstd::bulk::Compressor;

use super::manifest::{Block, EntryKind, Name, SnapshotEntry, SnapshotManifest};
use crate::digest;
use crate::error::Failure;
use crate::overlay::parallel;

/// The level of zstd, its own default.
const LEVEL: i32 = 3;
/// The bytes of a block, but for the last file's.
const BLOCK: u64 = 4 << 20;
/// The unit of tar.
const UNIT: u64 = 512;
/// What the manifest is called among the files.
const MANIFEST: &str = ".git-dkr-manifest.json";
/// More than the largest manifest has, a million paths of average length twice over.
const MANIFEST_LIMIT: u64 = 512 << 20;
/// The magic number of a skippable frame, and how long ours is.
const SKIPPABLE: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 24, 0, 0, 0];
const SIGNATURE: [u8; 8] = *b"git-dkr\n";
const TRAILER: u64 = 32;

/// Where an entry is in the stream: its headers, its content, its end.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    content: u64,
    size: u64,
    end: u64,
}

/// A block on its way to the file.
struct Packed {
    bytes: Vec<u8>,
    raw: Vec<u8>,
    digests: Vec<(usize, String)>,
}

/// Reads the files that the manifest names, and writes the archive; sets blocks and digests. The
/// bytes do not depend on the number of threads. Returns size and digest of the archive.
pub(crate) fn write(
    root: &Path,
    manifest: &mut SnapshotManifest,
    to: &mut File,
    threads: usize,
    on_bytes: impl Fn(u64),
) -> Result<(u64, String)> {
    let spans = layout(&mut manifest.entries)?;
    let cuts = cut(&spans);
    let entries = &manifest.entries;
    let (mut size, mut whole) = (0, digest::RunningDigest::default());
    let (mut blocks, mut digests) = (Vec::new(), Vec::new());
    let pool = parallel::BufferPool::default();
    // Of the file that began in an earlier block.
    let mut running = digest::RunningDigest::default();
    let mut put = |bytes: &[u8]| {
        to.write_all(bytes).context("cannot write the snapshot")?;
        whole.update(bytes);
        size += bytes.len() as u64;
        anyhow::Ok(())
    };
    parallel::in_order(
        threads,
        cuts.len(),
        || Compressor::new(LEVEL).context("cannot start zstd"),
        |zstd, index| pack(zstd, &pool, root, entries, &spans, &cuts[index]),
        |index, packed| {
            put(&packed.bytes)?;
            let block = &cuts[index];
            blocks.push(Block {
                packed: packed.bytes.len() as u64,
                raw: packed.raw.len() as u64,
            });
            digests.extend(packed.digests);
            for entry in within(&spans, block) {
                let span = spans[entry];
                let part = part(&span, block);
                if is_whole(&span, block) || part.is_empty() {
                    continue;
                }
                let slice = (part.start - block.start) as usize..(part.end - block.start) as usize;
                running.update(&packed.raw[slice]);
                if part.end == span.content + span.size {
                    digests.push((entry, std::mem::take(&mut running).finish()));
                }
            }
            on_bytes(packed.raw.len() as u64);
            pool.put(packed.raw);
            pool.put(packed.bytes);
            Ok(())
        },
    )?;
    for (index, digest) in digests {
        if let EntryKind::File { sha256, .. } = &mut manifest.entries[index].kind {
            *sha256 = digest;
        }
    }
    manifest.blocks = blocks;
    let json = manifest.to_json().context("cannot write the manifest")?;
    let mut header = tar::Header::new_gnu();
    header.set_size(json.len() as u64);
    header.set_mode(0o644);
    let mut last = members(&mut header, Path::new(MANIFEST), None)?;
    last.extend(&json);
    last.resize(
        last.len().next_multiple_of(UNIT as usize) + 2 * UNIT as usize,
        0,
    );
    let last = zstd::bulk::compress(&last, LEVEL).context("cannot pack the manifest")?;
    put(&last)?;
    let mut trailer = SKIPPABLE.to_vec();
    trailer.extend(SIGNATURE);
    trailer.extend((last.len() as u64).to_le_bytes());
    trailer.extend((json.len() as u64).to_le_bytes());
    put(&trailer)?;
    Ok((size, whole.finish()))
}

/// Gives each entry its place.
fn layout(entries: &mut [SnapshotEntry]) -> Result<Vec<Span>> {
    let (mut spans, mut start) = (Vec::with_capacity(entries.len()), 0);
    for entry in entries {
        let content = start + headers(entry)?.len() as u64;
        let size = entry.size();
        if let EntryKind::File { at, .. } = &mut entry.kind {
            *at = content;
        }
        let end = content + size.next_multiple_of(UNIT);
        spans.push(Span {
            start,
            content,
            size,
            end,
        });
        start = end;
    }
    Ok(spans)
}

type Range = std::ops::Range<u64>;

/// Cuts the stream between entries, and in entries that are larger than a block.
fn cut(spans: &[Span]) -> Vec<Range> {
    let (mut cuts, mut start) = (Vec::new(), 0);
    for span in spans {
        if span.end - start > BLOCK && span.start > start {
            cuts.push(start..span.start);
            start = span.start;
        }
        while span.end - start > BLOCK {
            cuts.push(start..start + BLOCK);
            start += BLOCK;
        }
    }
    let end = spans.last().map_or(0, |span| span.end);
    cuts.extend((end > start).then_some(start..end));
    cuts
}

/// The entries that have bytes in a block.
fn within(spans: &[Span], block: &Range) -> std::ops::Range<usize> {
    let first = spans.partition_point(|span| span.end <= block.start);
    first..spans.partition_point(|span| span.start < block.end)
}

/// The part of an entry's content that lies in a block.
fn part(span: &Span, block: &Range) -> Range {
    let end = span.content + span.size;
    let start = span.content.clamp(block.start, block.end);
    start..end.clamp(start, block.end)
}

fn is_whole(span: &Span, block: &Range) -> bool {
    block.start <= span.content && span.content + span.size <= block.end
}

fn pack(
    zstd: &mut Compressor,
    pool: &parallel::BufferPool,
    root: &Path,
    entries: &[SnapshotEntry],
    spans: &[Span],
    block: &Range,
) -> Result<Packed> {
    let mut raw = pool.get();
    raw.resize((block.end - block.start) as usize, 0);
    let mut digests = Vec::new();
    for index in within(spans, block) {
        let (entry, span) = (&entries[index], &spans[index]);
        if span.start < block.end && block.start < span.content {
            let headers = headers(entry)?;
            let skipped = block.start.saturating_sub(span.start) as usize;
            let at = (span.start.max(block.start) - block.start) as usize;
            let length = (headers.len() - skipped).min(raw.len() - at);
            raw[at..at + length].copy_from_slice(&headers[skipped..skipped + length]);
        }
        let part = part(span, block);
        let slice = (part.start - block.start) as usize..(part.end - block.start) as usize;
        let buffer = &mut raw[slice];
        if !buffer.is_empty() {
            read(root, &entry.path, span, part.start, buffer)?;
        }
        if matches!(entry.kind, EntryKind::File { .. }) && is_whole(span, block) {
            digests.push((index, digest::of(buffer)));
        }
    }
    let mut bytes = pool.get();
    bytes.reserve(zstd::zstd_safe::compress_bound(raw.len()));
    zstd.compress_to_buffer(&raw, &mut bytes)
        .context("cannot pack")?;
    Ok(Packed {
        bytes,
        raw,
        digests,
    })
}

/// A log that grows meanwhile is taken as long as it was. One that shrinks or is replaced by another
/// has no content that one could speak of.
fn read(root: &Path, path: &Name, span: &Span, from: u64, buffer: &mut [u8]) -> Result<()> {
    let mut open = || {
        let mut options = File::options();
        options
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(root.join(path.path()))?;
        file.read_exact_at(buffer, from - span.content)?;
        std::io::Result::Ok(file.metadata()?.size())
    };
    match open() {
        Ok(size) if size >= span.size => Ok(()),
        Err(error)
            if !matches!(
                error.kind(),
                std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::NotFound
            ) =>
        {
            Err(error).with_context(|| format!("cannot read /{path}"))
        }
        _ => bail!(
            Failure::new(format!("/{path} changes while the snapshot is taken")).hint(
                "something that runs here writes to it: stop that while the snapshot is taken"
            )
        ),
    }
}

/// An entry's headers in the stream. Extended attributes are the manifest's.
fn headers(entry: &SnapshotEntry) -> Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.uid.into());
    header.set_gid(entry.gid.into());
    header.set_mtime(u64::try_from(entry.mtime.0).unwrap_or(0));
    header.set_size(entry.size());
    let (kind, to) = match &entry.kind {
        EntryKind::Directory | EntryKind::Parent => (tar::EntryType::Directory, None),
        EntryKind::File { .. } => (tar::EntryType::Regular, None),
        EntryKind::Link { to } => (tar::EntryType::Link, Some(to)),
        EntryKind::Symlink { to } => (tar::EntryType::Symlink, Some(to)),
        EntryKind::Fifo => (tar::EntryType::Fifo, None),
    };
    header.set_entry_type(kind);
    members(&mut header, entry.path.path(), to.map(Name::path))
}

/// A header and what a long name needs before it, without content.
fn members(header: &mut tar::Header, path: &Path, link: Option<&Path>) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    match link {
        None => builder.append_data(header, path, std::io::empty()),
        Some(target) => builder.append_link(header, path, target),
    }
    .with_context(|| format!("cannot archive {}", path.display()))?;
    let mut bytes = builder.into_inner().context("cannot archive")?;
    bytes.truncate(bytes.len() - 2 * UNIT as usize);
    Ok(bytes)
}

/// What an archive says of itself.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Checked.
    pub manifest: SnapshotManifest,
    /// As it was written.
    pub json: Vec<u8>,
}

/// Reads the manifest of an archive. What is wrong is the archive's fault.
pub(crate) fn open(file: &File) -> Result<Opened> {
    let length = file.metadata()?.len();
    let mut trailer = [0; TRAILER as usize];
    let end = length.checked_sub(TRAILER).context("it is too short")?;
    file.read_exact_at(&mut trailer, end)?;
    let number = |at: usize| {
        trailer[at..]
            .iter()
            .take(8)
            .rev()
            .fold(0, |n, b| n << 8 | u64::from(*b))
    };
    ensure!(
        trailer[..8] == SKIPPABLE && trailer[8..16] == SIGNATURE,
        "it does not end as a snapshot does"
    );
    let (packed, size) = (number(16), number(24));
    let begin = end.checked_sub(packed).context("its manifest is missing")?;
    ensure!(
        size <= MANIFEST_LIMIT && packed <= MANIFEST_LIMIT,
        "its manifest is too large"
    );
    let mut bytes = vec![0; usize::try_from(packed)?];
    file.read_exact_at(&mut bytes, begin)?;
    let mut stream = zstd::stream::Decoder::with_buffer(&bytes[..])?.single_frame();
    stream.read_exact(&mut [0; UNIT as usize])?;
    let mut json = Vec::new();
    stream.take(size).read_to_end(&mut json)?;
    ensure!(json.len() as u64 == size, "its manifest ends in the middle");
    let manifest = SnapshotManifest::parse(&json)
        .map_err(anyhow::Error::msg)
        .context("its manifest is malformed")?;
    let blocks = manifest.blocks.iter().map(|block| block.packed);
    ensure!(
        blocks.sum::<u64>() == begin,
        "its blocks are not as long as it says"
    );
    Ok(Opened { manifest, json })
}
