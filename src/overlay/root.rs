//! The place that an overlay is about: a root, and where we remember what was done to it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::snapshot::Exclusions;
use crate::error::Failure;
use crate::{conf, digest, proc};

/// Our directory below a root.
const STATE: &str = "var/lib/git-dkr";

/// A root, and directories of our own.
#[derive(Debug)]
pub(crate) struct OverlayRoot {
    /// The directory that is `/` to the steps, resolved.
    pub root: PathBuf,
    /// Where it is remembered what was applied to it.
    pub state: PathBuf,
    /// What no snapshot of it holds.
    pub left_out: Exclusions,
}

impl OverlayRoot {
    /// Of a root, with caches that must not end in its own snapshots.
    pub(crate) fn new(root: &Path, caches: &[PathBuf]) -> Result<Self> {
        let shown = root.display();
        let root = match root.canonicalize() {
            Ok(root) if root.is_dir() => root,
            Ok(_) => bail!(Failure::new(format!("the root {shown} is not a directory"))),
            Err(error) => bail!(
                Failure::new(format!("cannot use the root {shown}: {error}"))
                    .hint("--root takes a directory that exists, such as a mounted system")
            ),
        };
        let state = state(&root)?;
        let home = conf::home().map(|home| resolved(&home));
        let mut own = vec![resolved(&state), resolved(&root.join(STATE))];
        own.extend(caches.iter().map(|cache| resolved(cache)));
        own.extend(conf::cache_dir().map(|cache| resolved(&cache)));
        Ok(Self {
            left_out: Exclusions::new(&root, home.as_deref(), &own),
            root,
            state,
        })
    }
}

/// A path without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let (Ok(there), Ok(rest)) = (above.canonicalize(), path.strip_prefix(above)) {
            return there.join(rest);
        }
    }
    path.to_owned()
}

/// Root keeps it with the tree, from where it goes when the tree goes; others, who may not write
/// there, keep it at home.
fn state(root: &Path) -> Result<PathBuf> {
    if proc::user().0 == 0 {
        return Ok(root.join(STATE).join("overlay"));
    }
    let name = digest::short(&[&root.to_string_lossy()]);
    Ok(conf::state_dir()?.join("overlay").join(name))
}
