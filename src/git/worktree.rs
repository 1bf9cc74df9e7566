//! The files of a worktree, as they are on the disk now.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{GitError, at, run};

/// What a directory is to git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitDirectoryKind {
    Worktree,
    /// In a bare repository, or in a git directory.
    GitDirectory,
    Nothing,
}

/// What a directory is in.
pub(crate) fn within(directory: &Path) -> Result<GitDirectoryKind> {
    let cmd = at(Some(directory))
        .env("LC_ALL", "C")
        .args(["rev-parse", "--is-inside-work-tree"]);
    match run("rev-parse", &cmd) {
        Ok(answer) if answer.starts_with(b"true") => Ok(GitDirectoryKind::Worktree),
        Ok(_) => Ok(GitDirectoryKind::GitDirectory),
        Err(error) => match error.downcast_ref::<GitError>() {
            Some(said) if said.message.contains("not a git repository") => {
                Ok(GitDirectoryKind::Nothing)
            }
            _ => Err(error),
        },
    }
}

/// The top of the worktree that holds a directory, or the current one. A bare repository has none.
pub(crate) fn worktree_top(directory: Option<&Path>) -> Result<PathBuf> {
    let shown = directory.unwrap_or(Path::new(".")).display();
    let answer = run(
        "rev-parse",
        &at(directory).args(["rev-parse", "--show-toplevel"]),
    )
    .with_context(|| format!("{shown} is in no worktree"))?;
    let line = answer.strip_suffix(b"\n").unwrap_or(&answer);
    Ok(PathBuf::from(OsStr::from_bytes(line)))
}

/// Whether git ignores a directory of a worktree, or one above it.
pub(crate) fn is_ignored(directory: &Path) -> Result<bool> {
    let cmd = at(Some(directory)).args(["check-ignore", "--quiet", "--", "."]);
    Ok(cmd.output()?.status.success())
}

/// The files in and below a directory of a worktree that git tracks or would add: all but those it
/// ignores. Paths from that directory on, sorted; files that were deleted are among them, and a
/// submodule is the path of its directory.
pub(crate) fn known_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let cmd = at(Some(directory)).args([
        "-c",
        "core.quotePath=false",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = run("ls-files", &cmd)
        .with_context(|| format!("cannot list the files of {}", directory.display()))?;
    let mut files: Vec<PathBuf> = listed
        .split(|byte| *byte == 0)
        // A repository in the worktree that is no submodule ends in a slash.
        .filter(|path| !path.is_empty() && !path.ends_with(b"/"))
        .map(|path| PathBuf::from(OsStr::from_bytes(path)))
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
