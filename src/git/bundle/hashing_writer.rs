//! A file on its way out in pieces, which ends in its own hash, as all of git's do.

use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::DynDigest;

use super::send::CHUNK;

/// How git's files call the hash by which objects are named.
pub(super) fn hash_version(kind: gix::hash::Kind) -> u8 {
    match kind {
        gix::hash::Kind::Sha256 => 2,
        _ => 1,
    }
}

/// Gathers small pieces into chunks.
pub(super) struct HashingWriter<'a> {
    give: &'a mut dyn FnMut(Vec<u8>) -> bool,
    chunk: Vec<u8>,
    hash: Box<dyn DynDigest>,
    count: u64,
    /// Nobody takes any more.
    pub over: bool,
}

impl<'a> HashingWriter<'a> {
    pub(super) fn new(kind: gix::hash::Kind, give: &'a mut dyn FnMut(Vec<u8>) -> bool) -> Self {
        Self {
            give,
            chunk: Vec::with_capacity(CHUNK),
            hash: match kind {
                gix::hash::Kind::Sha256 => Box::new(Sha256::default()),
                _ => Box::new(Sha1::default()),
            },
            count: 0,
            over: false,
        }
    }

    /// How many bytes there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        self.count += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            if self.chunk.len() == CHUNK {
                self.flush();
            }
            bytes = rest;
        }
    }

    pub(super) fn number(&mut self, number: u32) {
        self.write(&number.to_be_bytes());
    }

    /// How many ids, in their order, begin with no more than each byte.
    pub(super) fn fanout<'i>(&mut self, ids: impl Iterator<Item = &'i [u8]>) {
        let mut counts = [0_u32; 256];
        for id in ids {
            counts[id[0] as usize] += 1;
        }
        let mut below = 0;
        for count in counts {
            below += count;
            self.number(below);
        }
    }

    /// Ends it in its hash; the hash, and whether all was taken.
    pub(super) fn finish(mut self) -> (Vec<u8>, bool) {
        self.flush();
        let hash = self.hash.finalize_reset().into_vec();
        let taken = !self.over && (self.give)(hash.clone());
        (hash, taken)
    }

    fn flush(&mut self) {
        self.hash.update(&self.chunk);
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.over = self.over || !(self.give)(chunk);
    }
}
