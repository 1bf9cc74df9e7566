//! `git dkr start-image`

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::{EngineArgs, HostArgs, Place};
use crate::conf::Host;
use crate::engine::Engine;
use crate::error::Failure;
use crate::image::Image;
use crate::image::bake;
use crate::image::choose::{Choice, choose};
use crate::image::plan::{Reuse, Site};
use crate::image::staleness::{Mend, Staleness};
use crate::image::start::{Start, Wishes};
use crate::image::target::{self, Fetch};
use crate::ui;

/// Start a throw-away container from an image
///
/// The newest of REPO and BRANCH_FROM; without them, of the repository one stands in, else of all.
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
    #[command(flatten)]
    engine: EngineArgs,
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

impl StartImage {
    /// Runs it; the exit code is the command's.
    pub fn run(&self) -> Result<u8> {
        let engine = self.engine.find_at(self.place.split().0)?;
        let (choice, host, wishes) = self.prepare(&engine).context("cannot start an image")?;
        let start = start(&engine, &choice, &host);
        if self.dry_run {
            ui::result(start.dry_run(&wishes))?;
            return Ok(0);
        }
        let code = start
            .run(&wishes)
            .with_context(|| format!("cannot start {}", choice.image.tag))?;
        Ok(u8::try_from(code).unwrap_or(1))
    }

    fn prepare(&self, engine: &Engine) -> Result<(Choice, Host, Wishes)> {
        let (path, typed) = self.place.split();
        if let (Some(path), Some(second)) = (path, typed)
            && !path.exists()
        {
            let path = path.display();
            return Err(Failure::new(format!("there is no repository {path}"))
                .hint(format!("a command goes behind --: {path} -- {second} …"))
                .into());
        }
        let mut choice = choose(engine, path, typed)?;
        let host = self.host.read(&choice.sources)?;
        let wishes = start(engine, &choice, &host).complete(Wishes {
            name: self.name.clone(),
            hostname: self.hostname.clone(),
            anthropic_key: self.anthropic_key.clone(),
            terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            command: self.command.clone(),
        })?;
        if self.wants_update(&choice)? {
            let image = update(engine, &choice, &host)?;
            choice = Choice::of(image, choice.repo, choice.sources)?;
        }
        Ok((choice, host, wishes))
    }

    fn wants_update(&self, choice: &Choice) -> Result<bool> {
        let staleness = &choice.tracking.staleness;
        if self.no_update || self.dry_run {
            return Ok(false);
        }
        if self.update {
            return Ok(matches!(
                staleness,
                Staleness::Behind(_) | Staleness::Diverged
            ));
        }
        let labels = &choice.image.labels;
        let limit = choice.conf.stale_after.value;
        if !staleness.matters(limit) {
            return Ok(false);
        }
        let sentence = staleness.sentence(&choice.image.tag, &labels.branch_from);
        ui::warn(format_args!("image {sentence}"));
        let mend = staleness.mend();
        if mend == Mend::Update && ui::interactive() {
            return ui::confirm("Update it first?");
        }
        if let Some(command) = mend.command(&choice.repo.as_typed(&labels.branch_from)) {
            let or = if mend == Mend::Update {
                ", or --update"
            } else {
                ""
            };
            ui::status("hint", &format!("{command}{or}"));
        }
        Ok(false)
    }
}

fn start<'a>(engine: &'a Engine, choice: &'a Choice, host: &'a Host) -> Start<'a> {
    Start {
        engine,
        image: &choice.image,
        repo: &choice.repo,
        tracking: &choice.tracking,
        conf: &choice.conf,
        host,
    }
}

fn update(engine: &Engine, choice: &Choice, host: &Host) -> Result<Image> {
    let branch_from = Some(choice.image.labels.branch_from.as_str());
    let target = target::resolve(&choice.repo, branch_from, Fetch::Yes)?;
    let site = Site {
        repo: &choice.repo,
        engine,
        host,
        sources: &choice.sources,
        reuse: Reuse::default(),
    };
    bake::update(site, target)
}
