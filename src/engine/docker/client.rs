//! Docker's clients. A machine may have several, and the first on the PATH is not always one that
//! can build.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::build_client::BuildClient;
use crate::engine::{Engine, EngineError, EngineKind};
use crate::proc::{Cmd, on_path};

/// What a program called `docker` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DockerClient {
    /// It can build: by itself (before version 23) or with its buildx plugin.
    Builds {
        /// What it says of itself.
        version: String,
        /// Whether by buildx.
        buildx: bool,
    },
    /// Version 23 or later without the plugin.
    NoBuildx(String),
    /// Before 18.09, which had no BuildKit.
    TooOld(String),
    /// podman under docker's name.
    Podman(String),
    /// It does not answer like docker.
    Strange(String),
}

impl Engine {
    /// That this machine can build with it.
    pub fn can_build(&self) -> Result<()> {
        match self.kind {
            EngineKind::Docker => self.builder().map(drop),
            EngineKind::Podman => Ok(()),
        }
    }

    /// The first client on the PATH that can build, which need not be the one for all else.
    pub(in crate::engine) fn builder(&self) -> Result<BuildClient> {
        if let Some(known) = self.builder.get() {
            return Ok(known.clone());
        }
        let builder = that_builds(&clients()?)?;
        Ok(self.builder.get_or_init(|| builder).clone())
    }

    /// The builder that `docker build` would use, and its driver, where it is not the daemon's own: that one
    /// cannot see the images that are here.
    pub fn other_builder(&self) -> Result<Option<(String, String)>> {
        let builder = self.builder()?;
        if !builder.buildx {
            return Ok(None);
        }
        let chosen = Cmd::new(&builder.program).args(["buildx", "inspect"]);
        Ok(driver(&self.run(&chosen)?).filter(|(_, driver)| driver != "docker"))
    }

    /// The version of the daemon behind this client: fails when there is none to talk to.
    pub fn daemon_version(&self) -> Result<String> {
        let cmd = self
            .cmd()
            .args(["version", "--format", "{{.Server.Version}}"]);
        Ok(self.run(&cmd)?.trim().to_owned())
    }

    /// That builds of this daemon can share this machine's network, by which they reach the repository.
    pub fn shares_network(&self) -> Result<()> {
        if self.maps_users()? {
            return Err(EngineError::MapsUsers.into());
        }
        Ok(())
    }

    /// Whether the daemon gives all containers other users than this machine's own (userns-remap).
    pub(in crate::engine) fn maps_users(&self) -> Result<bool> {
        let cmd = self
            .cmd()
            .args(["info", "--format", "{{.SecurityOptions}}"]);
        Ok(self.run(&cmd)?.contains("name=userns"))
    }
}

/// Name and driver of what `docker buildx inspect` tells of; its nodes follow, which have names too.
fn driver(said: &str) -> Option<(String, String)> {
    let value = |key: &str| {
        let mut values = said.lines().filter_map(|line| line.strip_prefix(key));
        values.next().map(|value| value.trim().to_owned())
    };
    Some((value("Name:")?, value("Driver:")?))
}

/// The clients on the PATH up to the first that can build, asked what they are.
pub(crate) fn clients() -> Result<Vec<(PathBuf, DockerClient)>> {
    let mut clients = Vec::new();
    for program in on_path("docker") {
        let client = ask(&program)?;
        let builds = matches!(client, DockerClient::Builds { .. });
        clients.push((program, client));
        if builds {
            break;
        }
    }
    Ok(clients)
}

/// The one of these that can build.
fn that_builds(clients: &[(PathBuf, DockerClient)]) -> Result<BuildClient> {
    let found = clients.iter().find_map(|(program, client)| match client {
        DockerClient::Builds { buildx, .. } => Some(BuildClient {
            program: program.clone(),
            buildx: *buildx,
        }),
        _ => None,
    });
    found.ok_or_else(|| why_none(clients).into())
}

/// Whether this is a compiled program of that very name. Others are asked who they are, which
/// takes ten milliseconds: podman comes as a script, or a link to itself.
pub(crate) fn is_binary(program: &Path) -> bool {
    let real = std::fs::canonicalize(program).unwrap_or_default();
    let mut start = [0; 2];
    let read = crate::fs::open(&real).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start != b"#!" && !real.to_string_lossy().contains("podman")
}

/// What a program says of itself.
pub(crate) fn version(program: &Path) -> Result<String> {
    let output = Cmd::new(program).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a program called `docker` is.
pub(crate) fn ask(program: &Path) -> Result<DockerClient> {
    let said = version(program)?;
    let client = classify(&said);
    if !matches!(client, DockerClient::NoBuildx(_)) {
        return Ok(client);
    }
    let plugin = Cmd::new(program).args(["buildx", "version"]).output()?;
    Ok(if plugin.status.success() {
        DockerClient::Builds {
            version: said,
            buildx: true,
        }
    } else {
        client
    })
}

/// From what `docker --version` prints; whether buildx is there must be asked for.
fn classify(said: &str) -> DockerClient {
    if said.contains("podman") {
        return DockerClient::Podman(said.to_owned());
    }
    let mut numbers = said
        .strip_prefix("Docker version ")
        .unwrap_or_default()
        .split(['.', ',', '-', '+', ' '])
        .map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(23..), _) => DockerClient::NoBuildx(said.to_owned()),
        (Some(19..), _) | (Some(18), Some(9..)) => DockerClient::Builds {
            version: said.to_owned(),
            buildx: false,
        },
        (Some(_), _) => DockerClient::TooOld(said.to_owned()),
        (None, _) => DockerClient::Strange(said.to_owned()),
    }
}

/// Why none of these will do.
pub(crate) fn why_none(clients: &[(PathBuf, DockerClient)]) -> EngineError {
    match clients.first() {
        None => EngineError::NotInstalled,
        Some((program, client)) => {
            let program = program.display().to_string();
            match client {
                DockerClient::Podman(_) => EngineError::Disguised(program),
                DockerClient::TooOld(version) => EngineError::TooOld(version.clone()),
                DockerClient::Strange(_) => EngineError::Strange(program),
                DockerClient::NoBuildx(_) | DockerClient::Builds { .. } => {
                    EngineError::NoBuildx(program)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_who_can_build() {
        let builds = |version: &str| DockerClient::Builds {
            version: version.to_owned(),
            buildx: false,
        };
        for version in [
            "Docker version 20.10.24+dfsg1, build 297e128",
            "Docker version 18.09.1, build 4c52b90",
        ] {
            assert_eq!(classify(version), builds(version));
        }
        let old = "Docker version 17.03.2-ce, build f5ec1e2";
        assert_eq!(classify(old), DockerClient::TooOld(old.into()));
        let new = "Docker version 28.2.2, build e6534b4";
        assert_eq!(classify(new), DockerClient::NoBuildx(new.into()));
        let podman = "podman version 4.3.1";
        assert_eq!(classify(podman), DockerClient::Podman(podman.into()));
        assert_eq!(classify("hello"), DockerClient::Strange("hello".into()));
    }

    #[test]
    fn the_builder_comes_before_its_nodes() {
        let said = "Name:          away\nDriver:        docker-container\n\nNodes:\nName:      away0\nEndpoint:  default\n";
        let found = Some(("away".into(), "docker-container".into()));
        assert_eq!(driver(said), found);
        assert_eq!(driver("ERROR: no builder"), None);
    }
}
