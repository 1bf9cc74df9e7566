//! Why a snapshot cannot be restored.

/// Why a snapshot cannot be restored, here or at all; building does instead. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not what it was, or not what a snapshot may be.
    #[error("the snapshot is broken: {0}")]
    Corrupt(String),
    /// It is of another kind of machine: its kind, and the one here.
    #[error("the snapshot is of {0}, and this is {1}")]
    OtherMachine(String, String),
}

impl Unusable {
    pub(super) fn corrupt(why: impl Into<String>) -> Self {
        Self::Corrupt(why.into())
    }
}
