//! `git dkr doctor`

use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::Serialize;

use super::{EngineArgs, OutputFormat};
use crate::conf;
use crate::conf::Host;
use crate::engine::{DockerClient, Engine, EngineError, EngineKind, Installed, installed};
use crate::fs::TempDir;
use crate::git::{self, Repo};
use crate::image::query::inventory::Inventory;
use crate::image::settings::sources;
use crate::image::start::StartPlan;
use crate::image::start::select_image::SelectedImage;
use crate::ssh::{Server, ServerConfig};
use crate::ui::{self, Printer};

/// Check what git dkr needs on this machine
///
/// Prints each check with ok or what to do about it; the exit code is 1 when one failed.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    engine: EngineArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct DoctorCheck {
    name: &'static str,
    ok: bool,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl DoctorCheck {
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
                hint: crate::report::hint(&error),
            },
        }
    }
}

impl Doctor {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let installed = installed()?;
        let engine = self.engine.find_at(None, printer);
        let mut checks = vec![
            DoctorCheck::new("git", git::version()),
            DoctorCheck::new("engine", self.choice(&engine, &installed)),
        ];
        // Of an engine that is not used, a fault is none of this machine.
        if let Ok(engine) = &engine {
            match engine.kind() {
                EngineKind::Docker => {
                    checks.push(DoctorCheck::new(
                        "docker client",
                        client(engine, &installed),
                    ));
                    checks.push(DoctorCheck::new("docker daemon", daemon(engine)));
                }
                EngineKind::Podman => {
                    checks.push(DoctorCheck::new("podman", engine.podman_works()))
                }
            }
            checks.push(DoctorCheck::new("images", images(engine)));
            checks.push(DoctorCheck::new("container", container(engine, printer)));
        }
        checks.extend([
            DoctorCheck::new("cache", cache()),
            DoctorCheck::new("ssh server", server()),
            DoctorCheck::new("repository", repository()),
        ]);
        match self.format {
            OutputFormat::Json => ui::result(serde_json::to_string_pretty(&checks)?)?,
            OutputFormat::Text => {
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

    /// Which engine is used and why, and what becomes of the other.
    fn choice(&self, engine: &Result<Engine>, installed: &Installed) -> Result<String> {
        let engine = match engine {
            Ok(engine) => engine,
            Err(error) => {
                return Err(match error.downcast_ref::<EngineError>() {
                    Some(known) => known.clone().into(),
                    None => anyhow!("{error:#}"),
                });
            }
        };
        let repo = Repo::look(None).ok();
        let wanted = self.engine.wanted(&sources(repo.as_ref())?)?;
        let why = match (wanted, engine.kind()) {
            (Some(wanted), _) => format!("set by {}", wanted.origin),
            (None, EngineKind::Docker) => "it is installed, and no other engine is set".to_owned(),
            (None, EngineKind::Podman) => "there is no docker".to_owned(),
        };
        let other = match engine.kind() {
            EngineKind::Docker => installed.podman.as_ref().map(|(program, _)| program),
            EngineKind::Podman => installed.docker.iter().find_map(|(program, client)| {
                let docker = !matches!(client, DockerClient::Podman(_) | DockerClient::Strange(_));
                docker.then_some(program)
            }),
        };
        let other = other.map(|program| format!("; {} is not used", program.display()));
        Ok(format!(
            "{}: {why}{}",
            engine.kind(),
            other.unwrap_or_default()
        ))
    }
}

/// Which of docker's clients builds, and what stands before it.
fn client(engine: &Engine, installed: &Installed) -> Result<String> {
    engine.can_build()?;
    let found = installed.docker.iter().map(|(program, client)| {
        let program = program.display();
        match client {
            DockerClient::Builds { version, .. } => format!("{program} builds ({version})"),
            DockerClient::NoBuildx(version) => {
                format!("{program} is skipped: no buildx ({version})")
            }
            DockerClient::TooOld(version)
            | DockerClient::Podman(version)
            | DockerClient::Strange(version) => {
                format!("{program} is skipped ({version})")
            }
        }
    });
    let mut found: Vec<String> = found.collect();
    if let Some((name, driver)) = engine.other_builder()? {
        found.push(format!(
            "the builder {name} ({driver}), which is set (BUILDX_BUILDER, or docker buildx use), cannot see \
             the images here and is not used"
        ));
    }
    Ok(found.join("; "))
}

fn daemon(engine: &Engine) -> Result<String> {
    let version = engine.daemon_version()?;
    engine.shares_network()?;
    Ok(format!("version {version}"))
}

/// How many there are, and those that other commands pass over, which are no fault of the machine.
fn images(engine: &Engine) -> Result<String> {
    let inventory = Inventory::list(engine)?;
    let mut found = match inventory.images.len() {
        1 => "1 image".to_owned(),
        count => format!("{count} images"),
    };
    for strange in &inventory.strange {
        found.push_str(&format!("; {}", strange.describe(engine)));
    }
    Ok(found)
}

/// That a container of the newest image of the repository one stands in can fetch and push.
fn container(engine: &Engine, printer: Printer) -> Result<String> {
    let Ok(repo) = Repo::look(None) else {
        return Ok("not tried outside of a repository".to_owned());
    };
    let mut images = Inventory::list(engine)?.images.into_iter();
    let Some(image) = images.find(|image| image.labels.repo_path == repo.path) else {
        return Ok("not tried: there is no image of this repository yet".to_owned());
    };
    let sources = sources(Some(&repo))?;
    let host = Host::read(None, None, &sources)?;
    let choice = SelectedImage::of(image, repo, sources, printer)?;
    let start = StartPlan {
        engine,
        image: &choice.image,
        repo: &choice.repo,
        tracking: &choice.tracking,
        switch_to: None,
        conf: &choice.conf,
        host: &host,
        printer,
    };
    let network = start.try_transport()?;
    let tag = choice.image.tag;
    Ok(format!(
        "one of {tag} can fetch and push (network {network})"
    ))
}

/// That packs, locks and snapshots have a place.
fn cache() -> Result<String> {
    Ok(conf::check_cache_dir()?.display().to_string())
}

/// That the embedded server, which a build fetches from, can listen on the loopback interface.
fn server() -> Result<String> {
    let temp_dir = TempDir::new()?;
    let serve = ServerConfig::of(temp_dir.path());
    let server = Server::listen(serve, temp_dir.path())?;
    let port = server.access().port().context("it has no port")?;
    Ok(format!(
        "listens on 127.0.0.1 (port {} this time)",
        port.port
    ))
}

/// From so many bytes on one notices how long it takes to pack a history.
const LARGE: u64 = 100_000_000;

fn repository() -> Result<String> {
    let repo = Repo::find(None)?;
    let size = repo.size()?;
    let bitmap = match repo.has_bitmap()? {
        true => ", with a bitmap".to_owned(),
        false if size < LARGE => String::new(),
        false => format!(
            ", without a bitmap: a create is several times faster after `{}`",
            repo.bitmap_command()
        ),
    };
    Ok(format!(
        "{}, {}{bitmap}",
        repo.path.display(),
        ui::bytes(size)
    ))
}
