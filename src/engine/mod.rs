//! The edge to the container engine: docker's command line, which people already have set up
//! (contexts, credentials, remote sockets). podman will join it behind the same calls.

mod build;
mod client;
mod images;
mod progress;
mod run;
mod trouble;

use std::path::PathBuf;

pub use build::BuildSpec;
pub use client::Client;
pub use images::{Inspected, Listed};
pub use progress::{Event, Transcript};
pub use run::{Mount, RunSpec};
pub use trouble::EngineError;

/// A docker client.
#[derive(Debug, Clone)]
pub struct Docker {
    program: PathBuf,
    /// Whether builds go through the buildx plugin.
    buildx: bool,
}
