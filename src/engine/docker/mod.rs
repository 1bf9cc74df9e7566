//! What only docker has: several clients on one machine, BuildKit, a daemon with a socket.

mod build;
mod build_client;
mod client;
mod progress;
pub(super) mod socket;

pub use build_client::BuildClient;
pub use client::{DockerClient, ask, clients, is_binary, version, why_none};
pub use progress::PlainProgress;
