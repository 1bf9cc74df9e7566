//! What becomes of a tunnel.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::proc::lock;

/// How a tunnel has fared.
#[derive(Debug, Default)]
pub(super) struct TunnelStatus {
    connected: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl TunnelStatus {
    /// Notes that ssh has come in.
    pub(super) fn set_connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Notes what the command said that failed.
    pub(super) fn set_failure(&self, said: &[u8]) {
        let said = String::from_utf8_lossy(said).trim().to_owned();
        *lock(&self.failure) = Some(said);
    }

    /// What the command said when it failed in a container that ran, if there never was a connection.
    pub(super) fn failure(&self) -> Option<String> {
        let connected = self.connected.load(Ordering::Relaxed);
        lock(&self.failure).clone().filter(|_| !connected)
    }
}
