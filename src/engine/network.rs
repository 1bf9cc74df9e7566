//! The networks of containers.

use std::fmt;
use std::fs::File;

use anyhow::Result;

use super::docker::socket;
use super::{Engine, EngineKind};
use crate::proc;

/// What a container reaches besides what git dkr brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The host's own: all that the host reaches, what listens on its loopback interface alone too.
    Host,
    /// The engine's own, from which the host's loopback interface is out of reach.
    Bridge,
    /// None but a loopback interface of its own.
    None,
}

impl Network {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Bridge, Self::Host, Self::None];

    /// The network of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|network| network.to_string() == name)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Bridge => "bridge",
            Self::None => "none",
        })
    }
}

impl Engine {
    /// The network of a container for which nobody names one: a bridge where the engine has one, else the
    /// host's, if containers can share that.
    pub fn default_network(&self) -> Result<Network> {
        Ok(if self.has_bridge()? {
            Network::Bridge
        } else if self.kind == EngineKind::Docker && self.maps_users()? {
            Network::None
        } else {
            Network::Host
        })
    }

    /// A daemon can be told to have none (`dockerd --bridge=none`). Podman has what stands for one
    /// without root, too, where the user may make a TUN device.
    fn has_bridge(&self) -> Result<bool> {
        if self.kind == EngineKind::Podman {
            let is_root = proc::user().0 == 0;
            let tun = || File::options().read(true).write(true).open("/dev/net/tun");
            return Ok(is_root || tun().is_ok());
        }
        if let Some(path) = &self.socket {
            match socket::get(path, "/networks/bridge", &[]) {
                Ok(_) => return Ok(true),
                Err(ureq::Error::StatusCode(404)) => return Ok(false),
                // The client says what is wrong.
                Err(_) => {}
            }
        }
        let listed =
            self.run(
                &self
                    .cmd()
                    .args(["network", "ls", "--filter", "name=^bridge$", "--quiet"]),
            )?;
        Ok(!listed.trim().is_empty())
    }
}
