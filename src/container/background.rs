//! The process in the background that keeps a container.

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::directory::ContainerDirectory;
use super::keep::EndReport;
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::proc::{BackgroundProcess, Cmd, check_interrupted};

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

    /// Starts it for a container that is there already, unless one is at work: one that was killed left it alone.
    pub(crate) fn ensure(engine: &Engine, repo: &Repo, container: &str) -> Result<()> {
        let directory = ContainerDirectory::of(repo, container);
        if directory.is_held() {
            return Ok(());
        }
        if directory.settings().is_none() {
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

    /// Tells it that the container was started, or will not be. It goes on by itself.
    pub(crate) fn detach(self) {}

    /// Tells it the same, and waits until the container has ended and its work is saved; `None` when the process
    /// was killed before.
    pub(crate) fn finish(self) -> Result<Option<EndReport>> {
        let mut said = String::new();
        let mut output = self.0.close_input();
        output
            .read_to_string(&mut said)
            .context("cannot read what became of the container")?;
        Ok(serde_json::from_str(&said).ok())
    }
}
