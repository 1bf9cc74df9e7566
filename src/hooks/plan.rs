//! What is to be done, as a value: from what is there to what should be.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::script::{self, Runner};
use super::slot::{HookFile, HookSlot, Tool};
use super::state::{HookState, InstallManifest};
use super::{Event, InstallMethod};
use crate::error::Failure;

/// What the user asks of an install.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InstallOptions {
    /// Without the hook that sees fetches, which is called for every change of a ref.
    pub no_fetch: bool,
    /// With `dkr.autoUpdate`.
    pub auto_update: bool,
}

/// One step. Each can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InstallStep {
    /// A file gets another name.
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// A file is made or replaced.
    Write {
        path: PathBuf,
        bytes: Vec<u8>,
        mode: u32,
    },
    Remove(PathBuf),
    /// A directory goes, if it is empty by then.
    RemoveDirectory(PathBuf),
    /// An entry of the repository's config.
    Set {
        key: String,
        /// What it is to be; `None` takes it out.
        value: Option<String>,
        before: Option<String>,
    },
    /// A section of the repository's config goes.
    RemoveSection {
        name: String,
        before: Vec<(String, String)>,
    },
}

impl fmt::Display for InstallStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename { from, to } => {
                write!(f, "rename {} to {}", from.display(), to.display())
            }
            Self::Write { path, .. } => write!(f, "write {}", path.display()),
            Self::Remove(path) => write!(f, "remove {}", path.display()),
            Self::RemoveDirectory(path) => {
                write!(f, "remove the directory {}, if empty", path.display())
            }
            Self::Set {
                key,
                value: Some(value),
                ..
            } => {
                let value = shlex::try_quote(value).unwrap_or_default();
                write!(f, "git config --local {key} {value}")
            }
            Self::Set { key, .. } => write!(f, "git config --local --unset {key}"),
            Self::RemoveSection { name, .. } => {
                write!(f, "git config --local --remove-section {name}")
            }
        }
    }
}

/// The steps in their order, and what the user should know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InstallPlan {
    /// The steps; none when all is as it should be.
    pub actions: Vec<InstallStep>,
    pub remarks: Vec<String>,
}

/// How hooks get into the repository. Fails before anything is touched where they cannot.
pub(crate) fn install(facts: &HookState, options: InstallOptions) -> Result<InstallPlan> {
    let mut plan = InstallPlan::default();
    let mut made = facts.made.clone();
    let wanted = |event| !(options.no_fetch && event == Event::ReferenceTransaction);
    for slot in &facts.elsewhere {
        plan.take_out(slot);
    }
    made.directories.clear();
    made.no_fetch = options.no_fetch;
    match facts.way {
        InstallMethod::Config => {
            facts.slots.iter().for_each(|slot| plan.take_out(slot));
            for event in Event::ALL {
                if wanted(event) {
                    plan.configure(facts, event);
                } else {
                    plan.unconfigure(facts, event);
                }
            }
        }
        InstallMethod::Files => {
            let directory = facts.directory.clone()?;
            for event in Event::ALL {
                plan.unconfigure(facts, event);
            }
            for slot in &facts.slots {
                if wanted(slot.event) {
                    plan.put(slot, facts)?;
                } else {
                    plan.take_out(slot);
                }
            }
            made.directories = vec![directory.path.clone()];
            made.directories.extend(directory.husky.clone());
            made.new_directories
                .extend(facts.missing_directories.clone());
            plan.remark_on(facts, directory.husky.as_ref().unwrap_or(&directory.path));
        }
    }
    if options.auto_update && facts.auto_update.as_deref() != Some("true") {
        made.auto_update = true;
        made.auto_update_was = facts.auto_update.clone();
        plan.actions.push(InstallStep::Set {
            key: "dkr.autoUpdate".to_owned(),
            value: Some("true".to_owned()),
            before: facts.auto_update.clone(),
        });
    }
    if made != facts.made {
        plan.actions.push(if made == InstallManifest::default() {
            InstallStep::Remove(facts.home.join(InstallManifest::FILE))
        } else {
            write(facts.home.join(InstallManifest::FILE), made.text(), 0o644)
        });
    }
    Ok(plan)
}

/// How they get out again.
pub(crate) fn uninstall(facts: &HookState) -> InstallPlan {
    let mut plan = InstallPlan::default();
    for slot in facts.slots.iter().chain(&facts.elsewhere) {
        plan.take_out(slot);
    }
    for event in Event::ALL {
        plan.unconfigure(facts, event);
    }
    if facts.made.auto_update && facts.auto_update.as_deref() == Some("true") {
        plan.actions.push(InstallStep::Set {
            key: "dkr.autoUpdate".to_owned(),
            value: facts.made.auto_update_was.clone(),
            before: facts.auto_update.clone(),
        });
    }
    if facts.made != InstallManifest::default() {
        let file = facts.home.join(InstallManifest::FILE);
        plan.actions.push(InstallStep::Remove(file));
    }
    if !plan.actions.is_empty() {
        let directories = facts.made.new_directories.iter().map(PathBuf::as_path);
        let ours = facts.home.ancestors().take(2);
        let directories = directories.chain(ours).map(|path| path.to_owned());
        plan.actions
            .extend(directories.map(InstallStep::RemoveDirectory));
    }
    plan
}

fn write(path: PathBuf, text: String, mode: u32) -> InstallStep {
    let bytes = text.into_bytes();
    InstallStep::Write { path, bytes, mode }
}

impl InstallPlan {
    fn rename(&mut self, from: PathBuf, to: PathBuf) {
        self.actions.push(InstallStep::Rename { from, to });
    }

    fn remove(&mut self, path: PathBuf) {
        self.actions.push(InstallStep::Remove(path));
    }

    /// Puts our file into its place, in front of what is there.
    fn put(&mut self, slot: &HookSlot, facts: &HookState) -> Result<()> {
        let kept_name = slot.kept_name();
        let text = script::script(slot.event, &facts.program, Some(&kept_name), slot.runner);
        for entry in [&slot.hook, &slot.kept] {
            if *entry == HookFile::Directory {
                bail!(
                    Failure::new(format!(
                        "there is a directory where a hook goes: {}",
                        slot.path.display()
                    ))
                    .hint("move it away")
                );
            }
        }
        if slot.is_run_by_pre_commit() {
            // It runs ours already, and would move it there again.
            if !slot.legacy.runs_as(&text) {
                self.actions.push(write(slot.legacy_path(), text, 0o755));
            }
            return Ok(());
        }
        if slot.hook.runs_as(&text) {
            return Ok(());
        }
        let behind_pre_commit =
            slot.hook.is_of(Tool::PreCommit) && matches!(slot.legacy, HookFile::Foreign { .. });
        if behind_pre_commit && slot.kept == HookFile::Absent {
            // In front of it, its next install would move ours over what it has moved before.
            self.rename(slot.legacy_path(), slot.kept_path());
            self.actions.push(write(slot.legacy_path(), text, 0o755));
            return Ok(());
        }
        if let HookFile::Foreign { bytes, .. } = &slot.hook {
            let mut kept = slot.kept.clone();
            for (_, path) in slot.moved() {
                // What we kept goes where the other tool would have put it.
                self.remove(path.clone());
                if kept != HookFile::Absent {
                    self.rename(slot.kept_path(), path);
                    kept = HookFile::Absent;
                }
            }
            match &kept {
                HookFile::Absent => {}
                // The same hook, installed once more over ours.
                HookFile::Foreign { bytes: same, .. } if same == bytes => {
                    self.remove(slot.kept_path())
                }
                HookFile::Ours { .. } => self.remove(slot.kept_path()),
                _ => {
                    self.rename(slot.kept_path(), slot.backup_path.clone());
                    self.remarks.push(format!(
                        "{} was written over a hook that ran before; that is in {} and does not run",
                        slot.path.display(),
                        slot.backup_path.display()
                    ));
                }
            }
            self.rename(slot.path.clone(), slot.kept_path());
        } else {
            let moved = slot.moved().into_iter().map(|(_, path)| path);
            self.actions.extend(moved.map(InstallStep::Remove));
        }
        self.actions.push(write(slot.path.clone(), text, 0o755));
        Ok(())
    }

    /// Takes our file out of its place, wherever another tool has moved it, and puts back what was
    /// there.
    fn take_out(&mut self, slot: &HookSlot) {
        let mut kept = slot.kept != HookFile::Absent;
        if slot.kept.is_of(Tool::PreCommit) && slot.is_run_by_pre_commit() {
            // It has put itself in again, and would run itself as what was there before.
            self.remove(slot.kept_path());
            kept = false;
        }
        if slot.hook.is_ours() {
            self.remove(slot.path.clone());
        }
        if kept && matches!(slot.hook, HookFile::Absent | HookFile::Ours { .. }) {
            self.rename(slot.kept_path(), slot.path.clone());
            kept = false;
        }
        for (_, path) in slot.moved() {
            self.remove(path.clone());
            if kept {
                self.rename(slot.kept_path(), path);
                kept = false;
            }
        }
        if kept {
            self.remarks.push(format!(
                "{} is kept: it was there before git dkr, and {} now belongs to another program",
                slot.kept_path().display(),
                slot.path.display()
            ));
        }
    }

    fn configure(&mut self, facts: &HookState, event: Event) {
        let path = facts.stub_path(event);
        let text = script::script(event, &facts.program, None, Runner::Git);
        let stub = facts.stubs.iter().find(|(other, _)| *other == event);
        // First the file, then the command, then the event: at no moment does git miss anything.
        if !stub.is_some_and(|(_, entry)| entry.runs_as(&text)) {
            self.actions.push(write(path.clone(), text, 0o755));
        }
        if facts.is_configured(event) {
            return;
        }
        let before = facts.section(event);
        if !before.is_empty() {
            let name = event.section();
            self.actions
                .push(InstallStep::RemoveSection { name, before });
        }
        for (key, value) in [
            ("command", script::command(&path)),
            ("event", event.name().to_owned()),
        ] {
            self.actions.push(InstallStep::Set {
                key: format!("{}.{key}", event.section()),
                value: Some(value),
                before: None,
            });
        }
    }

    fn unconfigure(&mut self, facts: &HookState, event: Event) {
        let before = facts.section(event);
        if !before.is_empty() {
            let name = event.section();
            self.actions
                .push(InstallStep::RemoveSection { name, before });
        }
        let mut stubs = facts.stubs.iter();
        if stubs.any(|(other, entry)| *other == event && entry.is_ours()) {
            self.remove(facts.stub_path(event));
        }
    }

    /// What follows from where the files are.
    fn remark_on(&mut self, facts: &HookState, directory: &std::path::Path) {
        if self.actions.is_empty() {
            return;
        }
        let in_git_dir = facts
            .home
            .ancestors()
            .nth(2)
            .is_some_and(|git_dir| directory.starts_with(git_dir));
        if !in_git_dir {
            self.remarks.push(format!(
                "{} is in the worktree: the hooks there name a path of this machine, so do not commit them",
                directory.display()
            ));
        }
        if facts.each_worktree {
            self.remarks.push(
                "core.hooksPath is relative: each worktree has hooks of its own, and only this one gets them"
                    .to_owned(),
            );
        }
    }
}
