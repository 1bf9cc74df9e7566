//! What serving a container takes.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::dial::Dialer;
use super::log::EgressLog;
use super::policy::EgressPolicy;

/// How many connections a container has at once, to the proxy and to an agent's API each.
pub(super) const MOST_CONNECTIONS: usize = 256;

/// A container's way out: what it may reach, how that is connected to, and where it is written down.
#[derive(Debug)]
pub(crate) struct Egress {
    pub(super) policy: EgressPolicy,
    pub(super) dialer: Arc<Dialer>,
    pub(super) log: Arc<EgressLog>,
    pub(super) connections: Semaphore,
}

impl Egress {
    /// For one container.
    pub(crate) fn new(policy: EgressPolicy, dialer: Arc<Dialer>, log: Arc<EgressLog>) -> Self {
        Self {
            policy,
            dialer,
            log,
            connections: Semaphore::new(MOST_CONNECTIONS),
        }
    }
}
