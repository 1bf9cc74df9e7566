//! The edge to the container engine: docker's command line, which people already have set up
//! (contexts, credentials, remote sockets); for lists, the daemon's own socket where it is a local
//! one. podman will join it behind the same calls.

mod archive;
mod build;
mod client;
mod images;
mod progress;
mod run;
mod socket;
mod trouble;

use std::path::PathBuf;

pub use build::BuildSpec;
pub use client::Client;
pub use images::Found;
pub use progress::{Event, Transcript};
pub use run::{Mount, RunSpec};
pub use trouble::EngineError;

/// A container engine, through its command line: a docker client.
#[derive(Debug, Clone)]
pub struct Engine {
    program: PathBuf,
    /// The daemon's own socket, where it is a local one and this client would ask there.
    socket: Option<PathBuf>,
    /// Whether builds go through the buildx plugin.
    buildx: bool,
}
