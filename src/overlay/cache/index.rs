//! The small file beside an archive in a cache, which says what it is. Pure functions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::overlay::key::{is_digest, of_tag, tag};

/// The most bytes that are read of an index.
pub(super) const LONGEST: u64 = 1 << 20;

/// What an archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The version of this format: 1.
    pub version: u32,
    /// `layer-<key>` or `layer-<name>-<key>`.
    pub tag: String,
    /// The key: 64 hexadecimal digits.
    pub key: String,
    /// The name in the tag.
    pub name: Option<String>,
    /// SHA-256 of the archive, 64 hexadecimal digits.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The files that it is kept in, in order; at least one.
    pub parts: Vec<IndexPart>,
}

/// A file of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexPart {
    pub name: String,
    /// Its bytes.
    pub size: u64,
    pub sha256: String,
}

/// An entry of a cache that is not what it should be: it is as good as none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cached {tag} is corrupt: {why}")]
pub struct CorruptEntry {
    /// Of which entry.
    pub tag: String,
    /// What is wrong.
    pub why: String,
}

impl CorruptEntry {
    /// Of this tag, for this reason.
    pub fn new(tag: &str, why: impl Into<String>) -> Self {
        Self {
            tag: tag.to_owned(),
            why: why.into(),
        }
    }

    /// Whether an error comes from one.
    pub fn is(error: &anyhow::Error) -> bool {
        error.downcast_ref::<Self>().is_some()
    }
}

impl Index {
    /// Of an archive that is in no cache yet.
    pub fn new(name: Option<&str>, key: &str, sha256: &str, size: u64, made: Timestamp) -> Self {
        Self {
            version: 1,
            tag: tag(name, key),
            key: key.to_owned(),
            name: name.map(str::to_owned),
            sha256: sha256.to_owned(),
            size,
            created_at: made,
            parts: Vec::new(),
        }
    }

    /// Reads the index of this tag, and trusts nothing in it.
    pub fn read(tag: &str, bytes: &[u8]) -> Result<Self, CorruptEntry> {
        let corrupt = |why: String| CorruptEntry::new(tag, why);
        let index: Self = serde_json::from_slice(bytes)
            .map_err(|error| corrupt(format!("its index cannot be read: {error}")))?;
        let total = index
            .parts
            .iter()
            .try_fold(0_u64, |sum, part| sum.checked_add(part.size));
        let mut digests = index.parts.iter().map(|part| &part.sha256);
        let wrong = if index.version != 1 {
            "the version"
        } else if index.tag != tag || of_tag(tag) != Some((index.name.as_deref(), &index.key)) {
            "the tag"
        } else if !is_digest(&index.sha256) || !digests.all(|digest| is_digest(digest)) {
            "a digest"
        } else if index.parts.is_empty() || total != Some(index.size) {
            "the size"
        } else {
            return Ok(index);
        };
        Err(corrupt(format!("its index is wrong about {wrong}")))
    }

    /// The same, kept in these files.
    #[must_use]
    pub fn with_parts(&self, parts: Vec<IndexPart>) -> Self {
        Self {
            parts,
            ..self.clone()
        }
    }

    /// As it is written.
    pub fn to_json(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index() -> Index {
        let key = "a".repeat(64);
        let part = IndexPart {
            name: "x".into(),
            size: 5,
            sha256: "b".repeat(64),
        };
        let made = Timestamp::from_second(0).unwrap();
        Index::new(Some("ci"), &key, &"b".repeat(64), 5, made).with_parts(vec![part])
    }

    #[test]
    fn an_index_comes_back() {
        let index = index();
        let bytes = index.to_json().unwrap();
        assert_eq!(Index::read(&index.tag, &bytes).unwrap(), index);
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
    }

    #[test]
    fn what_is_wrong_is_corrupt() {
        let good = index();
        let changes: [fn(&mut Index); 9] = [
            |index| index.version = 2,
            |index| index.tag = "layer-x".into(),
            |index| index.key = "c".repeat(64),
            |index| index.name = None,
            |index| index.sha256 = "B".repeat(64),
            |index| index.size = 6,
            |index| index.parts.clear(),
            |index| index.parts[0].sha256 = "short".into(),
            |index| {
                let mut second = index.parts[0].clone();
                second.size = u64::MAX;
                index.parts.push(second);
            },
        ];
        for change in changes {
            let mut index = good.clone();
            change(&mut index);
            let read = Index::read(&good.tag, &index.to_json().unwrap());
            assert_eq!(read.unwrap_err().tag, good.tag);
        }
        let text = String::from_utf8(good.to_json().unwrap()).unwrap();
        let more = text.replacen('{', "{\"more\":1,", 1);
        assert!(Index::read(&good.tag, more.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn never_a_panic(tag in "\\PC*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = of_tag(&tag);
            let _ = Index::read(&tag, &bytes);
        }
    }
}
