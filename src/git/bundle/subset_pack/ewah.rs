//! Compressed bitmaps as git stores them: runs of equal words, and words as they are.
//!
//! The format is that of gitformat-bitmap(5), "Appendix A: serialization format for an EWAH bitmap".

/// How many equal words one run can have, and how many words as they are can follow it.
const MOST: (u64, u64) = (0xffff_ffff, 0x7fff_ffff);

/// Reads a bitmap from the beginning of `bytes`: its words, the lowest bit first. `None` when there is
/// no whole one, or one of more than `words` words.
pub(super) fn decode(bytes: &mut &[u8], words: usize) -> Option<Vec<u64>> {
    let _bits = number(bytes)?;
    let count = number(bytes)? as usize;
    let stored = bytes.split_off(..count.checked_mul(8)?)?;
    let _last = number(bytes)?;
    let mut stored = stored
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_be_bytes(*word));
    let mut made = Vec::new();
    while let Some(marker) = stored.next() {
        let (run, literal) = ((marker >> 1) & MOST.0, marker >> 33);
        let run = usize::try_from(run).ok()?;
        if run > words - made.len() {
            return None;
        }
        made.resize(made.len() + run, if marker & 1 == 1 { u64::MAX } else { 0 });
        for _ in 0..literal {
            made.push(stored.next()?);
        }
        if made.len() > words {
            return None;
        }
    }
    Some(made)
}

pub(super) fn encode(words: &[u64]) -> Vec<u8> {
    let used = words.iter().rposition(|word| *word != 0);
    let words = &words[..used.map_or(0, |last| last + 1)];
    let top = words.last().map_or(0, |word| word.leading_zeros());
    let bits = words.len() as u32 * 64 - top;
    let mut stored: Vec<u64> = Vec::new();
    let mut rest = words;
    let last = loop {
        let equal = match rest.first() {
            Some(&u64::MAX) => u64::MAX,
            _ => 0,
        };
        let run = length(rest, MOST.0, |word| word == equal);
        let (_, behind) = rest.split_at(run);
        let literal = length(behind, MOST.1, |word| word != 0 && word != u64::MAX);
        let (literals, behind) = behind.split_at(literal);
        let at = stored.len();
        stored.push((equal & 1) | (run as u64) << 1 | (literal as u64) << 33);
        stored.extend(literals);
        rest = behind;
        if rest.is_empty() {
            break at;
        }
    };
    let mut bytes = Vec::with_capacity(stored.len() * 8 + 12);
    bytes.extend(bits.to_be_bytes());
    bytes.extend((stored.len() as u32).to_be_bytes());
    bytes.extend(stored.iter().flat_map(|word| word.to_be_bytes()));
    bytes.extend((last as u32).to_be_bytes());
    bytes
}

/// How many words at the beginning are so, up to a number.
fn length(words: &[u64], most: u64, is: impl Fn(u64) -> bool) -> usize {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(words.len());
    let other = words[..most].iter().position(|word| !is(*word));
    other.unwrap_or(most)
}

/// Reads a number of four bytes.
pub(super) fn number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trimmed(words: &[u64]) -> &[u64] {
        let used = words.iter().rposition(|word| *word != 0);
        &words[..used.map_or(0, |last| last + 1)]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            runs in prop::collection::vec((prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 0..9_usize), 0..9),
        ) {
            let words: Vec<u64> = runs.into_iter().flat_map(|(word, times)| vec![word; times]).collect();
            let mut bytes = encode(&words);
            bytes.extend(b"more");
            let mut rest = &bytes[..];
            let read = decode(&mut rest, words.len()).unwrap();
            prop_assert_eq!(read.as_slice(), trimmed(&words));
            prop_assert_eq!(rest, b"more");
        }

        #[test]
        fn nothing_makes_it_panic_or_take_all_memory(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let read = decode(&mut &bytes[..], 100);
            prop_assert!(read.is_none_or(|words| words.len() <= 100));
        }
    }

    #[test]
    fn as_git_writes_it() {
        let bytes = [
            &70_u32.to_be_bytes()[..],
            &2_u32.to_be_bytes(),
            &(1_u64 | 1 << 1 | 1 << 33).to_be_bytes(),
            &0b10_0000_u64.to_be_bytes(),
            &0_u32.to_be_bytes(),
        ]
        .concat();
        assert_eq!(decode(&mut &bytes[..], 2), Some(vec![u64::MAX, 32]));
        assert_eq!(encode(&[u64::MAX, 32, 0]), bytes);
    }
}
