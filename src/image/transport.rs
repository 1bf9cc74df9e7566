//! How a build reaches the repository, and what a container is told of how it does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result};

use crate::conf::{self, Host, Value};
use crate::error::Failure;
use crate::ssh::{self, Access, Server, ServerConfig};

/// An open connection of a build to the repository; it closes when dropped.
#[derive(Debug)]
pub(crate) enum Transport {
    /// The embedded server on a port of the loopback interface: for builds, which share the host's network.
    Tcp(Server),
    /// The host's own sshd, with a key that the user named.
    Sshd(Access),
}

impl Transport {
    /// For a build, which shares the host's network. Keys are written to `directory`.
    pub(crate) fn to_build(host: &Host, serve: ServerConfig, directory: &Path) -> Result<Self> {
        match &host.ssh_key {
            None => Ok(Self::Tcp(Server::listen(serve, directory)?)),
            Some(key) => Self::access_by_sshd(host, key, &serve.upload).map(Self::Sshd),
        }
    }

    /// How a container reaches it: over a tunnel, whatever its network, or by the host's own sshd.
    pub(crate) fn access_of_container(host: &Host, repo: &Path) -> Result<Access> {
        match &host.ssh_key {
            None => Ok(Access::through_tunnel()),
            Some(key) => Self::access_by_sshd(host, key, repo),
        }
    }

    fn access_by_sshd(host: &Host, key: &Value<PathBuf>, repo: &Path) -> Result<Access> {
        let user = conf::variable("USER")
            .or_else(|| conf::variable("LOGNAME"))
            .unwrap_or_else(|| "root".to_owned());
        Self::check(host)?;
        ssh::reach_host(&key.value, host.ssh_port.value, user, repo)
            .with_context(|| cannot_use(key))
    }

    /// That the key of the settings, if there is one, can be used. What needs no key today says so too:
    /// it will be needed tomorrow.
    pub(crate) fn check(host: &Host) -> Result<()> {
        let Some(key) = &host.ssh_key else {
            return Ok(());
        };
        let directory = || {
            let message = format!("{} is a directory", key.value.display());
            Failure::new(message).hint("give the file of a private key in it")
        };
        let checked = match key.value.is_dir() {
            true => Err(directory().into()),
            false => ssh::check_key(&key.value),
        };
        checked.with_context(|| cannot_use(key))
    }

    /// How a client reaches it.
    pub(crate) fn access(&self) -> &Access {
        match self {
            Self::Tcp(server) => server.access(),
            Self::Sshd(access) => access,
        }
    }

    /// Counts the bytes sent so far, where that is known.
    pub(crate) fn sent(&self) -> Option<Arc<AtomicU64>> {
        match self {
            Self::Tcp(server) => Some(server.sent()),
            Self::Sshd(_) => None,
        }
    }
}

fn cannot_use(key: &Value<PathBuf>) -> String {
    format!("cannot use the ssh key given by {}", key.origin)
}
