//! The full clone below an image's chain of layers.

use crate::git::ObjectId;

/// The full clone that an image was put on, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainBase {
    pub commit: ObjectId,
    /// Its layers, all of them.
    pub layers: usize,
    /// Its bytes, all layers together.
    pub size: u64,
}

impl ChainBase {
    /// As a label has it.
    pub fn to_text(&self) -> String {
        format!("{} {} {}", self.commit, self.layers, self.size)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let bottom = Self {
            commit: ObjectId::parse(words.next()?)?,
            layers: words.next()?.parse().ok()?,
            size: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(bottom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let bottom = ChainBase {
            commit: ObjectId::parse(&"0b".repeat(20)).unwrap(),
            layers: 3,
            size: 4,
        };
        assert_eq!(ChainBase::parse(&bottom.to_text()), Some(bottom.clone()));
        for broken in [
            "",
            "x 1 2",
            &format!("{} 1", bottom.commit),
            &format!("{} 1 2 3", bottom.commit),
        ] {
            assert_eq!(ChainBase::parse(broken), None, "{broken}");
        }
    }
}
