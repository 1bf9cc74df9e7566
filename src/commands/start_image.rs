//! `git dkr start-image`

use std::ffi::OsString;
use std::path::PathBuf;
use std::slice;

use anyhow::{Context, Result};
use clap::Args;

use super::container_args::ContainerArgs;
use super::{EngineArgs, HostArgs, RepoArgs};
use crate::conf::{self, Host};
use crate::container::Keeping;
use crate::engine::Engine;
use crate::error::Failure;
use crate::image::Image;
use crate::image::build;
use crate::image::build::record_build;
use crate::image::context::BuildContext;
use crate::image::model::staleness::{Remedy, Staleness};
use crate::image::parent::ParentChoice;
use crate::image::plan::{BuildRequest, Reuse};
use crate::image::query::target::{self, FetchMode};
use crate::image::start::select_image::{SelectedImage, select};
use crate::image::start::{StartPlan, StartRequest};
use crate::layers::stack::{self, Agent};
use crate::proc::parallel_map;
use crate::ui::{self, Printer};

/// Start a throw-away container from an image
///
/// The newest of REPO and BRANCH_FROM; without them, of the repository one stands in, and outside of any
/// the newest of all. Where BRANCH_FROM has no image, or one that follows another ref, the nearest one
/// is started and taken there, without a build.
///
/// Runs CMD in the clone at /workspace, on a fresh work branch; without CMD, tmux on a terminal and a shell
/// elsewhere, with the image's agent in the first window. `git push` in the container makes the branch
/// <hostname>/<name> in the host repository. The exit code is CMD's own.
#[derive(Debug, Args)]
pub(crate) struct StartImage {
    #[command(flatten)]
    place: RepoArgs,
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
    /// Run this agent in the first window (none: a shell); that of the image by default
    #[arg(long)]
    agent: Option<String>,
    /// A file with the agent's key, mounted read-only [default: git config dkr.<agent>Key]
    #[arg(long, value_name = "FILE")]
    agent_key: Option<PathBuf>,
    /// A file with a key of Claude's API: --agent-key for Claude, whichever agent is run
    #[arg(long, value_name = "FILE")]
    anthropic_key: Option<PathBuf>,
    #[command(flatten)]
    container: ContainerArgs,
    /// Update the image first when it is behind, or build one where there is none
    #[arg(long, conflicts_with = "no_update")]
    update: bool,
    /// Start the image as it is, and do not ask
    #[arg(long)]
    no_update: bool,
    /// Leave it running and print its name: a command, an agent or tmux goes on in it
    #[arg(short, long)]
    detach: bool,
    /// Start this many of them, each with a name and a work branch of its own
    #[arg(long, value_name = "NUMBER", requires = "detach", default_value_t = 1,
          conflicts_with_all = ["name", "hostname"], value_parser = clap::value_parser!(u16).range(1..=100))]
    count: u16,
    /// Have the agent do this without a terminal, and end
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_file")]
    prompt: Option<String>,
    /// The same, as a file says it, or standard input (-)
    #[arg(long, value_name = "FILE")]
    prompt_file: Option<PathBuf>,
    /// Print the engine's command, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// The command to run
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl StartImage {
    /// Runs it; the exit code is the command's.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        if let Some(name) = self.unused_agent() {
            let failure = Failure::new(format!(
                "--agent {name} would run {name}, but there is a command after --"
            ));
            let hint = format!("leave one of them out; to give {name} arguments: -- {name} ARG…");
            ui::error(&failure.into(), Some(&hint));
            return Ok(2);
        }
        let engine = self.engine.find_at(self.place.split().0, printer)?;
        let (choice, host, request) = self
            .prepare(&engine, printer)
            .context("cannot start an image")?;
        let start = start(&engine, &choice, &host, printer);
        if self.dry_run {
            ui::result(start.dry_run(&request))?;
            return Ok(0);
        }
        Keeping::revive_all(&engine, &choice.repo, printer)?;
        let context = || format!("cannot start {}", choice.image.tag);
        if !self.detach {
            let code = start.run(&request).with_context(context)?;
            return Ok(u8::try_from(code).unwrap_or(1));
        }
        let mut requests = vec![request];
        while requests.len() < self.count.into() {
            requests.push(start.another(&requests[0])?);
        }
        let started = parallel_map(&requests, |request| start.run(request))?;
        for (request, started) in requests.iter().zip(started) {
            started.with_context(context)?;
            ui::result(request.hostname.as_deref().unwrap_or_default())?;
        }
        Ok(0)
    }

    /// What the agent is to do.
    fn prompt(&self, agent: Option<&Agent>) -> Result<Option<String>> {
        let prompt = match (&self.prompt, &self.prompt_file) {
            (None, None) => return Ok(None),
            (Some(prompt), _) => prompt.clone(),
            (None, Some(file)) if file.as_os_str() == "-" => {
                std::io::read_to_string(std::io::stdin()).context("cannot read the prompt")?
            }
            (None, Some(file)) => crate::fs::read_text(file)
                .with_context(|| format!("cannot read the prompt in {}", file.display()))?,
        };
        let failure = match agent {
            None => Failure::new("there is no agent to do what the prompt says")
                .hint("--agent claude, codex or gemini, which the image must have"),
            Some(agent) if agent.prompt_option.is_none() => Failure::new(format!(
                "{} takes no prompt without a terminal here",
                agent.name
            ))
            .hint("claude, codex and gemini do"),
            Some(_) if !self.command.is_empty() => {
                Failure::new("a prompt is for the agent, but there is a command after --")
                    .hint("leave one of them out")
            }
            Some(_) if prompt.trim().is_empty() => {
                Failure::new("the prompt is empty").hint("say what the agent is to do")
            }
            Some(_) => return Ok(Some(prompt)),
        };
        Err(failure.into())
    }

    fn prepare(
        &self,
        engine: &Engine,
        printer: Printer,
    ) -> Result<(SelectedImage, Host, StartRequest)> {
        let (path, typed) = self.place.split();
        if let (Some(path), Some(second)) = (path, typed)
            && !path.exists()
        {
            let path = path.display();
            return Err(Failure::new(format!("there is no repository {path}"))
                .hint(format!("a command goes after --: {path} -- {second} …"))
                .into());
        }
        let mut choice = select(engine, path, typed, &self.container.flags(), printer)?;
        if !self.dry_run {
            record_build::write_missing_records(
                &choice.repo,
                engine,
                slice::from_ref(&choice.image),
                None,
            );
        }
        let host = self.host.read(&choice.sources)?;
        let agent = self.agent(&choice)?;
        let prompt = self.prompt(agent)?;
        let request = start(engine, &choice, &host, printer).complete(StartRequest {
            name: self.name.clone(),
            hostname: self.hostname.clone(),
            agent,
            keys: self.keys(agent, &choice)?,
            terminal: wants_terminal(self.detach, prompt.is_some() || !self.command.is_empty()),
            stays: true,
            detached: self.detach,
            prompt,
            command: self.command.clone(),
            ..StartRequest::default()
        })?;
        if self.wants_update(&choice, printer)? {
            let image = update(engine, &choice, &host, printer)?;
            choice = SelectedImage::of(image, choice.repo, choice.sources, printer)?;
        }
        Ok((choice, host, request))
    }

    /// An agent that was asked for beside a command; `none` goes with one.
    fn unused_agent(&self) -> Option<&str> {
        let agent = self.agent.as_deref().filter(|name| *name != "none");
        agent.filter(|_| !self.command.is_empty())
    }

    /// The agent that was asked for, else that of the image.
    fn agent(&self, choice: &SelectedImage) -> Result<Option<&'static Agent>> {
        let labels = &choice.image.labels;
        match (&self.agent, &labels.agent) {
            (Some(name), _) if name == "none" => Ok(None),
            (Some(name), _) => Ok(Some(stack::agent(name)?)),
            // An agent's layer may be somebody's own, under a name that is not known here.
            (None, Some(name)) => Ok(stack::agent(name).ok()),
            (None, None) => Ok(None),
        }
    }

    /// The files of keys: those that were named, else those of the settings.
    fn keys(
        &self,
        agent: Option<&'static Agent>,
        choice: &SelectedImage,
    ) -> Result<Vec<(&'static Agent, PathBuf)>> {
        let claude = stack::agent("claude")?;
        let mut keys = Vec::new();
        if let Some(file) = &self.anthropic_key {
            keys.push((claude, file.clone()));
        }
        let Some(agent) = agent.or(self.agent_key.as_ref().map(|_| claude)) else {
            return Ok(keys);
        };
        let setting = format!("{}_key", agent.name);
        let set = choice.sources.get(&setting);
        let set = set.map(|(path, _)| conf::expand(path));
        if let Some(file) = self.agent_key.clone().or(set) {
            keys.retain(|(other, _)| *other != agent);
            keys.push((agent, file));
        }
        Ok(keys)
    }

    fn wants_update(&self, choice: &SelectedImage, printer: Printer) -> Result<bool> {
        let staleness = &choice.tracking.staleness;
        if self.no_update || self.dry_run {
            return Ok(false);
        }
        if choice.switch_to.is_some() {
            return Ok(self.update);
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
        printer.warn(format_args!("image {sentence}"));
        let mend = staleness.remedy();
        if mend == Remedy::Update && printer.interactive() {
            return printer.confirm("Update it first?");
        }
        if let Some(command) = mend.command(&choice.repo.as_typed(&labels.branch_from)) {
            let or = if mend == Remedy::Update {
                ", or --update"
            } else {
                ""
            };
            printer.status("hint", &format!("{command}{or}"));
        }
        Ok(false)
    }
}

/// A terminal for whoever sits at one. In the background it is for tmux, which others attach to: what has a
/// command or a prompt needs none there.
pub(super) fn wants_terminal(detach: bool, has_task: bool) -> bool {
    match detach {
        true => !has_task,
        false => ui::on_terminal(),
    }
}

/// What is known of a start.
pub(super) fn start<'a>(
    engine: &'a Engine,
    choice: &'a SelectedImage,
    host: &'a Host,
    printer: Printer,
) -> StartPlan<'a> {
    StartPlan {
        engine,
        image: &choice.image,
        repo: &choice.repo,
        tracking: &choice.tracking,
        switch_to: choice.switch_to.as_ref(),
        conf: &choice.conf,
        host,
        printer,
    }
}

fn update(engine: &Engine, choice: &SelectedImage, host: &Host, printer: Printer) -> Result<Image> {
    let branch_from = match &choice.switch_to {
        None => &choice.image.labels.branch_from,
        Some(target) => &target.branch_from,
    };
    let target = target::resolve(&choice.repo, Some(branch_from), FetchMode::Yes(printer))?;
    let context = BuildContext {
        repo: &choice.repo,
        engine,
        host,
        sources: &choice.sources,
        printer,
    };
    // One layer, where there is an image of the branch.
    let request = match choice.image.labels.branch == target.branch {
        true => BuildRequest::Update { keep_chain: false },
        false => BuildRequest::Create {
            parent: ParentChoice::default(),
            reuse: Reuse::default(),
        },
    };
    build::run(context, target, request)
}
