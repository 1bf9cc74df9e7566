//! A pack of the repository with its index, both open.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gix::odb::pack::data::entry::Header;
use gix::odb::pack::{data, index};

use super::super::send::is_whole;
use super::bitmap::Bitmap;
use crate::error::Failure;

/// How much is read at a time, in bytes: entries are read one after the other.
const WINDOW: usize = 64 * 1024;

/// The pack. Its entries have ranks, by their offsets, and positions in the index, by their ids.
pub(super) struct SourcePack {
    path: PathBuf,
    file: File,
    pub index: index::File,
    pub kind: gix::hash::Kind,
    /// Of all entries, ascending; and where the last one ends.
    offsets: Vec<u64>,
    /// The positions of all entries, by rank.
    positions: Vec<u32>,
    window: (u64, Vec<u8>),
    /// What to do when it is broken.
    hint: String,
}

/// What the content of an entry is told by.
pub(super) enum DeltaBase {
    None,
    /// An entry before it, by its rank.
    Distant(u32),
    /// An object, by its id: its rank, when it is here.
    Named(Option<u32>),
}

impl SourcePack {
    /// Opens it; `None` when its index says too little, as in git's first years.
    pub(super) fn open(path: &Path, kind: gix::hash::Kind, hint: &str) -> Result<Option<Self>> {
        let index = path.with_extension("idx");
        let index = index::File::at(&index, kind)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", index.display())))?;
        if index.version() != index::Version::V2 {
            return Ok(None);
        }
        let cannot = || format!("cannot read {}", path.display());
        let file = crate::fs::open(path).with_context(cannot)?;
        let size = file.metadata().with_context(cannot)?.len();
        // Its ids would be taken over as they are.
        let whole = is_whole(index.path(), kind);
        let mut entries: Vec<(u64, u32)> = (0..index.num_objects())
            .map(|position| (index.pack_offset_at_index(position), position))
            .collect();
        entries.sort_unstable();
        // Two entries at one offset are no pack.
        let whole = whole && entries.is_sorted_by(|one, next| one.0 < next.0);
        let (mut offsets, positions): (Vec<u64>, Vec<u32>) = entries.into_iter().unzip();
        // Behind the last one is the pack's own hash.
        let end = size.saturating_sub(kind.len_in_bytes() as u64);
        let whole = whole && offsets.last().is_none_or(|last| *last < end);
        offsets.push(end);
        let source = Self {
            path: path.to_owned(),
            file,
            index,
            kind,
            offsets,
            positions,
            window: (0, Vec::new()),
            hint: hint.to_owned(),
        };
        if whole {
            Ok(Some(source))
        } else {
            Err(source.broken())
        }
    }

    /// Its bitmap, if it has one.
    pub(super) fn bitmap(&self) -> Option<Bitmap> {
        Bitmap::of(&self.path, self.count())
    }

    /// How many entries it has.
    pub(super) fn count(&self) -> u32 {
        self.index.num_objects()
    }

    /// The rank of an object, when it is here.
    pub(super) fn rank(&self, id: &gix::hash::oid) -> Option<u32> {
        let offset = self.index.pack_offset_at_index(self.index.lookup(id)?);
        self.rank_at(offset)
    }

    /// The rank of the entry at an offset.
    pub(super) fn rank_at(&self, offset: u64) -> Option<u32> {
        let offsets = self.offsets.get(..self.positions.len())?;
        let rank = offsets.binary_search(&offset).ok()?;
        u32::try_from(rank).ok()
    }

    pub(super) fn position(&self, rank: u32) -> u32 {
        self.positions[rank as usize]
    }

    pub(super) fn id(&self, rank: u32) -> &gix::hash::oid {
        self.index.oid_at_index(self.position(rank))
    }

    /// Where an entry begins, and how long it is.
    pub(super) fn place(&self, rank: u32) -> (u64, u64) {
        let (from, to) = (self.offsets[rank as usize], self.offsets[rank as usize + 1]);
        (from, to.saturating_sub(from))
    }

    /// The beginning of an entry.
    pub(super) fn entry(&mut self, rank: u32) -> Result<data::Entry> {
        let (offset, length) = self.place(rank);
        // A length, and how far it is to another entry or an id: ten bytes or 32 at most.
        let most = length.min(64) as usize;
        let kind = self.kind;
        let decoded = data::Entry::from_bytes(self.read(offset, most)?, offset, kind);
        decoded.map_err(|_| self.broken())
    }

    /// What an entry is a delta of.
    pub(super) fn base(&mut self, rank: u32) -> Result<DeltaBase> {
        let entry = self.entry(rank)?;
        Ok(match entry.header {
            Header::OfsDelta { base_distance } => {
                let offset = self.place(rank).0.checked_sub(base_distance);
                let base = offset.and_then(|offset| self.rank_at(offset));
                DeltaBase::Distant(base.ok_or_else(|| self.broken())?)
            }
            Header::RefDelta { base_id } => DeltaBase::Named(self.rank(&base_id)),
            _ => DeltaBase::None,
        })
    }

    /// So many bytes, which must be there, and be fewer than a window has.
    pub(super) fn read(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let (start, bytes) = &mut self.window;
        let within = |start: u64, have: usize| {
            let skip = usize::try_from(offset.checked_sub(start)?).ok()?;
            (skip.checked_add(length)? <= have).then_some(skip)
        };
        let skip = match within(*start, bytes.len()) {
            Some(skip) => skip,
            None => {
                bytes.resize(WINDOW.max(length), 0);
                *start = offset;
                let read = read_at(&self.file, bytes, offset)
                    .with_context(|| format!("cannot read {}", self.path.display()))?;
                bytes.truncate(read);
                0
            }
        };
        if bytes.len() < skip + length {
            return Err(self.broken());
        }
        Ok(&self.window.1[skip..skip + length])
    }

    /// That it is not what its index says.
    pub(super) fn broken(&self) -> anyhow::Error {
        let shown = self.path.display();
        Failure::new(format!("{shown} is broken: it does not match its index"))
            .hint(&self.hint)
            .into()
    }
}

/// Reads until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
