//! What only docker has: several clients on one machine, BuildKit, a daemon with a socket.

mod build;
mod client;
mod progress;
pub(super) mod socket;

pub use client::{BuildClient, DockerClient, ask, clients, is_binary, version, why_none};
pub use progress::PlainProgress;
