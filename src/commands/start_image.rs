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
use crate::image::bake;
use crate::image::plan::Site;
use crate::image::staleness::{Mend, Staleness};
use crate::image::start::{Start, Wishes};
use crate::image::target::{self, Fetch};
use crate::image::tracking::{Tracking, track};
use crate::image::{Image, Target, find};
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
            chosen = self.gather((image, chosen.repo, chosen.sources))?;
        }
        Ok((chosen, docker, wishes))
    }

    /// The newest image of what was named; without names, that of the repository one stands in,
    /// else the newest of all.
    fn choose(&self, docker: &Docker) -> Result<(Image, Repo, Sources)> {
        // The engine takes longer to answer than git.
        let (images, named) = std::thread::scope(|scope| {
            let images = scope.spawn(|| find::all(docker));
            let named = self.named();
            (images.join(), named)
        });
        let images = images.map_err(|_| Failure::new("the list of images was cut short"))??;
        let Some((repo, sources, target)) = named? else {
            return newest_of_all(images);
        };
        let (_, branch_from) = self.place.split();
        let image = match &target {
            Some(target) => find::newest_of(&images, &repo.path, &target.branch),
            None => images.iter().find(|i| i.labels.repo_path == repo.path),
        };
        match image {
            Some(image) => {
                if target.is_none() {
                    ui::status("start", &format!("{}, the newest image here", image.tag));
                }
                Ok((image.clone(), repo, sources))
            }
            None if self.place.is_empty() => newest_of_all(images),
            None => {
                let typed = branch_from.unwrap_or("HEAD");
                let place = Place::typed(&repo, typed);
                let what = branch_from.unwrap_or("this repository");
                Err(Failure::new(format!("there is no image of {what} yet"))
                    .hint(format!("git dkr create-image {place}"))
                    .into())
            }
        }
    }

    /// What was named, or the repository one stands in, if any.
    fn named(&self) -> Result<Option<(Repo, Sources, Option<Target>)>> {
        let (path, branch_from) = self.place.split();
        let repo = match Repo::find(path) {
            Ok(repo) => repo,
            Err(_) if self.place.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        };
        let sources = sources(Some(&repo))?;
        let target = branch_from
            .map(|typed| target::resolve(&repo, Some(typed), Fetch::No))
            .transpose()?;
        Ok(Some((repo, sources, target)))
    }

    fn gather(&self, (image, repo, sources): (Image, Repo, Sources)) -> Result<Chosen> {
        let host = self.host.read(&sources)?;
        let tracking = track(&repo, &[&image])?
            .pop()
            .context("nothing is known of the image's branch")?;
        // The commit of an old image may be gone from the repository, and its settings with it.
        let text = repo.file_at(&image.labels.commit, crate::conf::FILE)?;
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

fn newest_of_all(images: Vec<Image>) -> Result<(Image, Repo, Sources)> {
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
    let sources = sources(Some(&repo))?;
    Ok((image, repo, sources))
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
