//! How a channel ends that goes wrong.

/// The client is gone, or git is; either way this channel is over.
pub(super) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
