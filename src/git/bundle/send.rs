//! One file after the other, as a tar archive, each compared with the checksum at its end.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::DynDigest;

use crate::digest;
use crate::error::Failure;

/// How much is read at a time, in bytes.
pub(super) const CHUNK: usize = 128 * 1024;
/// What an entry of a tar archive is filled up to.
const BLOCK: u64 = 512;
/// The name of the last entry, which `templates/scope` looks for.
const END: &str = "git-dkr-complete";

#[derive(Debug)]
pub(super) struct BundleEntry {
    /// Below the git directory.
    name: String,
    content: EntryContent,
}

#[derive(Debug)]
enum EntryContent {
    Text(Vec<u8>),
    File {
        path: PathBuf,
        file: File,
        size: u64,
        /// The hash that stands at its end.
        hashed: Option<String>,
    },
    /// A file that is opened when it is its turn, and whose SHA-256 is known.
    Known {
        path: PathBuf,
        size: u64,
        sha256: String,
    },
}

impl BundleEntry {
    pub(super) fn text(name: &str, text: String) -> Self {
        Self {
            name: name.to_owned(),
            content: EntryContent::Text(text.into_bytes()),
        }
    }

    /// A file, and by which object format it ends in its own hash, as git's files do (`sha1`).
    pub(super) fn file(
        name: &str,
        path: PathBuf,
        file: File,
        hashed: Option<&str>,
    ) -> Result<Self> {
        let size = file
            .metadata()
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        Ok(Self {
            name: name.to_owned(),
            content: EntryContent::File {
                path,
                file,
                size,
                hashed: hashed.map(str::to_owned),
            },
        })
    }

    /// A file of which we know how long it is, and its SHA-256.
    pub(super) fn known((name, path, size, sha256): (String, PathBuf, u64, String)) -> Self {
        let content = EntryContent::Known { path, size, sha256 };
        Self { name, content }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.content {
            EntryContent::Text(text) => text.len() as u64,
            EntryContent::File { size, .. } | EntryContent::Known { size, .. } => *size,
        }
    }

    /// Whether it was taken whole.
    pub(super) fn send(self, hint: &str, give: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<bool> {
        let size = self.size();
        if !give(header(&self.name, size)?) {
            return Ok(false);
        }
        let taken = match self.content {
            EntryContent::Text(text) => give(text),
            EntryContent::File {
                path, file, hashed, ..
            } => {
                let shown = path.display().to_string();
                let mut check = TrailingHash::new(size, hashed.as_deref());
                let taken = copy(file, size, &shown, |bytes| {
                    check.read(&bytes);
                    give(bytes)
                })?;
                if taken && !check.holds() {
                    return Err(broken(&shown).hint(hint).into());
                }
                taken
            }
            EntryContent::Known { path, sha256, .. } => {
                let shown = path.display().to_string();
                let file =
                    crate::fs::open(&path).with_context(|| format!("cannot open {shown}"))?;
                let mut found = digest::RunningDigest::default();
                let taken = copy(file, size, &shown, |bytes| {
                    found.update(&bytes);
                    give(bytes)
                })?;
                if taken && found.finish() != sha256 {
                    let hint =
                        "git lfs fsck sets broken files aside, git lfs fetch gets them again";
                    return Err(broken(&shown).hint(hint).into());
                }
                taken
            }
        };
        Ok(taken && give(vec![0; padding(size)]))
    }
}

fn broken(shown: &str) -> Failure {
    Failure::new(format!("{shown} is broken: it does not match its checksum"))
}

/// Reads exactly so many bytes.
fn copy(
    mut file: File,
    size: u64,
    shown: &str,
    mut give: impl FnMut(Vec<u8>) -> bool,
) -> Result<bool> {
    let mut left = size;
    while left > 0 {
        let wanted = left.min(CHUNK as u64);
        let mut bytes = Vec::with_capacity(CHUNK);
        let read = (&mut file)
            .take(wanted)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {shown}"))?;
        if read == 0 {
            bail!(
                Failure::new(format!("{shown} shrank while it was sent"))
                    .hint("packs of a repository must not be changed in place; try again")
            );
        }
        left -= read as u64;
        if !give(bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a file is there and ends in its own hash.
pub(super) fn is_whole(path: &Path, kind: gix::hash::Kind) -> bool {
    let read = || -> Result<bool> {
        let file = crate::fs::open(path)?;
        let size = file.metadata()?.len();
        let mut check = TrailingHash::new(size, Some(&kind.to_string()));
        copy(file, size, "", |bytes| {
            check.read(&bytes);
            true
        })?;
        Ok(check.holds())
    };
    read().unwrap_or(false)
}

/// Compares bytes with the hash that they end in.
pub(super) struct TrailingHash {
    hash: Option<Box<dyn DynDigest>>,
    /// How many bytes are before the hash.
    left: u64,
    found: Vec<u8>,
}

impl TrailingHash {
    pub(super) fn new(size: u64, format: Option<&str>) -> Self {
        let hash: Option<Box<dyn DynDigest>> = match format {
            Some("sha256") => Some(Box::new(Sha256::default())),
            Some(_) => Some(Box::new(Sha1::default())),
            None => None,
        };
        let length = hash.as_ref().map_or(0, |hash| hash.output_size() as u64);
        Self {
            hash,
            left: size.saturating_sub(length),
            found: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        let Some(hash) = &mut self.hash else { return };
        let before = usize::try_from(self.left).unwrap_or(usize::MAX);
        let (content, end) = bytes.split_at(before.min(bytes.len()));
        hash.update(content);
        self.left -= content.len() as u64;
        self.found.extend_from_slice(end);
    }

    pub(super) fn holds(self) -> bool {
        self.hash.is_none_or(|hash| *hash.finalize() == *self.found)
    }
}

/// What ends the archive: an empty entry, by whose name one knows that all came, and two blocks.
pub(super) fn end() -> Result<Vec<u8>> {
    let mut bytes = header(END, 0)?;
    bytes.resize(bytes.len() + 2 * BLOCK as usize, 0);
    Ok(bytes)
}

/// A file of root's that nobody writes to.
pub(super) fn header(name: &str, size: u64) -> Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header
        .set_path(name)
        .with_context(|| format!("cannot name {name} in an archive"))?;
    header.set_size(size);
    header.set_mode(if name.starts_with("objects/") {
        0o444
    } else {
        0o644
    });
    header.set_uid(0);
    header.set_gid(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    header.set_mtime(now.unwrap_or_default().as_secs());
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

pub(super) fn padding(size: u64) -> usize {
    ((BLOCK - size % BLOCK) % BLOCK) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of a file of these bytes.
    fn sent(bytes: &[u8], hashed: Option<&str>) -> Result<Vec<u8>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        let mut out = Vec::new();
        let mut give = |bytes: Vec<u8>| {
            out.extend(bytes);
            true
        };
        assert!(BundleEntry::text("packed-refs", "x\n".into()).send("", &mut give)?);
        assert!(
            BundleEntry::file("objects/pack/a.pack", path, file, hashed)?
                .send("fsck", &mut give)?
        );
        assert!(give(end()?));
        Ok(out)
    }

    #[test]
    fn any_tar_reads_it_and_the_last_entry_says_that_it_is_whole() {
        for length in [0, 1, 511, 512, 513, 300_000] {
            let content = vec![7; length];
            let archive = sent(&content, None).unwrap();
            let mut archive = tar::Archive::new(&archive[..]);
            let read: Vec<(String, Vec<u8>)> = archive
                .entries()
                .unwrap()
                .map(|entry| {
                    let mut entry = entry.unwrap();
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    (entry.path().unwrap().display().to_string(), bytes)
                })
                .collect();
            assert_eq!(
                read,
                [
                    ("packed-refs".to_owned(), b"x\n".to_vec()),
                    ("objects/pack/a.pack".to_owned(), content),
                    (END.to_owned(), Vec::new()),
                ]
            );
        }
    }

    #[test]
    fn a_file_must_end_in_its_own_hash() {
        use sha2::Digest;
        let content = vec![7; 200_000];
        let whole = [&content[..], &Sha1::digest(&content)].concat();
        assert!(sent(&whole, Some("sha1")).is_ok());
        assert!(sent(&whole, Some("sha256")).is_err());
        let whole = [&content[..], &Sha256::digest(&content)].concat();
        assert!(sent(&whole, Some("sha256")).is_ok());
        for broken in [&whole[1..], &whole[..whole.len() - 1], b"", b"short"] {
            let error = sent(broken, Some("sha256")).unwrap_err();
            assert!(error.to_string().contains("checksum"), "{error}");
        }
    }

    #[test]
    fn a_file_must_have_the_hash_that_is_known_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "content").unwrap();
        let send = |hash: String| {
            let part = BundleEntry::known(("x".to_owned(), path.clone(), 7, hash));
            part.send("", &mut |_| true)
        };
        assert!(send(digest::of("content")).unwrap());
        let error = send(digest::of("other")).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }

    #[test]
    fn names_and_sizes_have_room() {
        let name = format!("objects/pack/multi-pack-index-{}.bitmap", "a".repeat(64));
        let bytes = header(&name, 40 << 30).unwrap();
        let header = tar::Header::from_byte_slice(&bytes);
        assert_eq!(header.path().unwrap().to_str(), Some(&*name));
        assert_eq!(header.size().unwrap(), 40 << 30);
    }

    #[test]
    fn a_client_that_hangs_up_is_no_error() {
        let part = BundleEntry::text("a", "b".into());
        assert!(!part.send("", &mut |_| false).unwrap());
    }
}
