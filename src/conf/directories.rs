//! Directories of the user's: each where its variable says, else below the home directory.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{home, variable};
use crate::error::Failure;
use crate::fs;

/// A directory by its variable, or below the home directory. A path that is not absolute is to be ignored
/// (XDG Base Directory Specification, "Basics").
fn directory(name: &str, below_home: &str) -> Result<PathBuf> {
    let set = variable(name).map(PathBuf::from);
    let root = match (set.filter(|path| path.is_absolute()), home()) {
        (Some(directory), _) => directory,
        (None, Some(home)) => home.join(below_home),
        (None, None) => {
            return Err(
                Failure::new("HOME is not set, and this user has no home directory")
                    .hint(format!("set it, or {name} to an absolute path"))
                    .into(),
            );
        }
    };
    Ok(root.join("git-dkr"))
}

/// Where caches of this tool live: `$XDG_CACHE_HOME/git-dkr` or `~/.cache/git-dkr`.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    directory("XDG_CACHE_HOME", ".cache")
}

/// A directory in that, by its name, made where it is not there; it can be written to.
pub(crate) fn cache_directory(name: &str) -> Result<PathBuf> {
    let directory = cache_dir()?.join(name);
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))
        .and_then(|()| fs::check_writable(&directory))
        .map_err(|error| unusable(&error))?;
    Ok(directory)
}

/// Whether files can be made there, or where it would be made; where that is. Makes nothing that
/// stays.
pub(crate) fn check_cache_dir() -> Result<PathBuf> {
    let directory = cache_dir()?;
    fs::check_writable(&directory).map_err(|error| unusable(&error))?;
    Ok(directory)
}

fn unusable(error: &anyhow::Error) -> Failure {
    Failure::new(format!("the cache directory cannot be used: {error:#}")).hint(
        "let this user write there, or name another directory by an absolute path: XDG_CACHE_HOME=…",
    )
}

/// Where a user keeps layers: `$XDG_CONFIG_HOME/git-dkr/layers` or `~/.config/git-dkr/layers`.
pub(crate) fn layers_dir() -> Option<PathBuf> {
    let directory = directory("XDG_CONFIG_HOME", ".config").ok()?;
    Some(directory.join("layers"))
}

/// Where this tool remembers what it has done: `$XDG_STATE_HOME/git-dkr` or `~/.local/state/git-dkr`.
pub(crate) fn state_dir() -> Result<PathBuf> {
    directory("XDG_STATE_HOME", ".local/state")
}
