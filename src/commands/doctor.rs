//! `git dkr doctor`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::Format;
use crate::conf;
use crate::engine::{Client, Engine};
use crate::fs::Scratch;
use crate::git::{self, Repo};
use crate::image::find;
use crate::ssh::{Serve, Server};
use crate::ui;

/// Check what git dkr needs on this machine
///
/// Prints each check with ok or what to do about it; the exit code is 1 when one failed.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    /// What was found.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, outcome: Result<String>) -> Self {
        match outcome {
            Ok(found) => Self {
                name,
                ok: true,
                found,
                hint: None,
            },
            Err(error) => Self {
                name,
                ok: false,
                found: format!("{error:#}"),
                hint: crate::cli::hint(&error),
            },
        }
    }
}

impl Doctor {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let clients = Engine::clients()?;
        let checks = [
            Check::new("git", git::version()),
            Check::new("docker client", client(&clients)),
            Check::new("docker daemon", daemon(&clients)),
            Check::new("images", images()),
            Check::new("ssh server", server()),
            Check::new("repository", repository()),
        ];
        match self.format {
            Format::Json => ui::result(serde_json::to_string_pretty(&checks)?)?,
            Format::Text => {
                for check in &checks {
                    let state = if check.ok { "ok" } else { "no" };
                    ui::result(format_args!("{state}  {:<14} {}", check.name, check.found))?;
                    if let Some(hint) = &check.hint {
                        ui::result(format_args!("    {:<14} hint: {hint}", ""))?;
                    }
                }
            }
        }
        // Standing outside of a repository is no fault of the machine.
        let failed = checks
            .iter()
            .any(|check| !check.ok && check.name != "repository");
        Ok(u8::from(failed))
    }
}

/// A program on the PATH and what it is.
type Clients = [(PathBuf, Client)];

/// Which client builds, and what stands before it.
fn client(clients: &Clients) -> Result<String> {
    Engine::that_builds(clients)?;
    let found = clients.iter().map(|(program, client)| {
        let program = program.display();
        match client {
            Client::Builds { version, .. } => format!("{program} builds ({version})"),
            Client::NoBuildx(version) => {
                format!("{program} is passed over: no buildx ({version})")
            }
            Client::TooOld(version) | Client::Podman(version) | Client::Strange(version) => {
                format!("{program} is passed over ({version})")
            }
        }
    });
    Ok(found.collect::<Vec<_>>().join("; "))
}

fn daemon(clients: &Clients) -> Result<String> {
    let version = Engine::that_builds(clients)?.daemon_version()?;
    Ok(format!("version {version}"))
}

fn images() -> Result<String> {
    match find::all(&Engine::find(conf::docker_socket())?)?.len() {
        1 => Ok("1 image".to_owned()),
        count => Ok(format!("{count} images")),
    }
}

/// That the embedded server can listen on the loopback interface.
fn server() -> Result<String> {
    let scratch = Scratch::new()?;
    let serve = Serve {
        upload: scratch.path().to_owned(),
        receive: None,
    };
    let server = Server::start(serve, scratch.path())?;
    Ok(format!(
        "listens on 127.0.0.1 (port {} this time)",
        server.access().port
    ))
}

fn repository() -> Result<String> {
    let repo = Repo::find(None)?;
    Ok(format!(
        "{}, {}",
        repo.path.display(),
        ui::bytes(repo.size()?)
    ))
}
