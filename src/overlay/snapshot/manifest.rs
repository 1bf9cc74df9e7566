//! What a snapshot says of itself. Pure: what is read here may come from anybody, and nothing that
//! leads out of the root, or lies about sizes, gets past [`SnapshotManifest::parse`].

use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::exclusions;
pub use super::name::Name;

/// The version that is written; another is refused.
pub const VERSION: u32 = 1;
/// The most bytes of one block, unpacked.
pub const BLOCK_LIMIT: u64 = 32 << 20;
/// More than the headers of one entry ever take in the stream.
const HEADERS: u64 = 16 << 10;
/// Attributes that are kept: `user.*` and these.
const ATTRIBUTES: [&str; 3] = [
    "security.capability",
    "system.posix_acl_access",
    "system.posix_acl_default",
];

/// All that a snapshot is, but for the content of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotManifest {
    /// [`VERSION`].
    pub version: u32,
    /// What it is a snapshot of.
    pub about: About,
    /// What is there, in the order of the paths' bytes. The directory of each entry is one too.
    pub entries: Vec<SnapshotEntry>,
    /// What was there before and is no more, in the same order.
    pub removed: Vec<Name>,
    /// The parts that the stream of all content is packed in, one after the other.
    pub blocks: Vec<Block>,
}

/// What a snapshot is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The key of its Containerfile, 64 hexadecimal digits.
    pub key: String,
    /// What the user calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Processor, as Rust calls it: `x86_64`.
    pub arch: String,
    /// `ID VERSION_ID` of os-release: `debian 12`; empty where the root has none.
    pub os: String,
    /// Variables that it leaves behind, in order.
    pub env: Vec<(String, String)>,
    /// The directory that its steps ended in, absolute below the root.
    pub workdir: String,
}

/// A path and what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotEntry {
    /// Below the root.
    pub path: Name,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions, set-user-ID and their like included; 12 bits.
    pub mode: u32,
    /// Number of its owner.
    pub uid: u32,
    /// Number of its group.
    pub gid: u32,
    /// When it was changed last.
    pub mtime: Time,
    /// Extended attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, Name>,
}

/// A moment: seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub i64, pub u32);

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum EntryKind {
    /// A directory that was made or changed.
    #[serde(rename = "folder")]
    Directory,
    /// A directory that was there before and is made only where it is missing.
    Parent,
    /// A file.
    File {
        /// Its bytes.
        size: u64,
        /// Their digest, 64 hexadecimal digits.
        sha256: String,
        /// Where they begin in the stream.
        at: u64,
    },
    /// Another name of an earlier entry, which is a file.
    Link {
        /// The path of that entry.
        to: Name,
    },
    /// A symbolic link.
    Symlink {
        /// What it says.
        to: Name,
    },
    /// A named pipe.
    Fifo,
}

impl EntryKind {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory | Self::Parent)
    }
}

/// A part of the stream, packed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its bytes in the archive.
    pub packed: u64,
    /// Its bytes in the stream.
    pub raw: u64,
}

/// Whether this extended attribute belongs to a snapshot.
pub fn keeps_attribute(name: &str) -> bool {
    ATTRIBUTES.contains(&name)
        || name
            .strip_prefix("user.")
            .is_some_and(|rest| !rest.is_empty())
}

/// Whether a relative link at `path` climbs above the root. An absolute one does not: it is meant
/// in the root, as after chroot, and is never followed by us.
pub fn climbs_out(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::RootDir => return false,
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    false
}

#[derive(Deserialize)]
struct ManifestVersion {
    version: u32,
}

impl SnapshotManifest {
    /// Reads what [`to_json`](Self::to_json) wrote, and checks all that can be checked without the
    /// content; says what is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let wrong = |error: serde_json::Error| error.to_string();
        let ManifestVersion { version } = serde_json::from_slice(json).map_err(wrong)?;
        if version != VERSION {
            return Err(format!("its version is {version}, not {VERSION}"));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(wrong)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// As it is written.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// The bytes of all files; each may be as large as it likes, the sum has been checked.
    pub fn content(&self) -> u64 {
        self.entries
            .iter()
            .map(SnapshotEntry::size)
            .fold(0, u64::saturating_add)
    }

    fn check(&self) -> Result<(), String> {
        self.about.check()?;
        self.check_entries()?;
        let mut last = None;
        for name in &self.removed {
            check_path(name)?;
            if last.replace(name).is_some_and(|last| last >= name) {
                return Err(format!("{name} is out of order"));
            }
            if self.find(name).is_some() {
                return Err(format!("{name} is both present and removed"));
            }
        }
        self.check_stream()
    }

    /// The entry at a path.
    pub fn find(&self, path: &Name) -> Option<&SnapshotEntry> {
        find(&self.entries, path)
    }

    fn check_entries(&self) -> Result<(), String> {
        let mut directories: HashSet<&[u8]> = HashSet::new();
        let (mut last, mut beside) = (None, None);
        for (index, entry) in self.entries.iter().enumerate() {
            let name = &entry.path;
            check_path(name)?;
            if last.replace(name).is_some_and(|last| last >= name) {
                return Err(format!("{name} appears twice, or is out of order"));
            }
            let slash = name.bytes().iter().rposition(|byte| *byte == b'/');
            let parent = slash.map(|slash| &name.bytes()[..slash]);
            if let Some(parent) = parent
                && beside != Some(parent)
                && !directories.contains(parent)
            {
                return Err(format!("{name} does not lie in a directory"));
            }
            beside = parent;
            if let EntryKind::Link { to } = &entry.kind
                && !find(&self.entries[..index], to)
                    .is_some_and(|to| matches!(to.kind, EntryKind::File { .. }))
            {
                return Err(format!(
                    "{name} is a link to {to}, which is no file before it"
                ));
            }
            entry.check().map_err(|what| format!("{name} {what}"))?;
            if entry.kind.is_directory() {
                directories.insert(name.bytes());
            }
        }
        Ok(())
    }

    /// That the content lies in the stream in order, and that the stream is no longer than content
    /// and headers make it: a small archive cannot unpack to more than it says.
    fn check_stream(&self) -> Result<(), String> {
        let mut raw = 0_u64;
        for block in &self.blocks {
            if block.raw == 0 || block.raw > BLOCK_LIMIT {
                return Err(format!("a block has {} bytes", block.raw));
            }
            if block.packed == 0 || block.packed > 2 * BLOCK_LIMIT {
                return Err(format!("a block has {} packed bytes", block.packed));
            }
            raw += block.raw;
        }
        let (mut end, mut most) = (0_u64, HEADERS);
        for entry in &self.entries {
            most = most.saturating_add(HEADERS);
            if let EntryKind::File { size, at, .. } = entry.kind {
                let wrong = || format!("the content of {} is not where it should be", entry.path);
                if at < end {
                    return Err(wrong());
                }
                end = at
                    .checked_add(size)
                    .filter(|end| *end <= raw)
                    .ok_or_else(wrong)?;
                most = most.saturating_add(size);
            }
        }
        if raw > most {
            return Err(format!("{raw} bytes hold content of {}", self.content()));
        }
        Ok(())
    }
}

/// The entry at a path, among such that are in order.
fn find<'a>(entries: &'a [SnapshotEntry], path: &Name) -> Option<&'a SnapshotEntry> {
    let found = entries.binary_search_by(|entry| entry.path.cmp(path));
    found.ok().map(|index| &entries[index])
}

impl About {
    fn check(&self) -> Result<(), String> {
        if !is_digest(&self.key) {
            return Err(format!("{:?} is not a key", self.key));
        }
        let mut texts = vec![&self.arch, &self.os, &self.workdir];
        texts.extend(&self.name);
        for (name, value) in &self.env {
            if name.is_empty() || name.contains('=') {
                return Err(format!("{name:?} cannot be the name of a variable"));
            }
            texts.extend([name, value]);
        }
        if texts.iter().any(|text| text.contains('\0')) {
            return Err("a text has a zero byte in it".to_owned());
        }
        if !self.workdir.starts_with('/') {
            return Err(format!("the directory {:?} is not absolute", self.workdir));
        }
        Ok(())
    }
}

impl SnapshotEntry {
    /// Its content; 0 when it is no file.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size, .. } => size,
            _ => 0,
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.mode > 0o7777 {
            return Err(format!("has the mode {:o}", self.mode));
        }
        if self.mtime.1 >= 1_000_000_000 {
            return Err("has an invalid time".to_owned());
        }
        // The kernel takes the highest number for "leave it".
        if self.uid == u32::MAX || self.gid == u32::MAX {
            return Err("has an invalid owner".to_owned());
        }
        for (name, value) in &self.xattrs {
            if !keeps_attribute(name)
                || name.len() > 255
                || name.contains('\0')
                || value.bytes().len() > 1 << 16
            {
                return Err(format!("has the attribute {name:?}"));
            }
        }
        match &self.kind {
            EntryKind::File { sha256, .. } if !is_digest(sha256) => {
                Err(format!("has the digest {sha256:?}"))
            }
            EntryKind::Symlink { to } => {
                let length = to.bytes().len();
                if length == 0 || length > 4095 || to.bytes().contains(&0) {
                    Err("is a link to nowhere".to_owned())
                } else if climbs_out(self.path.path(), to.path()) {
                    Err(format!("is a link that leads out of the root: {to}"))
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }
}

/// 64 hexadecimal digits in lower case.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// That a path goes down from the root by names, and not to the kernel's places.
fn check_path(name: &Name) -> Result<(), String> {
    let bytes = name.bytes();
    if bytes.len() > 4095 || bytes.contains(&0) {
        return Err(format!("{name} is not a path"));
    }
    for part in bytes.split(|byte| *byte == b'/') {
        if part.is_empty() || part == b"." || part == b".." || part.len() > 255 {
            return Err(format!(
                "the path {name:?} does not go down from the root by names"
            ));
        }
    }
    if exclusions::is_kernels(name.path()) {
        return Err(format!("{name} belongs to the kernel"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
