//! SHA-256 over what must never be confused: each part stands behind its length.

use std::collections::BTreeMap;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Of bytes, as 64 hexadecimal digits.
pub fn of(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Of bytes that come in parts.
#[derive(Debug, Clone, Default)]
pub struct RunningDigest(Sha256);

impl RunningDigest {
    /// The next part.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// Of all parts, as 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Of all that is read, with how many bytes it was.
pub fn of_reader(mut reader: impl Read) -> io::Result<(u64, String)> {
    let (mut hash, mut count) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 17];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((count, hex(&hash.finalize()))),
            Ok(read) => {
                hash.update(&buffer[..read]);
                count += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The key over named inputs: SHA-256 over their number and then each name and value in the order
/// of the names' bytes, every one behind its length as eight bytes, big end first; 64 hexadecimal
/// digits.
pub fn key(inputs: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    hash.update((inputs.len() as u64).to_be_bytes());
    for part in inputs.iter().flat_map(|(name, value)| [name, value]) {
        update(&mut hash, part);
    }
    hex(&hash.finalize())
}

/// Eight hexadecimal digits over the parts, each kept apart from the next.
pub fn short(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        update(&mut hash, part);
    }
    hex(&hash.finalize()[..4])
}

fn update(hash: &mut Sha256, part: &str) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
