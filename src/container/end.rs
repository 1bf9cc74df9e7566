//! Telling of the end of a container that somebody waited for.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::background::Keeping;
use super::directory::ContainerDirectory;
use super::keep::{EndReport, keep};
use super::summary::WorkSummary;
use crate::engine::Engine;
use crate::git::Repo;
use crate::proc::check_interrupted;
use crate::ui::Printer;

/// How often we look whether the other process has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A container that we no longer see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContainerEnd<'a> {
    engine: &'a Engine,
    repo: &'a Repo,
    container: &'a str,
    printer: Printer,
}

impl<'a> ContainerEnd<'a> {
    /// Of this one.
    pub(crate) fn of(
        engine: &'a Engine,
        repo: &'a Repo,
        container: &'a str,
        printer: Printer,
    ) -> Self {
        Self {
            engine,
            repo,
            container,
            printer,
        }
    }

    /// Waits until its work is saved, and says what is kept of it and how to get at it. A container that
    /// still runs goes on, unless we are to end.
    pub(crate) fn tell(&self, keeping: Keeping) -> Result<()> {
        let Self {
            engine,
            repo,
            container,
            printer,
        } = *self;
        if is_at_work(engine, repo, container) {
            match check_interrupted() {
                Err(interrupted) if interrupted.is_request_to_end() => {
                    printer.status("saving", &format!("the work in {container}"));
                    engine.stop(container)?;
                }
                _ => {
                    printer.status(
                        "running",
                        &format!("{container} goes on: git dkr attach {container}"),
                    );
                    keeping.detach();
                    return Ok(());
                }
            }
        }
        let report = match keeping.finish()? {
            Some(report) => report,
            // The process was killed.
            None => keep(engine, repo, container, || false, printer)?,
        };
        self.print(&report);
        Ok(())
    }

    /// Waits until whoever keeps it has done so to its end, and says the same. Whether its work is saved.
    pub(crate) fn tell_of_other(&self) -> Result<bool> {
        await_keeper(self.repo, self.container)?;
        let directory = ContainerDirectory::of(self.repo, self.container);
        let report = EndReport {
            kept: directory.kept(),
            saved: WorkSummary::settle(self.repo, self.container)?,
            unconnected: None,
        };
        self.print(&report);
        Ok(report.kept.is_none())
    }

    /// Says what is saved of one that runs. Whether anything is.
    pub(crate) fn tell_of_work(&self) -> Result<bool> {
        let summary = WorkSummary::of(self.repo, self.container)?;
        match &summary {
            Some(saved) => self.print_saved(saved, ""),
            None => self.printer.status("saved", "nothing: all work was pushed"),
        }
        Ok(summary.is_some())
    }

    /// Says what became of it. Where all work was pushed there is nothing to say.
    fn print(&self, report: &EndReport) {
        let Self {
            container, printer, ..
        } = self;
        if let Some(why) = &report.unconnected {
            printer.warn(format_args!(
                "the container had no connection to the repository: {why}"
            ));
        }
        if let Some(why) = &report.kept {
            printer.warn(format_args!(
                "{container} is kept, as its work could not be saved: {why}"
            ));
            printer.status("hint", &format!("git dkr save {container} tries it again"));
        }
        if let Some(saved) = &report.saved {
            self.print_saved(saved, &format!(": git dkr resume {container}"));
        }
    }

    fn print_saved(&self, saved: &WorkSummary, advice: &str) {
        self.printer.status("saved", &format!("{saved}{advice}"));
        for left_out in &saved.left_out {
            self.printer.warn(format_args!("not saved: {left_out}"));
        }
    }
}

/// Whether its command runs: in one that was started once more to be saved, nothing else does.
pub(crate) fn is_at_work(engine: &Engine, repo: &Repo, container: &str) -> bool {
    engine.is_running(container) && !ContainerDirectory::of(repo, container).saves_only()
}

/// Waits until nobody keeps a container any more.
pub(crate) fn await_keeper(repo: &Repo, container: &str) -> Result<()> {
    let directory = ContainerDirectory::of(repo, container);
    while directory.is_held() {
        check_interrupted()?;
        sleep(LOOK);
    }
    Ok(())
}
