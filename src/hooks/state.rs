//! All that is known before anything is decided.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::directory::{HooksDirectory, resolved};
use super::script::{self, Runner};
use super::slot::{HookFile, HookSlot};
use super::{Event, InstallMethod};
use crate::error::Failure;
use crate::git::{self, Repo};

/// How hooks stand in a repository.
#[derive(Debug, Clone)]
pub(crate) struct HookState {
    /// How this git can be made to run ours.
    pub way: InstallMethod,
    /// The directory of ours in the git directory.
    pub home: PathBuf,
    /// Where hooks are files, or why ours cannot be.
    pub directory: Result<HooksDirectory, Failure>,
    /// Whether each worktree has a directory of hooks of its own.
    pub each_worktree: bool,
    /// The places in that directory.
    pub slots: Vec<HookSlot>,
    /// Places of earlier that still hold something of ours: `core.hooksPath` has changed since.
    pub elsewhere: Vec<HookSlot>,
    /// Whether those directories are there.
    pub missing_directories: Vec<PathBuf>,
    /// The entries `hook.*` of the repository's own config.
    pub config: Vec<(String, String)>,
    /// Its `dkr.autoUpdate`.
    pub auto_update: Option<String>,
    /// The files that those entries name.
    pub stubs: Vec<(Event, HookFile)>,
    /// What an earlier install made.
    pub made: InstallManifest,
    /// What hooks are to call.
    pub program: PathBuf,
}

impl HookState {
    /// Asks git and the file system; `path` is in the repository, `None` the current directory.
    pub(crate) fn gather(repo: &Repo, path: Option<&Path>) -> Result<Self> {
        let said = repo.hooks_path(path)?;
        let home = repo.own_dir().join("hooks");
        let made = InstallManifest::read(&home)?;
        let directory = HooksDirectory::find(&said, &repo.common_dir);
        let mut slots = Vec::new();
        let mut missing_directories = Vec::new();
        if let Ok(directory) = &directory {
            for event in Event::ALL {
                let (path, runner) = directory.for_event(event);
                slots.push(HookSlot::look(event, path, runner)?);
                if !path.exists() && !missing_directories.contains(&path.to_owned()) {
                    missing_directories.push(path.to_owned());
                }
            }
        }
        let mut elsewhere = Vec::new();
        let default = repo.common_dir.join("hooks");
        for directory in made.directories.iter().chain([&default]) {
            for event in Event::ALL {
                let slot = HookSlot::look(event, directory, Runner::Git)?;
                // Git gives a directory with its links followed, where `.git/hooks` is one.
                let mut known = slots.iter().chain(&elsewhere);
                let same = |other: &HookSlot| resolved(&other.path) == resolved(&slot.path);
                if slot.has_ours() && !known.any(same) {
                    elsewhere.push(slot);
                }
            }
        }
        let stubs = Event::ALL
            .into_iter()
            .map(|event| Ok((event, HookSlot::look(event, &home, Runner::Git)?.hook)))
            .collect::<Result<_>>()?;
        let auto_update = repo.own_config(r"^dkr\.autoupdate$")?.pop();
        Ok(Self {
            way: if git::has_config_hooks()? {
                InstallMethod::Config
            } else {
                InstallMethod::Files
            },
            each_worktree: said.tops.len() > 2
                && said
                    .setting
                    .is_some_and(|(_, value)| !value.starts_with(['/', '~', '%'])),
            directory,
            slots,
            elsewhere,
            missing_directories,
            config: repo.own_config(r"^hook\.")?,
            auto_update: auto_update.map(|(_, value)| value),
            stubs,
            made,
            program: script::program()?,
            home,
        })
    }

    /// The file that git's config is to name.
    pub(crate) fn stub_path(&self, event: Event) -> PathBuf {
        self.home.join(event.name())
    }

    /// The entries of the section that is ours.
    pub(crate) fn section(&self, event: Event) -> Vec<(String, String)> {
        let start = format!("{}.", event.section());
        let entries = self.config.iter();
        let ours = entries.filter(|(key, _)| key.starts_with(&start));
        ours.cloned().collect()
    }

    /// Whether git's config names our hook as it should.
    pub(crate) fn is_configured(&self, event: Event) -> bool {
        let section = self.section(event);
        let holds = |key: &str, wanted: &str| {
            let key = format!("{}.{key}", event.section());
            let mut values = section.iter().filter(|(name, _)| *name == key);
            values.next().is_some_and(|(_, value)| value == wanted) && values.next().is_none()
        };
        holds("event", event.name()) && holds("command", &script::command(&self.stub_path(event)))
    }
}

/// What an install made besides hooks, so that the uninstall takes away that and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InstallManifest {
    /// The directories where hooks of ours are.
    pub directories: Vec<PathBuf>,
    /// Those of them that were not there before.
    pub new_directories: Vec<PathBuf>,
    /// Whether `dkr.autoUpdate` is ours.
    pub auto_update: bool,
    /// What it was before.
    pub auto_update_was: Option<String>,
    /// Whether the hook for fetches was left out on request.
    pub no_fetch: bool,
}

impl InstallManifest {
    pub(crate) const FILE: &str = "made";

    fn read(home: &Path) -> Result<Self> {
        let path = home.join(Self::FILE);
        match crate::fs::read_text(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(Self::default())
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Self {
        let mut made = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("folder", path)) => made.directories.push(path.into()),
                Some(("new-directory", path)) => made.new_directories.push(path.into()),
                Some(("auto-update-was", value)) => made.auto_update_was = Some(value.to_owned()),
                _ => {
                    made.auto_update |= line == "auto-update";
                    made.no_fetch |= line == "no-fetch";
                }
            }
        }
        made
    }

    /// The file's text; empty when there is nothing to know.
    pub(crate) fn text(&self) -> String {
        let line = |what: &str, path: &PathBuf| format!("{what} {}\n", path.display());
        let directories = self.directories.iter().map(|path| line("folder", path));
        let new = self
            .new_directories
            .iter()
            .map(|path| line("new-directory", path));
        let auto_update = self.auto_update.then(|| "auto-update\n".to_owned());
        let was = self.auto_update_was.iter();
        let was = was.map(|value| format!("auto-update-was {value}\n"));
        let no_fetch = self.no_fetch.then(|| "no-fetch\n".to_owned());
        let flags = auto_update.into_iter().chain(was).chain(no_fetch);
        directories.chain(new).chain(flags).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_read_back() {
        let made = InstallManifest {
            directories: vec!["/a b/hooks".into()],
            new_directories: vec!["/a b/hooks".into()],
            auto_update: true,
            auto_update_was: Some("false".into()),
            no_fetch: true,
        };
        assert_eq!(InstallManifest::parse(&made.text()), made);
        assert_eq!(InstallManifest::parse(""), InstallManifest::default());
    }
}
