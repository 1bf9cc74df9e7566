//! Where snapshots of overlays are kept.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Sources, Value, cache_dir, expand, variable};

/// This machine's own cache: `dkr.overlayCacheDir`, or `overlay` in our cache folder.
pub fn overlay_cache_dir(sources: &Sources) -> Result<PathBuf> {
    match sources.get("overlay_cache_dir") {
        Some((path, _)) => Ok(std::path::absolute(expand(path))?),
        None => Ok(cache_dir()?.join("overlay")),
    }
}

/// The cache that is shared with other machines, as the user writes it, if there is one.
pub fn overlay_cache(sources: &Sources) -> Option<Value<String>> {
    let (value, origin) = sources.get("overlay_cache")?;
    let value = value.to_owned();
    Some(Value { value, origin })
}

/// Where this tool remembers what it has done: `$XDG_STATE_HOME/git-dkr` or `~/.local/state/git-dkr`.
pub fn state_dir() -> Result<PathBuf> {
    let root = match variable("XDG_STATE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(variable("HOME").context("HOME is not set")?).join(".local/state"),
    };
    Ok(root.join("git-dkr"))
}
