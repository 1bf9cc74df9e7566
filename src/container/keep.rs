//! Keeping a container connected and its work saved, for as long as it runs, in a process of its own:
//! whatever becomes of the terminal that it was started on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::conflicts::conflicts;
use super::connection::ConnectionSettings;
use super::directory::{ContainerDirectory, RUN};
use super::info::{self, ContainerInfo};
use super::labels::{ContainerLabels, MARK};
use super::prepare_user::prepare;
use super::summary::WorkSummary;
use crate::engine::{ContainerState, Engine, EngineContainer};
use crate::fs::Lock;
use crate::git::saved_work::{self, WORK};
use crate::git::{ObjectId, Repo, values_of};
use crate::proc::check_interrupted;
use crate::ssh::{Access, RUN_DIR};
use crate::ui::Printer;

/// How often we look whether something has happened.
const LOOK: Duration = Duration::from_millis(20);
/// The same of an engine that does not answer.
const LOOK_FOR_ENGINE: Duration = Duration::from_secs(1);
/// What a container writes when its work was saved at its end.
const ENDED: &str = "/workspace/.git/dkr-save/ended";

/// What became of a container and its work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndReport {
    /// Why it is still there.
    pub kept: Option<String>,
    /// What of it is saved; none where all of it was pushed.
    pub saved: Option<WorkSummary>,
    /// Why it was not connected.
    pub unconnected: Option<String>,
}

/// The container that is kept.
struct Keeper<'a> {
    engine: &'a Engine,
    repo: &'a Repo,
    directory: ContainerDirectory,
    settings: ConnectionSettings,
    printer: Printer,
}

/// What was noted of saved work.
#[derive(Default)]
struct Noted {
    /// Whether it says what the container is.
    info: bool,
    /// All of it, of other containers too.
    refs: Vec<(String, ObjectId)>,
}

/// Keeps a container until it has ended and its work is saved. Does nothing when another process does so. It
/// may not be there yet: then whoever starts it is `is_starting`.
pub(crate) fn keep(
    engine: &Engine,
    repo: &Repo,
    container: &str,
    is_starting: impl Fn() -> bool,
    printer: Printer,
) -> Result<EndReport> {
    let directory = ContainerDirectory::of(repo, container);
    let Some(settings) = directory.settings::<ConnectionSettings>() else {
        bail!("nothing is known here of how {container} is connected");
    };
    let Some(_lock) = lock(&directory)? else {
        return Ok(EndReport::default());
    };
    directory.clear_kept();
    let keeper = Keeper {
        engine,
        repo,
        directory,
        settings,
        printer,
    };
    keeper.run(is_starting)
}

/// Takes the lock. Whoever asks whether it is held has it for a moment.
fn lock(directory: &ContainerDirectory) -> Result<Option<Lock>> {
    for _ in 0..10 {
        if let Some(lock) = directory.lock()? {
            return Ok(Some(lock));
        }
        sleep(LOOK);
    }
    Ok(None)
}

impl Keeper<'_> {
    fn name(&self) -> &str {
        &self.settings.container
    }

    fn run(&self, is_starting: impl Fn() -> bool) -> Result<EndReport> {
        let server = self.settings.open(self.engine, self.repo)?;
        let again = ConnectionSettings {
            resumed: true,
            ..self.settings.clone()
        };
        self.directory.write(&again)?;
        if !self.await_start(is_starting)? {
            self.engine.remove_container(self.name())?;
            self.directory.remove();
            return Ok(EndReport::default());
        }
        let info = self.info()?;
        self.until_its_end(|ended| self.save_now_and_then(info.as_ref(), ended))?;
        let mut report = self.finish(info)?;
        report.unconnected = server.and_then(|server| server.tunnel_failure());
        Ok(report)
    }

    /// Whether the container has run: a start may have failed.
    fn await_start(&self, is_starting: impl Fn() -> bool) -> Result<bool> {
        loop {
            // In this order: one that was started before nobody starts it is there then.
            let starting = is_starting();
            match self.engine.state_of(self.name())? {
                Some(ContainerState::Created) | None if !starting => return Ok(false),
                Some(ContainerState::Created) | None => sleep(LOOK),
                Some(_) => return Ok(true),
            }
        }
    }

    /// Waits for its end, prepares it for its user, and does something else meanwhile, which hears when it
    /// has ended.
    fn until_its_end(&self, meanwhile: impl FnOnce(&AtomicBool) + Send) -> Result<()> {
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| self.prepare_user(&ended));
            scope.spawn(|| meanwhile(&ended));
            let outcome = self.await_end();
            ended.store(true, Ordering::Relaxed);
            outcome
        })
    }

    fn prepare_user(&self, ended: &AtomicBool) {
        if let Some(user) = &self.settings.user
            && let Err(error) = prepare(self.engine, self.name(), user, ended)
        {
            self.printer.warn(format_args!("{error:#}"));
        }
    }

    /// What it is, for who finds its work later.
    fn info(&self) -> Result<Option<ContainerInfo>> {
        let all = self.engine.containers(MARK)?;
        let found = all.into_iter().find(|one| one.name == self.name());
        let labels = |one: &EngineContainer| ContainerLabels::parse(&one.labels).ok();
        Ok(found
            .and_then(|one| Some((labels(&one)?, one.created)))
            .map(|(labels, created)| ContainerInfo::of_started(self.name(), labels, created)))
    }

    fn save_now_and_then(&self, info: Option<&ContainerInfo>, ended: &AtomicBool) {
        if self.settings.save_every == 0 {
            return;
        }
        let every = Duration::from_secs(self.settings.save_every.into());
        let mut last = Instant::now();
        let mut noted = Noted::default();
        while !ended.load(Ordering::Relaxed) {
            sleep(LOOK);
            if last.elapsed() < every {
                continue;
            }
            let saved = save(self.engine, self.name()).and_then(|()| self.note(info, &mut noted));
            if let Err(error) = saved
                && self.engine.is_running(self.name())
            {
                self.printer.warn(format_args!("{error:#}"));
            }
            last = Instant::now();
        }
    }

    /// Notes beside its work, once there is some, what the container is, and for lists which others' work it
    /// conflicts with, when saved work has moved.
    fn note(&self, info: Option<&ContainerInfo>, noted: &mut Noted) -> Result<()> {
        let refs = values_of(&self.repo.common_dir, &[WORK])?;
        if refs == noted.refs {
            return Ok(());
        }
        let has_work = || {
            refs.iter()
                .any(|(name, _)| saved_work::may_move(name, self.name()))
        };
        if let Some(info) = info.filter(|_| !noted.info && has_work()) {
            info::write(self.repo, info)?;
            noted.info = true;
        }
        let conflicts = conflicts(self.repo, self.name())?;
        let names: Vec<&str> = conflicts.iter().map(|other| &*other.container).collect();
        self.directory.set_conflicts(&names)?;
        noted.refs = refs;
        Ok(())
    }

    /// Waits, also for an engine that is gone for a while.
    fn await_end(&self) -> Result<()> {
        loop {
            check_interrupted()?;
            let waited = self.engine.wait(self.name());
            let state = self.engine.state_of(self.name());
            if let Ok(state) = &state
                && !state.is_some_and(ContainerState::is_alive)
            {
                return Ok(());
            }
            if waited.is_err() || state.is_err() {
                sleep(LOOK_FOR_ENGINE);
            }
        }
    }

    /// Removes the container when its work is on the host, and keeps it otherwise.
    fn finish(&self, info: Option<ContainerInfo>) -> Result<EndReport> {
        let mut report = EndReport::default();
        let state = self.engine.state_of(self.name())?;
        if self.settings.save_every > 0
            && state.is_some()
            && !self.is_saved()?
            && !self.save_stopped()?
        {
            let why = self.why_not_saved();
            self.directory.set_kept(&why)?;
            report.kept = Some(why);
        }
        report.saved = WorkSummary::settle(self.repo, self.name())?;
        if let (Some(info), Some(_)) = (info, &report.saved) {
            let code = match state {
                Some(ContainerState::Exited(code)) => code,
                _ => None,
            };
            info::write(self.repo, &info.ended(Timestamp::now(), code))?;
        }
        if report.kept.is_none() {
            self.engine.remove_container(self.name())?;
            self.directory.remove();
        }
        Ok(report)
    }

    fn is_saved(&self) -> Result<bool> {
        self.engine.has_file(self.name(), ENDED)
    }

    /// Starts the container once more, to save what is in it and do nothing else. Whether it could.
    fn save_stopped(&self) -> Result<bool> {
        let mounted = self.directory.path().join(RUN);
        if !mounted.exists() {
            return Ok(false);
        }
        Access::write_programs(&mounted)?;
        self.directory.set_saves_only()?;
        if let Err(error) = self.engine.start_again(self.name()) {
            self.printer.warn(format_args!("{error:#}"));
            return Ok(false);
        }
        self.until_its_end(|_| {})?;
        self.is_saved()
    }

    /// What it said before it gave up.
    fn why_not_saved(&self) -> String {
        let said = self.engine.last_lines(self.name(), 8).unwrap_or_default();
        reason(&said).unwrap_or("it does not say why").to_owned()
    }
}

/// Of what was said, the line that tells most: what failed on the host, where it was that, else the last.
fn reason(said: &str) -> Option<&str> {
    let lines = said.lines().map(str::trim);
    let mut lines =
        lines.filter(|line| !line.is_empty() && !line.starts_with("warning: the work could"));
    let of_host = |line: &&str| {
        let line = line.strip_prefix("remote: ");
        line.is_some_and(|line| line.starts_with("fatal: ") || line.starts_with("error: "))
    };
    let found = lines.clone().find(of_host).or_else(|| lines.next_back());
    found.map(|line| line.strip_prefix("remote: ").unwrap_or(line))
}

/// Saves the work in a container that runs.
pub(crate) fn save(engine: &Engine, container: &str) -> Result<()> {
    let script = format!("{RUN_DIR}/save");
    let output = engine.exec_command(container, &["sh", &script]).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(anyhow::anyhow!(said)).with_context(|| format!("cannot save the work in {container}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_failed_first() {
        let full = "remote: fatal: write error: No space left on device\n\
            error: remote unpack failed: index-pack abnormal exit\n\
            \x20! [remote rejected] 0a -> refs/dkr/work/box/heads/work (unpacker error)\n\
            warning: the work could not be saved\n";
        let full = reason(full);
        assert_eq!(full, Some("fatal: write error: No space left on device"));
        let cut_off = "ready\nssh: connect to host: no\nwarning: the work could not be saved\n";
        assert_eq!(reason(cut_off), Some("ssh: connect to host: no"));
        assert_eq!(reason("\n"), None);
    }
}
