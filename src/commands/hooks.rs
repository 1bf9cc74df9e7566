//! `git dkr hooks`

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::OutputFormat;
use crate::git::Repo;
use crate::hooks::{
    self, Event, EventReport, HookState, HookStatus, InstallMethod, InstallOptions, InstallPlan,
};
use crate::proc;
use crate::ui::{self, Printer};

/// Put hooks into a repository that tell when an image has grown stale
///
/// After a fetch, pull, merge, rebase or switch of branches, git itself then says which images
/// are behind. Hooks that are there already are kept and still run.
#[derive(Debug, Args)]
pub(crate) struct Hooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Install),
    Uninstall(Uninstall),
    Status(Status),
    /// What a hook starts in the background where dkr.autoUpdate is set
    #[command(hide = true)]
    Update {
        repo: PathBuf,
        tag: String,
    },
}

/// Put the hooks in
///
/// With git 2.54 or later by its config (hook.dkr-*), else as files beside those that are there.
#[derive(Debug, Args)]
struct Install {
    #[command(flatten)]
    place: HooksArgs,
    /// Leave out the hook that sees fetches: git calls it for every change of a ref
    #[arg(long)]
    no_fetch: bool,
    /// Update stale images in the background (git config dkr.autoUpdate true)
    #[arg(long)]
    auto_update: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Take the hooks out, and put back exactly what was there
#[derive(Debug, Args)]
struct Uninstall {
    #[command(flatten)]
    place: HooksArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Show whether each hook is there and runs, and what to do where not
#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    place: HooksArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Debug, Args)]
struct HooksArgs {
    /// A repository, by its path
    #[arg(value_name = "REPO")]
    repo: Option<PathBuf>,
}

impl HooksArgs {
    fn look(&self) -> Result<(Repo, HookState)> {
        let path = self.repo.as_deref();
        let repo = Repo::find(path)?;
        let facts = HookState::gather(&repo, path)?;
        Ok((repo, facts))
    }
}

/// What the hooks call, `git-dkr hooks run EVENT …`; `None` when this is another command. It is told
/// before there is a grammar of all commands, as people wait for it.
pub(crate) fn run_by_git(args: &[OsString]) -> Option<u8> {
    let [_, command, subcommand, event, args @ ..] = args else {
        return None;
    };
    (command == "hooks" && subcommand == "run").then(|| {
        // A hook never fails, and has nobody to complain to.
        let _ = proc::catch_signals()
            .and_then(|()| hooks::notify::run(&event.to_string_lossy(), args, Printer::default()));
        0
    })
}

impl Hooks {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        match &self.command {
            Command::Install(command) => {
                command.run(printer).context("cannot install the hooks")?
            }
            Command::Uninstall(command) => {
                command.run(printer).context("cannot uninstall the hooks")?
            }
            Command::Status(command) => command.run().context("cannot look at the hooks")?,
            Command::Update { repo, tag } => {
                hooks::auto::update(&Repo::find(Some(repo))?, tag)
                    .with_context(|| format!("cannot update {tag} in the background"))?;
            }
        }
        Ok(0)
    }
}

/// Does it, or says what would be done.
fn carry_out(repo: &Repo, plan: &InstallPlan, dry_run: bool, printer: Printer) -> Result<()> {
    if dry_run {
        for action in &plan.actions {
            ui::result(action)?;
        }
    } else {
        hooks::act(repo, plan, printer)?;
    }
    for remark in &plan.remarks {
        printer.warn(remark);
    }
    Ok(())
}

impl Install {
    fn run(&self, printer: Printer) -> Result<()> {
        let (repo, facts) = self.place.look()?;
        let options = InstallOptions {
            no_fetch: self.no_fetch,
            auto_update: self.auto_update,
        };
        let plan = hooks::install(&facts, options)?;
        carry_out(&repo, &plan, self.dry_run, printer)?;
        if plan.actions.is_empty() {
            printer.status("hooks", "already installed");
        } else if !self.dry_run {
            let place = match (facts.way, &facts.directory) {
                (InstallMethod::Files, Ok(directory)) => directory.path.display().to_string(),
                _ => "git's config".to_owned(),
            };
            printer.status("hooks", &format!("installed in {place}"));
        }
        Ok(())
    }
}

impl Uninstall {
    fn run(&self, printer: Printer) -> Result<()> {
        let (repo, facts) = self.place.look()?;
        let plan = hooks::uninstall(&facts);
        carry_out(&repo, &plan, self.dry_run, printer)?;
        if plan.actions.is_empty() {
            printer.status("hooks", "there are no hooks of git dkr here");
        } else if !self.dry_run {
            hooks::notified::forget(&repo);
            printer.status("hooks", "removed; what was there before is restored");
        }
        Ok(())
    }
}

/// How hooks stand, as programs read it.
#[derive(Debug, Serialize)]
struct HooksReport {
    way: InstallMethod,
    #[serde(rename = "folder", skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    events: Vec<EventReport>,
    /// What the hook for fetches costs, in milliseconds a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    fetch_cost_ms: Option<f64>,
}

impl Status {
    fn run(&self) -> Result<()> {
        let (repo, facts) = self.place.look()?;
        let on_path = proc::on_path("git-dkr");
        let other = on_path.first().map(PathBuf::as_path);
        let events = hooks::report(&facts, hooks::notify::silenced(), is_program, other);
        let installed = |report: &EventReport| {
            report.event == Event::ReferenceTransaction && report.state == HookStatus::Installed
        };
        let cost = match events.iter().any(installed) {
            true => Some(hooks::cost(&repo, &facts)?.as_secs_f64() * 1000.0),
            false => None,
        };
        let report = HooksReport {
            way: facts.way,
            directory: match facts.way {
                InstallMethod::Config => Some(facts.home.clone()),
                InstallMethod::Files => facts
                    .directory
                    .as_ref()
                    .ok()
                    .map(|directory| directory.path.clone()),
            },
            events,
            fetch_cost_ms: cost.map(|cost| (cost * 100.0).round() / 100.0),
        };
        match self.format {
            OutputFormat::Json => ui::result(serde_json::to_string_pretty(&report)?),
            OutputFormat::Text => print(&report),
        }
    }
}

fn print(report: &HooksReport) -> Result<()> {
    let directory = report.directory.as_deref().map(Path::display);
    match (report.way, directory) {
        (InstallMethod::Config, _) => ui::result("by git's config, which git 2.54 and later obey")?,
        (InstallMethod::Files, Some(directory)) => {
            ui::result(format_args!("by files in {directory}"))?
        }
        (InstallMethod::Files, None) => ui::result("by files, for which there is no directory")?,
    }
    for event in &report.events {
        let note = event.note.iter().map(|note| format!(": {note}"));
        let line = format!(
            "{:<21}  {}{}",
            event.event.name(),
            event.state.words(),
            note.collect::<String>()
        );
        ui::result(line)?;
    }
    // Most often it is the same for all.
    let mut hints: Vec<&str> = Vec::new();
    for hint in report
        .events
        .iter()
        .filter_map(|event| event.hint.as_deref())
    {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    for hint in hints {
        ui::result(format_args!("hint: {hint}"))?;
    }
    if let Some(cost) = report.fetch_cost_ms {
        ui::result(format_args!(
            "reference-transaction costs about {cost:.1} ms a call; a rebase makes about 15 calls a commit: \
             {:.0} ms a commit; git dkr hooks install --no-fetch leaves it out",
            cost * 15.0
        ))?;
    }
    Ok(())
}

/// Whether this is a file that can be run.
fn is_program(path: &Path) -> bool {
    let meta = path.metadata();
    meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
