//! The digests of a file that is copied.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

use crate::digest::RunningDigest;
use crate::proc;

/// SHA-256 of a part of a file, and of the whole so far.
pub(super) struct Sums {
    pub(super) parts: Vec<(u64, String)>,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// Reads a file in parts of this size, which are written to `to` and counted.
pub(super) fn sums(file: &Path, part: u64, to: &mut dyn Write, count: &AtomicU64) -> Result<Sums> {
    let cannot = || format!("cannot read {}", file.display());
    let mut from = crate::fs::open(file).with_context(cannot)?;
    let (mut whole, mut parts, mut size) = (RunningDigest::default(), Vec::new(), 0);
    let mut buffer = vec![0; 1 << 17];
    loop {
        let mut hash = RunningDigest::default();
        let mut taken = (&mut from).take(part);
        let mut len = 0;
        loop {
            proc::check_interrupted()?;
            let read = taken.read(&mut buffer).with_context(cannot)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            // The whole is the one part there is, mostly.
            if part != u64::MAX {
                whole.update(&buffer[..read]);
            }
            to.write_all(&buffer[..read])
                .context("cannot write to the cache")?;
            len += read as u64;
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
        if len == 0 && !parts.is_empty() {
            break;
        }
        size += len;
        parts.push((len, hash.finish()));
        if len < part {
            break;
        }
    }
    let sha256 = match (part, parts.as_slice()) {
        (u64::MAX, [(_, digest)]) => digest.clone(),
        _ => whole.finish(),
    };
    Ok(Sums {
        parts,
        size,
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_parts_and_of_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        for text in ["", "abc", "abcdef", "abcdefg"] {
            std::fs::write(&file, text).unwrap();
            for part in [3, u64::MAX] {
                let mut copy = Vec::new();
                let sums = sums(&file, part, &mut copy, &AtomicU64::new(0)).unwrap();
                assert_eq!(copy, text.as_bytes());
                assert_eq!(sums.sha256, crate::digest::of(text), "{text} {part}");
                assert_eq!(sums.size, text.len() as u64);
                let chunks: Vec<&[u8]> = if text.is_empty() {
                    vec![b""]
                } else {
                    text.as_bytes().chunks(part.min(9) as usize).collect()
                };
                let parts: Vec<String> = chunks.iter().map(crate::digest::of).collect();
                let found: Vec<String> = sums.parts.into_iter().map(|(_, digest)| digest).collect();
                assert_eq!(found, parts);
            }
        }
    }
}
