//! How hooks stand, for people and programs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::slot::{HookFile, HookSlot, Tool};
use super::{Event, HookState, InstallMethod, script};

/// What to do in most cases.
const INSTALL: &str = "git dkr hooks install";

/// Whether a hook would do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookStatus {
    /// It is there and runs.
    Installed,
    /// It is not there.
    NotInstalled,
    /// It was there, and another tool has put its own in its place.
    Replaced,
    /// It is there and does not run.
    WouldNotRun,
    /// It is there, and what it calls is gone; another git-dkr is on the PATH, which is not everywhere
    /// the same.
    ProgramGone,
}

impl HookStatus {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::NotInstalled => "not installed",
            Self::Replaced => "replaced",
            Self::WouldNotRun => "would not run",
            Self::ProgramGone => "its program is gone",
        }
    }
}

/// How one hook stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EventReport {
    pub event: Event,
    /// Whether it does its work.
    pub state: HookStatus,
    /// Its file, when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl EventReport {
    fn new(event: Event, state: HookStatus) -> Self {
        Self {
            event,
            state,
            file: None,
            note: None,
            hint: None,
        }
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn would_not_run(mut self, why: impl Into<String>, hint: impl Into<String>) -> Self {
        self.state = HookStatus::WouldNotRun;
        self.note(why).hint(hint)
    }
}

/// How each hook stands. `silenced` when the environment says `DKR_HOOKS=0`, `runs` whether a file is a
/// program, `other` the git-dkr on the PATH.
pub(crate) fn report(
    facts: &HookState,
    silenced: bool,
    runs: impl Fn(&Path) -> bool,
    other: Option<&Path>,
) -> Vec<EventReport> {
    let of = |event| {
        let (report, bytes) = match facts.way {
            InstallMethod::Config => configured(facts, event),
            InstallMethod::Files => filed(facts, event),
        };
        if report.state != HookStatus::Installed {
            let left_out = event == Event::ReferenceTransaction && facts.made.no_fetch;
            if left_out && report.state == HookStatus::NotInstalled {
                return EventReport::new(event, HookStatus::NotInstalled)
                    .note("left out by --no-fetch, so fetches are not seen");
            }
            return report;
        }
        if silenced {
            let why = "DKR_HOOKS=0 is in the environment";
            return report.would_not_run(why, "unset DKR_HOOKS");
        }
        let program = script::program_of(bytes).unwrap_or_default();
        if runs(&program) {
            return report;
        }
        let why = format!("there is no {}", program.display());
        let Some(other) = other else {
            return report.would_not_run(why, INSTALL);
        };
        let why = format!(
            "{why}; {} is called while it is on the PATH",
            other.display()
        );
        EventReport {
            state: HookStatus::ProgramGone,
            ..report.note(why).hint(INSTALL)
        }
    };
    Event::ALL.map(of).into()
}

/// The report, and the text of the hook.
fn configured(facts: &HookState, event: Event) -> (EventReport, &[u8]) {
    let report = EventReport::new(event, HookStatus::Installed);
    let missing = EventReport::new(event, HookStatus::NotInstalled).hint(INSTALL);
    if !facts.section(event).is_empty() {
        let mut report = report;
        report.file = Some(facts.stub_path(event));
        let stub = facts.stubs.iter().find(|(other, _)| *other == event);
        let off = [event.section(), format!("hook.{}", event.name())]
            .map(|section| format!("{section}.enabled"))
            .into_iter()
            .find(|key| {
                let entry = facts.config.iter().rfind(|(name, _)| name == key);
                entry.is_some_and(|(_, value)| is_false(value))
            });
        return match stub {
            _ if !facts.is_configured(event) => {
                let why = "git's config names another command: was the repository moved?";
                (report.would_not_run(why, INSTALL), &[])
            }
            _ if off.is_some() => {
                let key = off.unwrap_or_default();
                let why = format!("{key} is false in git's config");
                let hint = format!("git config --local --unset {key}");
                (report.would_not_run(why, hint), &[])
            }
            Some((_, HookFile::Ours { bytes, .. })) => (report, bytes),
            _ => {
                let why = format!("{} is gone", facts.stub_path(event).display());
                (report.would_not_run(why, INSTALL), &[])
            }
        };
    }
    let here = facts.slots.iter().find(|slot| slot.event == event);
    match here.filter(|slot| slot.has_ours()) {
        Some(slot) => {
            let (report, bytes) = at(slot);
            let report = report.hint("git is 2.54 or later now: git dkr hooks install moves it from a file to git's config");
            (report, bytes)
        }
        None => (missing, &[]),
    }
}

fn filed(facts: &HookState, event: Event) -> (EventReport, &[u8]) {
    let elsewhere = facts.elsewhere.iter().find(|slot| slot.event == event);
    let configured = !facts.section(event).is_empty();
    let missing = EventReport::new(event, HookStatus::NotInstalled);
    let (report, bytes) = match facts.slots.iter().find(|slot| slot.event == event) {
        Some(slot) => at(slot),
        None => (missing.clone(), &[][..]),
    };
    if report.state != HookStatus::NotInstalled {
        return (report, bytes);
    }
    if let Some(slot) = elsewhere.filter(|slot| slot.hook.is_ours()) {
        let mut report = missing;
        report.file = Some(slot.path.clone());
        let why = "core.hooksPath leads elsewhere";
        return (report.would_not_run(why, INSTALL), &[]);
    }
    if configured {
        let why = "it is in git's config, which this git does not obey (2.54 does)";
        return (missing.would_not_run(why, INSTALL), &[]);
    }
    match &facts.directory {
        Ok(_) => (report, bytes),
        Err(failure) => {
            let report = missing.note(failure.to_string());
            let hint = failure.advice().unwrap_or_default().to_owned();
            (report.hint(hint), &[])
        }
    }
}

/// How it stands with a file.
fn at(slot: &HookSlot) -> (EventReport, &[u8]) {
    let mut report = EventReport::new(slot.event, HookStatus::Installed);
    report.file = Some(slot.path.clone());
    match (&slot.hook, &slot.legacy) {
        (HookFile::Ours { bytes, runs }, _) => {
            if !runs && slot.runner == script::Runner::Git {
                let why = format!("{} is not executable", slot.path.display());
                return (report.would_not_run(why, INSTALL), bytes);
            }
            report.note = slot.kept.owner().map(|owner| match &slot.kept {
                HookFile::Foreign { runs: false, .. } if slot.runner == script::Runner::Git => {
                    format!("keeps a hook of {owner} that is not executable")
                }
                _ => format!("runs the hook of {owner} first"),
            });
            (report, bytes)
        }
        (hook, HookFile::Ours { bytes, .. }) if hook.is_of(Tool::PreCommit) => {
            report.file = Some(slot.legacy_path());
            (report.note("pre-commit runs it first"), bytes)
        }
        (hook, _) => {
            let was_here = slot.has_ours();
            report.file = None;
            report.state = if was_here {
                HookStatus::Replaced
            } else {
                HookStatus::NotInstalled
            };
            report.note = hook.owner().map(|owner| {
                if was_here {
                    format!("the hook of {owner} has replaced it")
                } else {
                    format!("there is a hook of {owner}, which an install keeps")
                }
            });
            (report.hint(INSTALL), &[])
        }
    }
}

/// As git reads it.
fn is_false(value: &str) -> bool {
    let value = value.to_lowercase();
    matches!(value.as_str(), "false" | "no" | "off" | "0" | "")
}
