//! Paths and other bytes as text: what is not UTF-8 is written `%XX`, and so is `%` itself.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes, mostly a path below the root, ordered as bytes. Any bytes: what is allowed where is the
/// manifest's affair.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a path.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// What [`Display`](fmt::Display) wrote; `None` when it cannot have been written so.
    pub fn parse(text: &str) -> Option<Self> {
        let name = Self(percent_decode_str(text).collect());
        // One name has one spelling.
        (name.to_string() == text).then_some(name)
    }
}

impl From<Vec<u8>> for Name {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<PathBuf> for Name {
    fn from(path: PathBuf) -> Self {
        Self(path.into_os_string().into_vec())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for (index, text) in chunk.valid().split('%').enumerate() {
                f.write_str(if index > 0 { "%25" } else { "" })?;
                f.write_str(text)?;
            }
            for byte in chunk.invalid() {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        fmt::Display::fmt(self, f)?;
        f.write_char('`')
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("no name: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spelling() {
        let name = Name::from(b"a/\xff %\xc3\xa9".to_vec());
        assert_eq!(name.to_string(), "a/%FF %25é");
        for wrong in ["%", "%4", "%zz", "%41", "%ff", "%c3%a9", "%C3%A9", "%+1"] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(bytes: Vec<u8>) {
            let name = Name::from(bytes);
            prop_assert_eq!(Name::parse(&name.to_string()), Some(name.clone()));
            let json = serde_json::to_string(&name).unwrap();
            prop_assert_eq!(serde_json::from_str::<Name>(&json).unwrap(), name);
        }

        #[test]
        fn any_text_has_one_meaning_or_none(text in "[%0-9A-Fa-f/é]{0,12}") {
            if let Some(name) = Name::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
