//! The index of a pack and its reverse, as gitformat-pack(5) of git has them.

use crate::git::bundle::hashing_writer::{HashingWriter, hash_version};

/// One object, in the order of ids.
pub(super) struct IndexEntry<'a> {
    pub id: &'a [u8],
    pub crc32: u32,
    pub offset: u64,
}

/// Offsets from here on are in a table of their own.
const LARGE: u64 = 1 << 31;

/// How long an index will be, of so many objects and offsets that are large.
pub(super) fn index_size(hash: usize, objects: usize, large: usize) -> u64 {
    let objects = objects as u64 * (hash as u64 + 8);
    8 + 256 * 4 + objects + large as u64 * 8 + 2 * hash as u64
}

/// Whether an offset counts as large there.
pub(super) fn is_large(offset: u64) -> bool {
    offset >= LARGE
}

/// All but the hash of itself.
pub(super) fn write_index<'a, I>(out: &mut HashingWriter<'_>, items: impl Fn() -> I, pack: &[u8])
where
    I: Iterator<Item = IndexEntry<'a>>,
{
    out.write(b"\xfftOc");
    out.number(2);
    out.fanout(items().map(|item| item.id));
    items().for_each(|item| out.write(item.id));
    items().for_each(|item| out.number(item.crc32));
    let mut large = 0;
    for item in items() {
        match u32::try_from(item.offset) {
            Ok(offset) if !is_large(item.offset) => out.number(offset),
            _ => {
                out.number(LARGE as u32 | large);
                large += 1;
            }
        }
    }
    for item in items().filter(|item| is_large(item.offset)) {
        out.write(&item.offset.to_be_bytes());
    }
    out.write(pack);
}

/// How long a reverse index will be.
pub(super) fn reverse_size(hash: usize, objects: usize) -> u64 {
    12 + objects as u64 * 4 + 2 * hash as u64
}

/// All but the hash of itself; `positions` are those in the index, in the order of the pack.
pub(super) fn write_reverse(
    out: &mut HashingWriter<'_>,
    kind: gix::hash::Kind,
    positions: &[u32],
    pack: &[u8],
) {
    out.write(b"RIDX");
    out.number(1);
    out.number(hash_version(kind).into());
    positions.iter().for_each(|position| out.number(*position));
    out.write(pack);
}
