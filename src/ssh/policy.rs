//! What every connection to a server may do.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use russh::keys::PublicKey;
use russh::server;

use super::ServerConfig;
use super::tunnel_status::TunnelStatus;
use crate::git;

/// How a client proves that it may come in.
#[derive(Clone)]
pub(super) enum Proof {
    /// It has the one key.
    Key(PublicKey),
    /// It is at the other end of the tunnel, where nobody else can be.
    Tunnel(Arc<TunnelStatus>),
}

/// What every connection may do.
#[derive(Clone)]
pub(super) struct ConnectionPolicy {
    pub config: Arc<server::Config>,
    pub proof: Proof,
    pub serve: Arc<ServerConfig>,
    /// What may be had by its id.
    pub reachable: Arc<git::Reachable>,
    /// Counts the bytes of git data that were sent.
    pub sent: Arc<AtomicU64>,
}
