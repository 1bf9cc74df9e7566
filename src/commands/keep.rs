//! `git dkr keep`: what `start-image` runs in the background.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::Args;

use super::EngineArgs;
use crate::container::keep;
use crate::git::Repo;
use crate::proc::leave_terminal;
use crate::ui::{self, Printer};

/// Keep a container connected and its work saved until it ends
///
/// Runs in the background of start-image, which it reads from until the container is started. Prints what
/// became of the container as JSON.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct Keep {
    /// The repository
    repo: PathBuf,
    /// The container's name
    container: String,
    #[command(flatten)]
    engine: EngineArgs,
}

impl Keep {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        leave_terminal()?;
        let repo = Repo::find(Some(&self.repo))?;
        let engine = self.engine.find_at(Some(&self.repo), printer)?;
        let started = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&started);
        std::thread::spawn(move || {
            // Whoever starts the container says nothing: it ends, or closes its end.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            told.store(true, Ordering::Relaxed);
        });
        let is_starting = || !started.load(Ordering::Relaxed);
        let report = keep(&engine, &repo, &self.container, is_starting, printer)?;
        // Whoever waited for it may be gone.
        let _ = ui::result(serde_json::to_string(&report)?);
        Ok(0)
    }
}
