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
pub struct InstallOptions {
    /// Without the hook that sees fetches, which is called for every change of a ref.
    pub no_fetch: bool,
    /// With `dkr.autoUpdate`.
    pub auto_update: bool,
}

/// One step. Each can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallStep {
    /// A file gets another name.
    Rename {
        /// Now.
        from: PathBuf,
        /// Then.
        to: PathBuf,
    },
    /// A file is made or replaced.
    Write {
        /// Which.
        path: PathBuf,
        /// Its content.
        bytes: Vec<u8>,
        /// Its mode.
        mode: u32,
    },
    /// A file goes.
    Remove(PathBuf),
    /// A folder goes, if it is empty by then.
    RemoveFolder(PathBuf),
    /// An entry of the repository's config.
    Set {
        /// Its name.
        key: String,
        /// What it is to be; `None` takes it out.
        value: Option<String>,
        /// What it was.
        before: Option<String>,
    },
    /// A section of the repository's config goes.
    RemoveSection {
        /// Its name.
        name: String,
        /// What it held.
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
            Self::RemoveFolder(path) => {
                write!(f, "remove the folder {}, if empty", path.display())
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
pub struct InstallPlan {
    /// The steps; none when all is as it should be.
    pub actions: Vec<InstallStep>,
    /// What to know.
    pub remarks: Vec<String>,
}

/// How hooks get into the repository. Fails before anything is touched where they cannot.
pub fn install(facts: &HookState, options: InstallOptions) -> Result<InstallPlan> {
    let mut plan = InstallPlan::default();
    let mut made = facts.made.clone();
    let wanted = |event| !(options.no_fetch && event == Event::ReferenceTransaction);
    for site in &facts.elsewhere {
        plan.take_out(site);
    }
    made.folders.clear();
    made.no_fetch = options.no_fetch;
    match facts.way {
        InstallMethod::Config => {
            facts.sites.iter().for_each(|site| plan.take_out(site));
            for event in Event::ALL {
                if wanted(event) {
                    plan.configure(facts, event);
                } else {
                    plan.unconfigure(facts, event);
                }
            }
        }
        InstallMethod::Files => {
            let folder = facts.folder.clone()?;
            for event in Event::ALL {
                plan.unconfigure(facts, event);
            }
            for site in &facts.sites {
                if wanted(site.event) {
                    plan.put(site, facts)?;
                } else {
                    plan.take_out(site);
                }
            }
            made.folders = vec![folder.path.clone()];
            made.folders.extend(folder.husky.clone());
            made.new_folders.extend(facts.missing_folders.clone());
            plan.remark_on(facts, folder.husky.as_ref().unwrap_or(&folder.path));
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
pub fn uninstall(facts: &HookState) -> InstallPlan {
    let mut plan = InstallPlan::default();
    for site in facts.sites.iter().chain(&facts.elsewhere) {
        plan.take_out(site);
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
        let folders = facts.made.new_folders.iter().map(PathBuf::as_path);
        let ours = facts.home.ancestors().take(2);
        let folders = folders.chain(ours).map(|path| path.to_owned());
        plan.actions.extend(folders.map(InstallStep::RemoveFolder));
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
    fn put(&mut self, site: &HookSlot, facts: &HookState) -> Result<()> {
        let kept_name = site.kept_name();
        let text = script::script(site.event, &facts.program, Some(&kept_name), site.runner);
        for entry in [&site.hook, &site.kept] {
            if *entry == HookFile::Folder {
                bail!(
                    Failure::new(format!(
                        "there is a folder where a hook goes: {}",
                        site.path.display()
                    ))
                    .hint("move it away")
                );
            }
        }
        if site.is_run_by_pre_commit() {
            // It runs ours already, and would move it there again.
            if !site.legacy.runs_as(&text) {
                self.actions.push(write(site.legacy_path(), text, 0o755));
            }
            return Ok(());
        }
        if site.hook.runs_as(&text) {
            return Ok(());
        }
        let behind_pre_commit =
            site.hook.is_of(Tool::PreCommit) && matches!(site.legacy, HookFile::Foreign { .. });
        if behind_pre_commit && site.kept == HookFile::Absent {
            // In front of it, its next install would move ours over what it has moved before.
            self.rename(site.legacy_path(), site.kept_path());
            self.actions.push(write(site.legacy_path(), text, 0o755));
            return Ok(());
        }
        if let HookFile::Foreign { bytes, .. } = &site.hook {
            let mut kept = site.kept.clone();
            for (_, path) in site.moved() {
                // What we kept goes where the other tool would have put it.
                self.remove(path.clone());
                if kept != HookFile::Absent {
                    self.rename(site.kept_path(), path);
                    kept = HookFile::Absent;
                }
            }
            match &kept {
                HookFile::Absent => {}
                // The same hook, installed once more over ours.
                HookFile::Foreign { bytes: same, .. } if same == bytes => {
                    self.remove(site.kept_path())
                }
                HookFile::Ours { .. } => self.remove(site.kept_path()),
                _ => {
                    self.rename(site.kept_path(), site.backup_path.clone());
                    self.remarks.push(format!(
                        "{} was written over a hook that ran before; that is in {} and does not run",
                        site.path.display(),
                        site.backup_path.display()
                    ));
                }
            }
            self.rename(site.path.clone(), site.kept_path());
        } else {
            let moved = site.moved().into_iter().map(|(_, path)| path);
            self.actions.extend(moved.map(InstallStep::Remove));
        }
        self.actions.push(write(site.path.clone(), text, 0o755));
        Ok(())
    }

    /// Takes our file out of its place, wherever another tool has moved it, and puts back what was
    /// there.
    fn take_out(&mut self, site: &HookSlot) {
        let mut kept = site.kept != HookFile::Absent;
        if site.kept.is_of(Tool::PreCommit) && site.is_run_by_pre_commit() {
            // It has put itself in again, and would run itself as what was there before.
            self.remove(site.kept_path());
            kept = false;
        }
        if site.hook.is_ours() {
            self.remove(site.path.clone());
        }
        if kept && matches!(site.hook, HookFile::Absent | HookFile::Ours { .. }) {
            self.rename(site.kept_path(), site.path.clone());
            kept = false;
        }
        for (_, path) in site.moved() {
            self.remove(path.clone());
            if kept {
                self.rename(site.kept_path(), path);
                kept = false;
            }
        }
        if kept {
            self.remarks.push(format!(
                "{} is left: it is what was there before git dkr, and {} is somebody else's now",
                site.kept_path().display(),
                site.path.display()
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
    fn remark_on(&mut self, facts: &HookState, folder: &std::path::Path) {
        if self.actions.is_empty() {
            return;
        }
        let in_git_dir = facts
            .home
            .ancestors()
            .nth(2)
            .is_some_and(|git_dir| folder.starts_with(git_dir));
        if !in_git_dir {
            self.remarks.push(format!(
                "{} is in the worktree: the hooks there name a path of this machine, so do not commit them",
                folder.display()
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
