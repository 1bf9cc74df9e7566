//! The process in the background that keeps a container.

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::connection::ConnectionSettings;
use super::directory::ContainerDirectory;
use super::keep::EndReport;
use super::labels::MARK;
use crate::engine::{ContainerState, Engine};
use crate::error::Failure;
use crate::git::Repo;
use crate::proc::{BackgroundProcess, Cmd, check_interrupted};
use crate::ui::Printer;

/// How often we look whether it is at work.
const LOOK: Duration = Duration::from_millis(20);

/// Such a process, of a container that we start.
#[derive(Debug)]
pub(crate) struct Keeping(BackgroundProcess);

impl Keeping {
    /// Starts it. It waits until the container is there, or until we are gone or [`Keeping::detach`].
    pub(crate) fn start(engine: &Engine, repo: &Repo, container: &str) -> Result<Self> {
        let directory = ContainerDirectory::of(repo, container);
        let this = std::env::current_exe().context("cannot find the path of git-dkr itself")?;
        let cmd = Cmd::new(this)
            .arg("keep")
            .arg(&repo.path)
            .arg(container)
            .args(["--engine", &engine.kind().to_string()])
            .env("GIT_TERMINAL_PROMPT", "0");
        Ok(Self(cmd.in_background(&directory.log())?))
    }

    /// Starts it for a container that is there already, unless one is at work: one that was killed left it
    /// alone.
    pub(crate) fn ensure(engine: &Engine, repo: &Repo, container: &str) -> Result<()> {
        let directory = ContainerDirectory::of(repo, container);
        if directory.is_held() {
            return Ok(());
        }
        if directory.settings::<ConnectionSettings>().is_none() {
            bail!(
                Failure::new(format!(
                    "nothing is known here of how {container} is connected"
                ))
                .hint(format!(
                    "what is in it can be pushed elsewhere, or copied: {} cp",
                    engine.kind()
                ))
            );
        }
        Self::start(engine, repo, container)?.detach();
        while !directory.is_held() && directory.path().exists() {
            check_interrupted()?;
            sleep(LOOK);
        }
        Ok(())
    }

    /// Starts it for each container of the repository whose own was killed, and says so. Of one that has
    /// ended it saves the work. One that is kept is left to `git dkr save`.
    pub(crate) fn revive_all(engine: &Engine, repo: &Repo, printer: Printer) -> Result<()> {
        let directories = ContainerDirectory::names(repo).into_iter();
        let directories = directories.map(|name| (ContainerDirectory::of(repo, &name), name));
        let is_alone = |directory: &ContainerDirectory| {
            let settings: Option<ConnectionSettings> = directory.settings();
            let here = settings.is_some_and(|settings| settings.engine == engine.identity());
            here && directory.kept().is_none() && !directory.is_held()
        };
        let alone: Vec<_> = directories
            .filter(|(directory, _)| is_alone(directory))
            .collect();
        if alone.is_empty() {
            return Ok(());
        }
        let there = engine.containers(MARK)?;
        for (directory, container) in alone {
            let found = there.iter().find(|one| one.name == container);
            match found.map(|found| found.state) {
                // Somebody starts it, or has just begun to.
                Some(ContainerState::Created) => {}
                None if directory.is_young() => {}
                None => directory.remove(),
                Some(_) => {
                    printer.status("connect", &format!("{container}, which was left alone"));
                    Self::start(engine, repo, &container)?.detach();
                }
            }
        }
        Ok(())
    }

    /// Tells it that the container was started, or will not be. It goes on by itself.
    pub(crate) fn detach(self) {}

    /// Tells it the same, and waits until the container has ended and its work is saved; `None` when the
    /// process was killed before.
    pub(crate) fn finish(self) -> Result<Option<EndReport>> {
        let mut said = String::new();
        let mut output = self.0.close_input();
        output
            .read_to_string(&mut said)
            .context("cannot read what became of the container")?;
        Ok(serde_json::from_str(&said).ok())
    }
}
