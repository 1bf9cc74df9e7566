//! The edge to git: one place that builds git's commands. Reading a repository of any shape
//! (linked worktree, bare, shallow, SHA-256, reftable) is left to git itself; counting commits
//! reads git's commit-graph in process where it can, as lists of many images ask for it often.

mod bundle;
mod changes;
mod commit_reader;
mod cost;
mod extras;
mod fetch;
mod file_ownership;
mod history;
mod hooks;
mod identity;
mod in_process;
mod merge_conflicts;
mod notes;
mod objects;
mod own_refs;
mod pack_objects;
mod pushed;
mod reachable;
mod refs;
mod repo;
pub(crate) mod saved_work;
mod stash_tree;
mod tree;
mod view;
mod worktree;

use std::ffi::OsString;
use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use regex::Regex;

#[doc(hidden)]
pub use bundle::fuzz;
pub use bundle::{ObjectBundle, Objects, TagSelection};
pub(crate) use commit_reader::CommitReader;
pub use cost::Divergence;
pub use extras::{Extras, ExtrasRequest, LfsStore, Pointer as LfsObject, module_dir};
pub(crate) use file_ownership::give_back;
pub use history::{CAP, Distance, History};
pub(crate) use hooks::{HooksPath, has_config_hooks};
pub(crate) use merge_conflicts::MergeTrial;
pub(crate) use notes::NOTES;
pub(crate) use objects::CommitSummary;
pub use objects::ObjectId;
pub(crate) use pushed::{PushedBranches, values_of};
pub(crate) use reachable::Reachable;
pub(crate) use refs::Head;
pub use repo::Repo;
pub(crate) use repo::user_settings;
pub(crate) use stash_tree::{DiffEnd, log};
pub(crate) use tree::TreeFile;
pub use view::View;
pub(crate) use worktree::{GitDirectoryKind, is_ignored, known_files, within, worktree_top};

use crate::error::Failure;
use crate::proc::Cmd;

/// What `git rev-parse --local-env-vars` lists: variables that bind a process to one repository.
/// But for the settings of `git -c`, which git itself passes on to other repositories too.
const LOCAL_VARIABLES: [&str; 13] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
];

/// A git command failed.
#[derive(Debug, thiserror::Error)]
#[error("git {subcommand} failed: {message}")]
pub struct GitError {
    /// Its first argument.
    pub subcommand: String,
    /// What it said, without passwords.
    pub message: String,
}

impl GitError {
    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<String> {
        if self.message.contains("not a git repository: ") {
            return Some("check where GIT_DIR, or the file .git, points".to_owned());
        }
        // What git says, in English, of objects that are not there or not what they should be.
        let said = [
            "unable to read",
            "ould not read",
            "bad object",
            "corrupt",
            "does not match index",
            "loose object",
            "missing",
            "truncated",
        ];
        let broken = said.iter().any(|said| self.message.contains(said));
        broken.then(|| "git fsck says what is broken in the repository".to_owned())
    }
}

/// A git command in the repository whose git directory this is, whatever the environment says.
fn command(git_dir: &Path) -> Cmd {
    outside().arg("--git-dir").arg(git_dir)
}

/// The same where the worktree may be gone: a submodule's is.
fn without_worktree(git_dir: &Path) -> Cmd {
    command(git_dir).env("GIT_WORK_TREE", git_dir)
}

/// A directory as `GIT_ALTERNATE_OBJECT_DIRECTORIES` takes it, which parts them by colons and knows quotes.
fn as_alternate(directory: &Path) -> Result<String> {
    let path = directory.to_str();
    let path = path.with_context(|| format!("the path {} is not UTF-8", directory.display()))?;
    Ok(format!(
        "\"{}\"",
        path.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

/// A git command that is bound to no repository yet.
fn outside() -> Cmd {
    let mut cmd = Cmd::new("git");
    for name in LOCAL_VARIABLES {
        cmd = cmd.env_remove(name);
    }
    // Reading must not write: `git status` and friends would refresh the index.
    cmd.env("GIT_OPTIONAL_LOCKS", "0")
}

/// A git command where `path` is; `None` is the current directory, where `GIT_DIR` and the like are
/// obeyed.
fn at(path: Option<&Path>) -> Cmd {
    match unless_here(path) {
        Some(path) => outside().arg("-C").arg(path),
        None => Cmd::new("git"),
    }
}

/// A path, unless it is that of the current directory: `git --git-dir=X dkr ls .` is about X.
fn unless_here(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| *path != Path::new("."))
}

/// For `upload-pack`: no saved work is shown, as it may be another container's.
pub(crate) const HIDDEN: &str = "uploadpack.hideRefs=refs/dkr";

/// For `upload-pack`: packs that need nothing else. Whoever fetches a thin one, as git does, adds to it
/// what it needs and has already: in the layer of an image that lies there twice then. A setting for it
/// there is not.
pub const WHOLE_PACKS: &str = "uploadpack.packObjectsHook=\
    whole() { for arg; do shift; test \"$arg\" = --thin || set -- \"$@\" \"$arg\"; done; exec \"$@\"; }; whole";

/// The git commands that serve a repository, for the SSH server. They look at who owns the git directory, and
/// git has let us into the worktree already, by a `safe.directory` that names that one.
pub fn serve(subcommand: &str, config: &[&str], git_dir: &Path) -> Cmd {
    let mut safe = OsString::from("safe.directory=");
    safe.push(git_dir);
    let mut cmd = outside().arg("-c").arg(safe);
    for setting in config {
        cmd = cmd.arg("-c").arg(setting);
    }
    cmd.arg(subcommand).arg(git_dir)
}

/// Runs a command that must succeed; gives what it printed.
fn run(subcommand: &str, cmd: &Cmd) -> Result<Vec<u8>> {
    let output = cmd.output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failed(subcommand, &output).into())
    }
}

/// The same where that may be much: each record of it as it comes, which ends with this byte.
fn run_records(
    subcommand: &str,
    cmd: &Cmd,
    end: u8,
    on_record: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let output = cmd.records(end, on_record)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(subcommand, &output).into())
    }
}

fn failed(subcommand: &str, output: &Output) -> GitError {
    let message = String::from_utf8_lossy(&output.stderr);
    let message = match message.trim() {
        "" => output.status.to_string(),
        said => said.to_owned(),
    };
    GitError {
        subcommand: subcommand.to_owned(),
        message: without_passwords(&message),
    }
}

/// Takes the user part out of URLs, as a token may stand there.
fn without_passwords(text: &str) -> String {
    static USER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(https?://)[^/@\s]+@").ok());
    match USER.as_ref() {
        Some(user) => user.replace_all(text, "$1***@").into_owned(),
        None => String::new(),
    }
}

/// The lines of an output, as text.
fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The oldest version that answers all that is asked here (`rev-parse --path-format`).
const OLDEST: (u32, u32) = (2, 31);

/// The version of git; fails when it is too old.
pub fn version() -> Result<String> {
    let version = said_version()?;
    if numbers(&version).is_some_and(|found| found < OLDEST) {
        bail!(Failure::new(format!("{version} is too old")).hint("install git 2.31 or later"));
    }
    Ok(version)
}

/// `git version 2.47.3`.
fn said_version() -> Result<String> {
    let answer = lines(&run("version", &outside().arg("version"))?);
    Ok(answer.into_iter().next().unwrap_or_default())
}

/// The first two numbers of `git version 2.47.3`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether this can have been a branch's name, without asking git.
pub(crate) fn can_be_branch_name(name: &str) -> bool {
    let full = format!("refs/heads/{name}");
    !name.starts_with('-')
        && name != "HEAD"
        && gix::validate::reference::name(full.as_str().into()).is_ok()
}

/// Whether git takes this as the name of a branch.
pub fn is_branch_name(name: &str) -> Result<bool> {
    let cmd = outside().args(["check-ref-format", &format!("refs/heads/{name}")]);
    // `-name` and `HEAD` are well-formed refs that `git branch` refuses.
    let refused = name.starts_with('-') || name == "HEAD";
    Ok(!refused && cmd.output()?.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_urls_are_not_repeated() {
        assert_eq!(
            without_passwords("unable to access 'https://me:ghp_secret@example.com/x.git/': 403"),
            "unable to access 'https://***@example.com/x.git/': 403"
        );
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(numbers("git version 2.47.3"), Some((2, 47)));
        assert_eq!(numbers("git version 2.9.0.windows.1"), Some((2, 9)));
        assert!(Some((2, 9)) < Some(OLDEST) && Some((2, 100)) > Some(OLDEST));
        assert_eq!(numbers("hello"), None);
    }

    #[test]
    fn branch_names_are_git_s() {
        for (name, fits) in [
            ("main", true),
            ("a/b", true),
            ("$(touch x)", false), // a space
            ("$(touch)`;&'\"", true),
            ("a..b", false),
            ("-x", false),
            ("HEAD", false),
            ("", false),
        ] {
            assert_eq!(is_branch_name(name).unwrap(), fits, "{name}");
        }
    }
}
