//! The way from a build or a container to the repository: the embedded server, or the host's own
//! sshd when the user named a key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result};

use crate::conf::{self, Host, Value};
use crate::error::Failure;
use crate::ssh::{self, Access, Server, ServerConfig};

/// An open way; it closes when dropped.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Our own server, for as long as this value lives.
    Embedded(Server),
    Host(Access),
}

impl Transport {
    /// Opens the way to what `serve` names. Keys are written to `directory`.
    pub(crate) fn open(host: &Host, serve: ServerConfig, directory: &Path) -> Result<Self> {
        let Some(key) = &host.ssh_key else {
            return Ok(Self::Embedded(Server::start(serve, directory)?));
        };
        let user = conf::variable("USER")
            .or_else(|| conf::variable("LOGNAME"))
            .unwrap_or_else(|| "root".to_owned());
        Self::check(host)?;
        let access = ssh::reach_host(&key.value, host.ssh_port.value, user, &serve.upload)
            .with_context(|| cannot_use(key))?;
        Ok(Self::Host(access))
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

    /// How a client goes it.
    pub(crate) fn access(&self) -> &Access {
        match self {
            Self::Embedded(server) => server.access(),
            Self::Host(access) => access,
        }
    }

    /// Counts the bytes sent so far, where that is known.
    pub(crate) fn sent(&self) -> Option<Arc<AtomicU64>> {
        match self {
            Self::Embedded(server) => Some(server.sent()),
            Self::Host(_) => None,
        }
    }
}

fn cannot_use(key: &Value<PathBuf>) -> String {
    format!("cannot use the ssh key given by {}", key.origin)
}
