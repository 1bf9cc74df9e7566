//! The reachability bitmap of a pack, made into the one of its subset: the same commits, as far as they
//! are there, and of each the bits of the entries that are there.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use gix::odb::pack::{index, multi_index};

use super::super::send::TrailingHash;
use super::ewah::{decode, encode, number};
use super::midx;

/// Names of the options in the head of the file: every commit leads to what is in the pack alone, and
/// the hashes of paths stand at the end.
const FULL: u16 = 1;
const HASHES: u16 = 4;
/// How many entries before one that may be from which it differs.
const FARTHEST: usize = 160;

/// A bitmap of a repository: of one pack, or of several of which that one is the first.
pub(super) struct Bitmap {
    file: File,
    several: Option<multi_index::File>,
}

/// Which entries of a pack are kept.
pub(super) struct KeptEntries<'a> {
    pub index: &'a index::File,
    /// Their ranks, ascending.
    pub ranks: &'a [u32],
    /// Their positions in the index, ascending.
    pub positions: &'a [u32],
}

impl Bitmap {
    /// The one by which git reads a pack of so many objects.
    pub(super) fn of(pack: &Path, count: u32) -> Option<Self> {
        if let Ok(file) = crate::fs::open(pack.with_extension("bitmap")) {
            let several = None;
            return Some(Self { file, several });
        }
        let (file, several) = midx::open(pack, count)?;
        let several = Some(several);
        Some(Self { file, several })
    }

    /// That of the subset, but for the hash of itself; `None` when this one is not understood. `pack` is
    /// the hash of the subset.
    pub(super) fn translated(mut self, kept: &KeptEntries<'_>, pack: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).ok()?;
        let format = kept.index.object_hash().to_string();
        let mut check = TrailingHash::new(bytes.len() as u64, Some(&format));
        check.read(&bytes);
        let (of, all) = match &self.several {
            None => (kept.index.pack_checksum(), kept.index.num_objects()),
            Some(several) => (several.checksum(), several.num_objects()),
        };
        let site = BitmapOrder {
            of: of.as_slice(),
            all: all as usize,
            first: kept.index.num_objects() as usize,
            ranks: kept.ranks,
            positions: kept.positions,
            others: self.several.as_ref().map(|several| (several, kept.index)),
        };
        check.holds().then(|| translate(&bytes, &site, pack))?
    }
}

/// What a bitmap speaks of, and what is kept of it.
struct BitmapOrder<'a> {
    /// The hash of the pack, or of the index of several.
    of: &'a [u8],
    /// How many objects there are in all.
    all: usize,
    /// How many are in the pack.
    first: usize,
    ranks: &'a [u32],
    positions: &'a [u32],
    /// Where objects have other positions than in the index of the pack.
    others: Option<(&'a multi_index::File, &'a index::File)>,
}

impl BitmapOrder<'_> {
    /// The position in the index of the subset of what has this one there, when it is kept.
    fn ours(&self, position: u32) -> Option<u32> {
        let position = match self.others {
            None => position,
            Some((several, _)) if position >= several.num_objects() => return None,
            Some((several, index)) => index.lookup(several.oid_at_index(position))?,
        };
        u32::try_from(self.positions.binary_search(&position).ok()?).ok()
    }

    /// Where something is that has this position in the index of the pack.
    fn theirs(&self, position: u32) -> Option<u32> {
        match self.others {
            None => Some(position),
            Some((several, index)) => several.lookup(index.oid_at_index(position)),
        }
    }

    /// Whether there are objects of other packs among these.
    fn leaves(&self, bits: &[u64]) -> bool {
        let (word, bit) = (self.first / 64, self.first % 64);
        let rest = bits.get(word..).unwrap_or_default();
        rest.first().is_some_and(|word| word >> bit != 0)
            || rest.iter().skip(1).any(|word| *word != 0)
    }
}

fn translate(bitmap: &[u8], numbers: &BitmapOrder<'_>, pack: &[u8]) -> Option<Vec<u8>> {
    let hash = pack.len();
    let words = numbers.all.div_ceil(64);
    let mut mask = vec![0_u64; words];
    for rank in numbers.ranks {
        *mask.get_mut(*rank as usize / 64)? |= 1 << (rank % 64);
    }
    let mut rest = bitmap.strip_prefix(b"BITM\0\x01")?;
    let options = rest.split_off(..2)?;
    let options = u16::from_be_bytes(options.try_into().ok()?);
    let count = number(&mut rest)?;
    if rest.split_off(..hash)? != numbers.of {
        return None;
    }

    let has_hashes = options & HASHES != 0;
    let mut made = b"BITM\0\x01".to_vec();
    made.extend((if has_hashes { FULL | HASHES } else { FULL }).to_be_bytes());
    let counted = made.len();
    made.extend(0_u32.to_be_bytes());
    made.extend(pack);
    // Commits, trees, blobs and tags.
    for _ in 0..4 {
        made.extend(encode(&compact_bits(&decode(&mut rest, words)?, &mask)));
    }

    // A bitmap may be what differs from one a few before it.
    let mut before: VecDeque<Vec<u8>> = VecDeque::new();
    let mut previous: Option<Vec<u64>> = None;
    let mut taken = 0_u32;
    for _ in 0..count {
        let position = number(&mut rest)?;
        let [other, flags]: [u8; 2] = rest.split_off(..2)?.try_into().ok()?;
        let mut bits = decode(&mut rest, words)?;
        if other > 0 {
            let base = before.len().checked_sub(usize::from(other))?;
            toggle(&mut bits, &decode(&mut &before[base][..], words)?);
        }
        if let Some(position) = numbers.ours(position)
            && !numbers.leaves(&bits)
        {
            let squeezed = compact_bits(&bits, &mask);
            let whole = encode(&squeezed);
            let differs = previous.map(|mut previous| {
                toggle(&mut previous, &squeezed);
                encode(&previous)
            });
            let (other, shorter) = match differs {
                Some(differs) if differs.len() < whole.len() => (1, differs),
                _ => (0, whole),
            };
            made.extend(position.to_be_bytes());
            made.extend([other, flags]);
            made.extend(shorter);
            previous = Some(squeezed);
            taken += 1;
        }
        if before.len() == FARTHEST {
            before.pop_front();
        }
        before.push_back(encode(&bits));
    }
    made[counted..counted + 4].copy_from_slice(&taken.to_be_bytes());

    if has_hashes {
        let end = bitmap.len().checked_sub(hash)?;
        let hashes = bitmap.get(end.checked_sub(numbers.all * 4)?..end)?;
        for position in numbers.positions {
            let at = numbers.theirs(*position)? as usize * 4;
            made.extend_from_slice(hashes.get(at..at + 4)?);
        }
    }
    Some(made)
}

/// The bits that the mask keeps, close together.
fn compact_bits(words: &[u64], mask: &[u64]) -> Vec<u64> {
    let mut made = Vec::new();
    let (mut current, mut filled) = (0, 0);
    for (word, mask) in words.iter().zip(mask) {
        let bits = gather(*word, *mask);
        current |= bits << filled;
        let next = filled + mask.count_ones();
        if next < 64 {
            filled = next;
            continue;
        }
        made.push(current);
        current = bits.checked_shr(64 - filled).unwrap_or(0);
        filled = next - 64;
    }
    made.push(current);
    made
}

/// The same in one word.
fn gather(word: u64, mask: u64) -> u64 {
    match word & mask {
        0 => return 0,
        bits if mask == u64::MAX => return bits,
        bits if bits == mask => return u64::MAX >> (64 - mask.count_ones()),
        _ => {}
    }
    let (mut left, mut bits) = (mask, 0);
    for at in 0..mask.count_ones() {
        bits |= (word >> left.trailing_zeros() & 1) << at;
        left &= left - 1;
    }
    bits
}

fn toggle(words: &mut Vec<u64>, other: &[u64]) {
    words.resize(words.len().max(other.len()), 0);
    for (word, other) in words.iter_mut().zip(other) {
        *word ^= other;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words() -> impl Strategy<Value = Vec<u64>> {
        let word = prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
        prop::collection::vec(word, 0..6)
    }

    proptest! {
        #[test]
        fn what_is_kept_moves_together(words in words(), mask in words()) {
            let bit = |words: &[u64], at: usize| words[at / 64] >> (at % 64) & 1;
            let squeezed = compact_bits(&words, &mask);
            let kept = (0..words.len().min(mask.len()) * 64).filter(|at| bit(&mask, *at) == 1);
            let expected: Vec<u64> = kept.map(|at| bit(&words, at)).collect();
            let found: Vec<u64> = (0..squeezed.len() * 64).map(|at| bit(&squeezed, at)).collect();
            prop_assert_eq!(&found[..expected.len()], &expected[..]);
            prop_assert!(found[expected.len()..].iter().all(|bit| *bit == 0));
        }

        #[test]
        fn nothing_makes_it_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            options in any::<bool>(),
        ) {
            let head = [b"BITM\0\x01\0".as_slice(), if options { b"\x05" } else { b"\x01" }];
            bytes.splice(0..0, [head.concat(), 2_u32.to_be_bytes().to_vec(), vec![0; 20]].concat());
            let numbers = BitmapOrder {
                of: &[0; 20],
                all: 100,
                first: 100,
                ranks: &[1, 70],
                positions: &[2, 3],
                others: None,
            };
            translate(&bytes, &numbers, &[7; 20]);
        }
    }
}
