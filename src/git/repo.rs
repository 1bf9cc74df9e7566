//! Which repository a path belongs to.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use super::{at, command, failed, lines, outside, run};
use crate::error::Failure;
use crate::proc::Cmd;

/// A repository on the host: worktree, linked worktree, submodule or bare.
#[derive(Debug, Clone)]
pub struct Repo {
    /// The git directory of this worktree: its HEAD and index.
    pub git_dir: PathBuf,
    /// The directory shared by all worktrees: refs, objects, config.
    pub common_dir: PathBuf,
    /// The directory by which people know the repository: the main worktree, or the bare directory.
    pub path: PathBuf,
    /// Where the objects are.
    pub objects: PathBuf,
    /// `sha1` or `sha256`.
    pub object_format: String,
    /// Whether history is cut off somewhere.
    pub shallow: bool,
    /// For short answers in process, opened when first needed.
    pub(super) gix: OnceLock<Option<gix::ThreadSafeRepository>>,
}

impl Repo {
    /// Finds the repository that holds `path`. `None` means the current directory, where `GIT_DIR`
    /// and the like are obeyed.
    pub fn find(path: Option<&Path>) -> Result<Self> {
        let shown = path.unwrap_or(Path::new(".")).display().to_string();
        Self::ask_git(path)?.ok_or_else(|| {
            Failure::new(format!("{shown} is not in a git repository"))
                .hint("give the path of one: git dkr create-image REPO [BRANCH_FROM]")
                .into()
        })
    }

    /// The same; `None` outside of any repository.
    pub(super) fn ask_git(path: Option<&Path>) -> Result<Option<Self>> {
        let shown = path.unwrap_or(Path::new(".")).display().to_string();
        // `git -C ''` would mean the current directory.
        if path.is_some_and(|path| path.as_os_str().is_empty()) {
            bail!(Failure::new("REPO is empty"));
        }
        let base = at(path);
        // In the language that is read below.
        let cmd = base.clone().env("LC_ALL", "C").args([
            "rev-parse",
            "--path-format=absolute",
            "--git-dir",
            "--git-common-dir",
            "--git-path",
            "objects",
            "--show-object-format",
            "--is-shallow-repository",
        ]);
        let output = cmd.output()?;
        if !output.status.success() {
            let error = failed("rev-parse", &output);
            if path.is_some_and(|path| !path.exists()) {
                bail!(
                    Failure::new(format!("{shown} does not exist"))
                        .hint("REPO is the path of a repository")
                );
            }
            // Else git names one that is broken, or is not where it should be.
            if error.message.contains("not a git repository (or any ") {
                return Ok(None);
            }
            return Err(error).with_context(|| format!("cannot read the repository at {shown}"));
        }
        if std::str::from_utf8(&output.stdout).is_err() {
            let answer = lines(&output.stdout);
            let git_dir = answer.first().map_or("", String::as_str);
            bail!(
                Failure::new(format!("the path {git_dir} is not UTF-8"))
                    .hint("labels of images are text: move the repository to a path that is UTF-8")
            );
        }
        Self::from_rev_parse(&lines(&output.stdout), &base)
            .with_context(|| format!("cannot identify the repository at {shown}"))
            .map(Some)
    }

    /// From the answer of `rev-parse`; `base` is a git command where the question was asked.
    fn from_rev_parse(answer: &[String], base: &Cmd) -> Result<Self> {
        let [git_dir, common_dir, objects, format, shallow] = answer else {
            bail!(
                Failure::new("git does not answer as expected")
                    .hint("git dkr needs git 2.31 or later, and a path without line breaks")
            );
        };
        let (git_dir, common_dir) = (PathBuf::from(git_dir), PathBuf::from(common_dir));
        let path = if common_dir.ends_with(".git") {
            common_dir.parent().unwrap_or(&common_dir).to_owned()
        } else if is_bare(&common_dir)? {
            common_dir.clone()
        } else {
            // That of a submodule is kept apart from its worktree. Where git is told of one that has no
            // worktree, it takes the current directory for it.
            let ask = |cmd: Cmd, of: &str| -> Result<Option<PathBuf>> {
                let cmd = cmd.args(["rev-parse", "--path-format=absolute", of]);
                Ok(lines(&cmd.output()?.stdout).first().map(PathBuf::from))
            };
            match ask(base.clone(), "--show-toplevel")? {
                Some(top) if ask(at(Some(&top)), "--git-dir")?.as_ref() == Some(&git_dir) => top,
                _ => common_dir.clone(),
            }
        };
        Ok(Self {
            path: std::fs::canonicalize(&path).unwrap_or(path),
            git_dir,
            common_dir,
            objects: PathBuf::from(objects),
            object_format: format.clone(),
            shallow: shallow == "true",
            gix: OnceLock::new(),
        })
    }

    /// The commits where history is cut off, if it is anywhere.
    pub fn shallow_boundary(&self) -> Result<Option<String>> {
        if !self.shallow {
            return Ok(None);
        }
        let file = self.common_dir.join("shallow");
        let text = crate::fs::read_text(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Some(text))
    }

    /// The repository's name: its directory's, without `.git`.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(".git").unwrap_or(&name).to_owned()
    }

    /// This repository and a branch as one would type them here after `git dkr …`.
    pub fn as_typed(&self, branch_from: &str) -> String {
        let here = Self::here().ok().flatten();
        let path = match here.is_some_and(|here| here.git_dir == self.git_dir) {
            true => ".".into(),
            false => self.path.to_string_lossy(),
        };
        shlex::try_join([&*path, branch_from]).unwrap_or_else(|_| branch_from.to_owned())
    }

    /// A git command in this repository.
    pub(super) fn git<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        command(&self.git_dir).args(args)
    }

    /// Every entry of git's config under `dkr.`, keys in lower case; the last one wins.
    pub fn settings(&self) -> Result<Vec<(String, String)>> {
        settings(&self.git(["config", "-z", "--get-regexp", r"^dkr\."]))
    }

    /// The names of the remotes.
    pub fn remotes(&self) -> Result<Vec<String>> {
        Ok(lines(&run("remote", &self.git(["remote"]))?))
    }
}

fn is_bare(common_dir: &Path) -> Result<bool> {
    let cmd = command(common_dir).args(["rev-parse", "--is-bare-repository"]);
    Ok(run("rev-parse", &cmd)?.starts_with(b"true"))
}

/// The same outside of any repository.
pub(crate) fn user_settings() -> Result<Vec<(String, String)>> {
    settings(&outside().args(["config", "-z", "--get-regexp", r"^dkr\."]))
}

pub(super) fn settings(cmd: &Cmd) -> Result<Vec<(String, String)>> {
    // Status 1 means that there is none.
    let output = cmd.output()?;
    if !output.status.success() && output.status.code() != Some(1) {
        return Err(failed("config", &output)).context("cannot read git's config");
    }
    Ok(parse_settings(&output.stdout))
}

/// `key\nvalue\0`, or `key\0` for a bare key, which means true.
pub(super) fn parse_settings(bytes: &[u8]) -> Vec<(String, String)> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let text = String::from_utf8_lossy(entry);
            let (key, value) = text.split_once('\n').unwrap_or((&text, "true"));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_entries_may_hold_line_breaks_or_nothing() {
        assert_eq!(
            parse_settings(b"dkr.a\none\ntwo\0dkr.b\0"),
            [
                ("dkr.a".to_owned(), "one\ntwo".to_owned()),
                ("dkr.b".to_owned(), "true".to_owned())
            ]
        );
    }
}
