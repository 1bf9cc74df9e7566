//! What only docker has: several clients on one machine, BuildKit, a daemon with a socket.

mod build;
mod build_client;
mod client;
mod progress;
pub(super) mod socket;

pub(crate) use build_client::BuildClient;
pub(crate) use client::{DockerClient, ask, clients, is_binary, version, why_none};
pub(crate) use progress::PlainProgress;
