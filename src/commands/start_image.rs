//! `git dkr start-image`

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::{HostArgs, Place, sources};
use crate::conf::{Conf, Host, Sources};
use crate::engine::Docker;
use crate::error::Failure;
use crate::git::Repo;
use crate::image::bake::{self, Site};
use crate::image::staleness::{Mend, Staleness};
use crate::image::start::{Start, Wishes};
use crate::image::target::{self, Fetch};
use crate::image::tracking::{Tracking, track};
use crate::image::{Image, find};
use crate::ui;

/// Start a throw-away container from an image
///
/// Runs CMD in the clone at /workspace, on a fresh work branch; without CMD, tmux on a terminal
/// and a shell elsewhere. `git push` in the container makes the branch <hostname>/<name> in the
/// host repository. The exit code is CMD's own.
#[derive(Debug, Args)]
pub struct StartImage {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    host: HostArgs,
    /// The work branch; a random adjective-noun by default
    #[arg(long)]
    name: Option<String>,
    /// The container's host name; <repo>-<4 hex> by default
    #[arg(long)]
    hostname: Option<String>,
    /// A file with a key of Claude's API, mounted read-only
    #[arg(long, value_name = "FILE")]
    anthropic_key: Option<PathBuf>,
    /// Update the image first when it is behind
    #[arg(long, conflicts_with = "no_update")]
    update: bool,
    /// Start the image as it is, and do not ask
    #[arg(long)]
    no_update: bool,
    /// Print the engine's command, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// The command to run
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// An image and the facts that go with it.
struct Chosen {
    image: Image,
    repo: Repo,
    sources: Sources,
    host: Host,
    conf: Conf,
    tracking: Tracking,
}

impl StartImage {
    /// Runs it; the exit code is the command's.
    pub fn run(&self) -> Result<u8> {
        let (chosen, docker, wishes) = self.prepare().context("cannot start an image")?;
        let start = chosen.start(&docker);
        if self.dry_run {
            ui::result(start.dry_run(&wishes));
            return Ok(0);
        }
        let code = start
            .run(&wishes)
            .with_context(|| format!("cannot start {}", chosen.image.tag))?;
        Ok(u8::try_from(code).unwrap_or(1))
    }

    fn prepare(&self) -> Result<(Chosen, Docker, Wishes)> {
        let docker = Docker::find()?;
        let mut chosen = self.gather(self.choose(&docker)?)?;
        let wishes = chosen.start(&docker).complete(Wishes {
            name: self.name.clone(),
            hostname: self.hostname.clone(),
            anthropic_key: self.anthropic_key.clone(),
            terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            command: self.command.clone(),
        })?;
        if self.wants_update(&chosen)? {
            let image = chosen.update()?;
            chosen = self.gather((image, chosen.repo))?;
        }
        Ok((chosen, docker, wishes))
    }

    /// The newest image of what was named; without names, that of the repository one stands in,
    /// else the newest of all.
    fn choose(&self, docker: &Docker) -> Result<(Image, Repo)> {
        let images = find::all(docker)?;
        let (path, branch_from) = self.place.split();
        let repo = match Repo::find(path) {
            Ok(repo) => Some(repo),
            Err(error) if path.is_some() || branch_from.is_some() => return Err(error),
            Err(_) => None,
        };
        if let (Some(repo), Some(typed)) = (&repo, branch_from) {
            let target = target::resolve(repo, Some(typed), Fetch::No)?;
            let image = find::newest_of(&images, &repo.path, &target.branch).ok_or_else(|| {
                let place = Place::typed(repo, typed);
                Failure::new(format!("there is no image of {typed} yet"))
                    .hint(format!("git dkr create-image {place}"))
            })?;
            return Ok((image.clone(), repo.clone()));
        }
        if let Some(repo) = &repo {
            let newest = images.iter().find(|i| i.labels.repo_path == repo.path);
            if let Some(image) = newest {
                return Ok((image.clone(), repo.clone()));
            }
            if path.is_some() {
                let place = Place::typed(repo, "HEAD");
                return Err(Failure::new("there is no image of this repository yet")
                    .hint(format!("git dkr create-image {place}"))
                    .into());
            }
        }
        let image = images.into_iter().next().ok_or_else(|| {
            Failure::new("there is no image yet").hint("git dkr create-image makes one")
        })?;
        let path = &image.labels.repo_path;
        let repo = Repo::find(Some(path)).map_err(|_| {
            Failure::new(format!(
                "{} was built from {}, which holds no repository now",
                image.tag,
                path.display()
            ))
            .hint("git dkr list-images shows what there is")
        })?;
        ui::status("start", &format!("{}, the newest image of all", image.tag));
        Ok((image, repo))
    }

    fn gather(&self, (image, repo): (Image, Repo)) -> Result<Chosen> {
        let sources = sources(Some(&repo))?;
        let host = self.host.read(&sources)?;
        let tracking = track(&repo, &[&image])?
            .pop()
            .context("nothing is known of the image's branch")?;
        let commit = &image.labels.commit;
        // The commit of an old image may be gone from the repository.
        let text = match repo.commits(&[commit.as_str()])?.first() {
            Some(Some(_)) => repo.file_at(commit, crate::conf::FILE)?,
            _ => None,
        };
        let conf = Conf::read(text.as_deref(), &sources)?;
        Ok(Chosen {
            image,
            repo,
            sources,
            host,
            conf,
            tracking,
        })
    }

    fn wants_update(&self, chosen: &Chosen) -> Result<bool> {
        let staleness = chosen.tracking.staleness;
        if self.no_update || self.dry_run {
            return Ok(false);
        }
        if self.update {
            return Ok(matches!(
                staleness,
                Staleness::Behind(_) | Staleness::Diverged
            ));
        }
        let labels = &chosen.image.labels;
        let limit = chosen.conf.stale_after.value;
        let Some(advice) = staleness.advice(&chosen.image.tag, &labels.branch_from, limit) else {
            return Ok(false);
        };
        ui::warn(advice.warning);
        let place = Place::typed(&chosen.repo, &labels.branch_from);
        match advice.mend {
            Mend::Update if ui::interactive() => ui::confirm("Update it first?"),
            Mend::Update => {
                ui::status(
                    "hint",
                    &format!("git dkr update-image {place}, or --update"),
                );
                Ok(false)
            }
            Mend::Create => {
                ui::status("hint", &format!("git dkr create-image {place}"));
                Ok(false)
            }
            Mend::Nothing => Ok(false),
        }
    }
}

impl Chosen {
    fn start<'a>(&'a self, docker: &'a Docker) -> Start<'a> {
        Start {
            docker,
            image: &self.image,
            repo: &self.repo,
            tracking: &self.tracking,
            conf: &self.conf,
            host: &self.host,
        }
    }

    fn update(&self) -> Result<Image> {
        let target = target::resolve(&self.repo, Some(&self.image.labels.branch_from), Fetch::Yes)?;
        let site = Site {
            repo: &self.repo,
            docker: &Docker::for_builds()?,
            host: &self.host,
            sources: &self.sources,
        };
        bake::update(site, target)
    }
}
