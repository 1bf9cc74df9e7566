//! The subset on its way out: each entry is compared with what the index of its pack says.

use anyhow::{Context, Result, bail};
use crc32fast::Hasher;
use gix::odb::pack::data;
use gix::odb::pack::data::entry::Header;

use super::super::hashing_writer::HashingWriter;
use super::super::send::{header, padding};
use super::bitmap::KeptEntries;
use super::index::{IndexEntry, write_index, write_reverse};
use super::source::{DeltaBase, SourcePack};
use super::{SubsetPack, digits, place_of};
use crate::digest;

/// How much of an entry is copied at a time, in bytes.
const PIECE: u64 = 32 * 1024;

impl SubsetPack {
    /// Hands all of them out, as files of a tar archive; whether they were taken. Fails when an
    /// entry is not what the index of its pack says.
    pub(crate) fn send(mut self, give: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<bool> {
        let [pack, index, reverse] = self.sizes();
        let kind = self.source.kind;
        // By id: its position in the index of the source, and its place here.
        let places = 0_u32..;
        let mut sorted: Vec<(u32, u32)> = self.ranks.iter().copied().zip(places).collect();
        for (rank, _) in &mut sorted {
            *rank = self.source.position(*rank);
        }
        sorted.sort_unstable();
        let mut ids = digest::RunningDigest::default();
        for (position, _) in &sorted {
            ids.update(self.source.index.oid_at_index(*position).as_bytes());
        }
        let name = &ids.finish()[..2 * kind.len_in_bytes()];

        let mut file =
            |end: &str, size, write: &mut dyn FnMut(&mut HashingWriter<'_>) -> Result<()>| {
                let name = format!("objects/pack/pack-{name}.{end}");
                if !give(header(&name, size)?) {
                    return Ok(None);
                }
                let mut out = HashingWriter::new(kind, give);
                write(&mut out)?;
                if !out.over && out.count() + kind.len_in_bytes() as u64 != size {
                    bail!("{name} does not have the expected length");
                }
                let (hash, taken) = out.finish();
                Ok((taken && give(vec![0; padding(size)])).then_some(hash))
            };

        let mut sums = Vec::with_capacity(self.ranks.len());
        let hash = file("pack", pack, &mut |out| {
            sums = self.write(out)?;
            Ok(())
        })?;
        let Some(hash) = hash else { return Ok(false) };
        let items = || {
            sorted.iter().map(|(position, place)| IndexEntry {
                id: self.source.index.oid_at_index(*position).as_bytes(),
                crc32: sums[*place as usize],
                offset: self.offsets[*place as usize],
            })
        };
        let taken = file("idx", index, &mut |out| {
            write_index(out, items, &hash);
            Ok(())
        })?;
        if taken.is_none() {
            return Ok(false);
        }
        let mut positions = vec![0; sorted.len()];
        for ((_, place), position) in sorted.iter().zip(0..) {
            positions[*place as usize] = position;
        }
        let taken = file("rev", reverse, &mut |out| {
            write_reverse(out, kind, &positions, &hash);
            Ok(())
        })?;
        if taken.is_none() {
            return Ok(false);
        }
        let positions: Vec<u32> = sorted.iter().map(|(position, _)| *position).collect();
        let kept = KeptEntries {
            index: &self.source.index,
            ranks: &self.ranks,
            positions: &positions,
        };
        // Git does without one, if a little slower.
        let bitmap = self
            .bitmap
            .and_then(|bitmap| bitmap.translated(&kept, &hash));
        let Some(bitmap) = bitmap else {
            return Ok(true);
        };
        let size = (bitmap.len() + hash.len()) as u64;
        let taken = file("bitmap", size, &mut |out| {
            out.write(&bitmap);
            Ok(())
        })?;
        Ok(taken.is_some())
    }

    /// Writes the pack but for its hash; the CRC-32 of each entry.
    fn write(&mut self, out: &mut HashingWriter<'_>) -> Result<Vec<u32>> {
        let mut sums = Vec::with_capacity(self.ranks.len());
        let count = u32::try_from(self.ranks.len()).context("too many objects for one pack")?;
        out.write(&data::header::encode(data::Version::V2, count));
        for place in 0..self.ranks.len() {
            if out.over {
                break;
            }
            sums.push(self.copy(place, out)?);
        }
        Ok(sums)
    }

    /// Copies an entry, which must be what its index says; its CRC-32 here.
    fn copy(&mut self, place: usize, out: &mut HashingWriter<'_>) -> Result<u32> {
        let rank = self.ranks[place];
        let whole = self.wholes.find(&self.source, rank)?.map(|(_, rank)| rank);
        if let (Some(rank), Some(pack)) = (whole, &mut self.wholes.pack) {
            if pack.entry(rank)?.header.is_delta() {
                bail!("git packed a delta where none was expected");
            }
            return copy(pack, rank, None, out);
        }
        let moved = match self.source.base(rank)? {
            DeltaBase::Distant(base) => {
                let base = place_of(&self.ranks, base).context("an entry has lost its base")?;
                Some(self.offsets[place] - self.offsets[base as usize])
            }
            DeltaBase::None | DeltaBase::Named(_) => None,
        };
        copy(&mut self.source, rank, moved, out)
    }
}

/// Copies an entry of a pack. Its base may be at another distance.
fn copy(
    from: &mut SourcePack,
    rank: u32,
    distance: Option<u64>,
    out: &mut HashingWriter<'_>,
) -> Result<u32> {
    let (mut offset, mut length) = from.place(rank);
    let (mut theirs, mut ours) = (Hasher::new(), None);
    let entry = from.entry(rank)?;
    if let (Some(distance), Header::OfsDelta { base_distance }) = (distance, entry.header)
        && distance != base_distance
    {
        let skip = entry.header_size();
        let header = from.read(offset, skip)?;
        theirs.update(header);
        // How long the object is stays as it was written.
        let kept = skip.saturating_sub(digits(base_distance).len());
        let bytes = [&header[..kept], &digits(distance)].concat();
        out.write(&bytes);
        let mut sum = Hasher::new();
        sum.update(&bytes);
        ours = Some(sum);
        offset += skip as u64;
        length = length.saturating_sub(skip as u64);
    }
    while length > 0 {
        let piece = from.read(offset, length.min(PIECE) as usize)?;
        theirs.update(piece);
        if let Some(sum) = &mut ours {
            sum.update(piece);
        }
        out.write(piece);
        offset += piece.len() as u64;
        length -= piece.len() as u64;
    }
    let theirs = theirs.finalize();
    if from.index.crc32_at_index(from.position(rank)) != Some(theirs) {
        return Err(from.broken());
    }
    Ok(ours.map_or(theirs, Hasher::finalize))
}
