//! Docker's client for builds.

use std::path::PathBuf;

/// A client that can build.
#[derive(Debug, Clone)]
pub(crate) struct BuildClient {
    pub program: PathBuf,
    /// Whether through the buildx plugin.
    pub buildx: bool,
}
