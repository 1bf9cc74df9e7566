//! What git says of hooks, and the repository's own config, where new ones are set.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::repo::settings;
use super::{Repo, at, failed, give_back, lines, numbers, run, said_version};

/// Where git looks for hooks, and what else belongs to the repository.
#[derive(Debug, Clone)]
pub struct HooksPath {
    /// The directory; `None` when `core.hooksPath` is empty.
    pub directory: Option<PathBuf>,
    /// `core.hooksPath`, and the scope where it is set (`local`, `global`, …).
    pub setting: Option<(String, String)>,
    /// The tops of its worktrees, this one's first.
    pub tops: Vec<PathBuf>,
}

/// Whether git runs hooks that its config names (`hook.<name>.command`, git 2.54).
pub(crate) fn has_config_hooks() -> Result<bool> {
    Ok(numbers(&said_version()?) >= Some((2, 54)))
}

impl Repo {
    /// Where git looks for hooks in the worktree that `path` is in; `None` is the current directory.
    pub fn hooks_path(&self, path: Option<&Path>) -> Result<HooksPath> {
        let here = || at(path);
        let asked = here().args(["config", "--show-scope", "--get", "core.hooksPath"]);
        let answer = asked.output()?;
        let setting = lines(&answer.stdout).first().and_then(|line| {
            let (scope, value) = line.split_once('\t')?;
            Some((scope.to_owned(), value.to_owned()))
        });

        // Of an empty one git says nothing, or that it is no path.
        let empty = setting.as_ref().is_some_and(|(_, value)| value.is_empty());
        let asked = here().args(["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
        let directory = match empty {
            true => None,
            false => lines(&run("rev-parse", &asked)?).into_iter().next(),
        };

        // A bare repository has no top; of a submodule, the list has only the git directory.
        let top = here().args(["rev-parse", "--show-toplevel"]).output()?;
        let listed = run("worktree", &self.git(["worktree", "list", "--porcelain"]))?;
        let listed = lines(&listed).into_iter().filter_map(|line| {
            let path = line.strip_prefix("worktree ")?;
            Some(PathBuf::from(path))
        });
        Ok(HooksPath {
            directory: directory.map(PathBuf::from),
            setting,
            tops: lines(&top.stdout)
                .into_iter()
                .map(PathBuf::from)
                .chain(listed)
                .collect(),
        })
    }

    /// The entries of the repository's own config whose keys match; sections and keys in lower
    /// case.
    pub fn own_config(&self, pattern: &str) -> Result<Vec<(String, String)>> {
        settings(&self.git(["config", "--local", "-z", "--get-regexp", pattern]))
    }

    /// Sets a key of the repository's own config, or takes it out.
    pub fn set_own_config(&self, key: &str, value: Option<&str>) -> Result<()> {
        let cmd = self.git(["config", "--local"]);
        self.run_writing(
            "config",
            &match value {
                Some(value) => cmd.arg(key).arg(value),
                None => cmd.args(["--unset-all", key]),
            },
        )?;
        Ok(())
    }

    /// Takes a section out of the repository's own config.
    pub fn remove_own_section(&self, name: &str) -> Result<()> {
        let output = self
            .git(["config", "--local", "--remove-section", name])
            .output()?;
        give_back(&self.common_dir);
        if !output.status.success() {
            bail!(failed("config", &output));
        }
        Ok(())
    }
}
