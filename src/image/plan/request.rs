//! What a build is asked for.

use crate::image::parent::ParentChoice;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BuildRequest<'a> {
    /// An image that is what a full clone would give.
    Create {
        /// The image that it is built on.
        parent: ParentChoice<'a>,
        /// What of earlier builds it may use.
        reuse: Reuse,
    },
    /// The newest image of the branch at its present commit.
    Update {
        /// Whether one more layer is put on it however many there are, as far as the engine goes.
        keep_chain: bool,
    },
}

/// What of earlier builds a build may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// An image with the same cache key, and then nothing is built.
    #[default]
    Images,
    /// The engine's cache of steps.
    Steps,
    Nothing,
}
