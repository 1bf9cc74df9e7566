//! Where snapshots of overlays are kept.

use std::path::PathBuf;

use anyhow::Result;

use super::{Sources, Value, cache_dir, expand};

/// This machine's own cache: `dkr.overlayCacheDir`, or `overlay` in our cache directory.
pub(crate) fn overlay_cache_dir(sources: &Sources) -> Result<PathBuf> {
    match sources.get("overlay_cache_dir") {
        Some((path, _)) => Ok(std::path::absolute(expand(path))?),
        None => Ok(cache_dir()?.join("overlay")),
    }
}

/// The cache that is shared with other machines, as the user writes it, if there is one.
pub(crate) fn overlay_cache(sources: &Sources) -> Option<Value<String>> {
    let (value, origin) = sources.get("overlay_cache")?;
    let value = value.to_owned();
    Some(Value { value, origin })
}
