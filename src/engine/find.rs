//! Which engine to use, of those on the PATH.

use std::path::PathBuf;

use anyhow::Result;

use super::docker::{self, DockerClient};
use super::{Engine, EngineError, EngineKind};
use crate::proc::on_path;
use crate::ui::Printer;

impl Engine {
    /// The engine of this kind; without one, docker if it is there, else podman. `socket` is where
    /// docker's daemon is, if that is known.
    ///
    /// A `docker` that is podman under docker's name is used as podman, when there is no docker
    /// behind it.
    pub fn find(
        wanted: Option<EngineKind>,
        socket: Option<PathBuf>,
        printer: Printer,
    ) -> Result<Self> {
        if wanted == Some(EngineKind::Podman)
            && let Some(program) = on_path("podman").into_iter().next()
        {
            return Ok(Self::new(EngineKind::Podman, program, printer));
        }
        let mut others = Vec::new();
        for program in on_path("docker") {
            // Asking takes ten milliseconds, and a list no more than that.
            let is_binary = docker::is_binary(&program);
            if !is_binary || wanted == Some(EngineKind::Podman) {
                let client = docker::ask(&program)?;
                if matches!(client, DockerClient::Podman(_) | DockerClient::Strange(_)) {
                    others.push((program, client));
                    continue;
                }
            }
            if wanted == Some(EngineKind::Podman) {
                continue;
            }
            return Ok(Self {
                // A script may have ideas of its own on where the daemon is.
                socket: socket.filter(|_| is_binary),
                ..Self::new(EngineKind::Docker, program, printer)
            });
        }
        if wanted != Some(EngineKind::Docker) {
            let disguised = others
                .iter()
                .find(|(_, client)| matches!(client, DockerClient::Podman(_)));
            let podman = on_path("podman").into_iter().next();
            if let Some(program) = podman.or_else(|| Some(disguised?.0.clone())) {
                return Ok(Self::new(EngineKind::Podman, program, printer));
            }
        }
        Err(match wanted {
            Some(EngineKind::Podman) => EngineError::Missing(EngineKind::Podman),
            Some(EngineKind::Docker) if others.is_empty() => {
                EngineError::Missing(EngineKind::Docker)
            }
            _ => docker::why_none(&others),
        }
        .into())
    }
}

/// The engines that are on the PATH, for who wants to know.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Docker's clients, up to the first that can build.
    pub docker: Vec<(PathBuf, DockerClient)>,
    /// Podman and its version.
    pub podman: Option<(PathBuf, String)>,
}

/// Asks the engines on the PATH what they are.
pub(crate) fn installed() -> Result<Installed> {
    let podman = match on_path("podman").into_iter().next() {
        Some(program) => {
            let said = docker::version(&program)?;
            Some((program, said))
        }
        None => None,
    };
    Ok(Installed {
        docker: docker::clients()?,
        podman,
    })
}
