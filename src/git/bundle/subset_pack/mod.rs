//! What a commit leads to of one pack, as a pack of its own with its index: made while it is sent, of
//! the entries as they are. Git would write it to disk first, and look at each object on the way. Of a
//! delta whose base stays behind it would make another one; here the object goes whole.
//!
//! The formats are those of gitformat-pack(5) and gitformat-bitmap(5).

mod bitmap;
mod ewah;
mod index;
mod midx;
mod source;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gix::odb::pack::data;
use gix::odb::pack::data::entry::Header;

use bitmap::Bitmap;
use index::{index_size, is_large, reverse_size};
use source::{DeltaBase, SourcePack};

/// What is to be taken of a pack.
pub(super) struct PackSelection {
    source: SourcePack,
    /// Whether each entry is taken, by its rank.
    taken: Vec<bool>,
    /// The rank behind the one that was taken last.
    next: u32,
}

/// The pack that is made of it.
pub(super) struct SubsetPack {
    source: SourcePack,
    /// The ranks of its entries in the source, ascending: they keep their order.
    ranks: Vec<u32>,
    /// Where each begins here, and the last one ends.
    offsets: Vec<u64>,
    wholes: Undeltified,
    /// That of the source, if there is one.
    bitmap: Option<Bitmap>,
}

/// Entries whose base stays behind.
struct Undeltified {
    /// Their ranks in the source, ascending.
    ranks: Vec<u32>,
    /// A pack in which they have no base.
    pack: Option<SourcePack>,
}

impl PackSelection {
    /// Opens a pack; `None` when it cannot be copied from. `hint` says what to do when it is broken.
    pub(super) fn from(pack: &Path, kind: gix::hash::Kind, hint: &str) -> Result<Option<Self>> {
        let source = SourcePack::open(pack, kind, hint)?;
        Ok(source.map(|source| Self {
            taken: vec![false; source.count() as usize],
            source,
            next: 0,
        }))
    }

    /// Selects an object; whether it is there.
    pub(super) fn select(&mut self, id: &gix::hash::oid) -> bool {
        // Git lists most of them in the order of a pack, or nearly so: a search takes ten times longer.
        let next = Some(self.next).filter(|rank| *rank < self.source.count());
        let next = next.filter(|rank| self.source.id(*rank) == id);
        let Some(rank) = next.or_else(|| self.source.rank(id)) else {
            return false;
        };
        self.taken[rank as usize] = true;
        self.next = rank + 1;
        true
    }

    /// Settles how each entry comes, and where; `None` when there are none. `pack_whole` makes a pack of
    /// objects, an id a line, in which none is a delta. The bitmap of the pack comes too, if it is wanted.
    pub(super) fn settle(
        self,
        bitmap: bool,
        pack_whole: impl FnOnce(String) -> Result<PathBuf>,
    ) -> Result<Option<SubsetPack>> {
        let mut source = self.source;
        let ranks = (0..source.count()).zip(self.taken);
        let ranks: Vec<u32> = ranks
            .filter_map(|(rank, taken)| taken.then_some(rank))
            .collect();
        if ranks.is_empty() {
            return Ok(None);
        }
        let bitmap = bitmap.then(|| source.bitmap()).flatten();
        let (bases, orphans) = find_bases(&mut source, &ranks)?;
        let mut wholes = Undeltified {
            ranks: orphans,
            pack: None,
        };
        if !wholes.ranks.is_empty() {
            let ids = wholes.ranks.iter().map(|rank| source.id(*rank));
            let pack = pack_whole(ids.map(|id| format!("{id}\n")).collect())?;
            wholes.pack = SourcePack::open(&pack, source.kind, "")?;
        }
        let offsets = lay_out(&source, &ranks, &bases, &wholes)?;
        Ok(Some(SubsetPack {
            source,
            ranks,
            offsets,
            wholes,
            bitmap,
        }))
    }
}

/// The place of the base of each entry, or its own where it has none or that does not tell where it is; and
/// the ranks of those whose base is not among them.
fn find_bases(source: &mut SourcePack, ranks: &[u32]) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut bases, mut orphans) = (Vec::with_capacity(ranks.len()), Vec::new());
    for (rank, place) in ranks.iter().zip(0..) {
        let base = match source.base(*rank)? {
            DeltaBase::None => Some(place),
            DeltaBase::Distant(base) => place_of(ranks, base),
            DeltaBase::Named(base) => base.and_then(|base| place_of(ranks, base)).map(|_| place),
        };
        if base.is_none() {
            orphans.push(*rank);
        }
        bases.push(base.unwrap_or(place));
    }
    Ok((bases, orphans))
}

/// Where each entry begins, and the last one ends. It takes fewer bytes to say that a base is nearer.
fn lay_out(
    source: &SourcePack,
    ranks: &[u32],
    bases: &[u32],
    wholes: &Undeltified,
) -> Result<Vec<u64>> {
    let mut end = data::header::SIZE as u64;
    let mut offsets = Vec::with_capacity(ranks.len() + 1);
    offsets.push(end);
    for (place, (rank, base)) in ranks.iter().zip(bases).enumerate() {
        let (from, length) = source.place(*rank);
        end += match (wholes.find(source, *rank)?, *base as usize) {
            (Some((pack, rank)), _) => pack.place(rank).1,
            (None, base) if base == place => length,
            (None, base) => {
                let before = from - source.place(ranks[base]).0;
                let digits = |distance| digits(distance).len() as u64;
                length + digits(end - offsets[base]) - digits(before)
            }
        };
        offsets.push(end);
    }
    Ok(offsets)
}

impl Undeltified {
    /// Where an entry of the source is, if it is one of them.
    fn find(&self, source: &SourcePack, rank: u32) -> Result<Option<(&SourcePack, u32)>> {
        if self.ranks.binary_search(&rank).is_err() {
            return Ok(None);
        }
        let pack = self.pack.as_ref();
        let found = pack.and_then(|pack| Some((pack, pack.rank(source.id(rank))?)));
        found
            .map(Some)
            .context("git packed other objects than requested")
    }
}

/// Where an entry of the source comes to stand.
fn place_of(ranks: &[u32], rank: u32) -> Option<u32> {
    let place = ranks.binary_search(&rank).ok()?;
    u32::try_from(place).ok()
}

/// How an entry says how far away its base is.
fn digits(distance: u64) -> Vec<u8> {
    let header = Header::OfsDelta {
        base_distance: distance,
    };
    let mut bytes = Vec::with_capacity(11);
    // Behind one byte, of an object without content. A vector takes all.
    let _ = header.write_to(0, &mut bytes);
    bytes.split_off(1)
}

impl fmt::Debug for SubsetPack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SubsetPack")
            .field(&self.ranks.len())
            .finish()
    }
}

impl SubsetPack {
    /// Where the last entry ends.
    fn end(&self) -> u64 {
        self.offsets.last().copied().unwrap_or_default()
    }

    /// How long the pack, its index and its reverse index are, in bytes.
    fn sizes(&self) -> [u64; 3] {
        let (hash, count) = (self.source.kind.len_in_bytes(), self.ranks.len());
        let starts = &self.offsets[..count];
        let large = starts.iter().filter(|offset| is_large(**offset)).count();
        let index = index_size(hash, count, large);
        [self.end() + hash as u64, index, reverse_size(hash, count)]
    }

    /// All of them together.
    pub(super) fn size(&self) -> u64 {
        self.sizes().iter().sum()
    }
}
