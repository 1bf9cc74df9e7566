//! The second half of a restore: what was staged is put into its places. Written down before it
//! begins, so that whoever comes after a killed run ends its work; each step may be done twice.

use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::on_disk::{is_missing, look};
use crate::overlay::snapshot::attributes;
use crate::overlay::snapshot::manifest::{Name, SnapshotEntry, Time};

/// What is to be done, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The key of the snapshot.
    pub key: String,
    /// Paths below the root that go, the deepest first; directories only when they are empty.
    pub removals: Vec<Name>,
    /// What is put where.
    pub places: Vec<StagedPath>,
    /// Directories that get owner, mode, attributes and time.
    #[serde(rename = "folders")]
    pub directories: Vec<SnapshotEntry>,
    /// Directories that were touched, with the time that they had.
    pub times: Vec<(Name, Time)>,
}

/// A file, or a directory with all that is in it, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedPath {
    /// Where it was made, absolute.
    pub staged: Name,
    /// Where it goes, below the root.
    pub path: Name,
    /// Whether it was made beside its place, on another mount than the stage's.
    pub is_beside: bool,
}

impl Journal {
    /// Does it, or the rest of it. Returns what the user should know.
    pub(super) fn carry_out(&self, root: &Path) -> Result<Vec<String>> {
        let mut remarks = Vec::new();
        for name in &self.removals {
            let path = root.join(name.path());
            let left =
                remove(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            remarks.extend(left.map(|why| format!("{} is left: {why}", path.display())));
        }
        for place in &self.places {
            let path = root.join(place.path.path());
            put(place.staged.path(), &path)
                .with_context(|| format!("cannot place {}", path.display()))?;
        }
        for directory in self.directories.iter().rev() {
            let path = root.join(directory.path.path());
            let set = attributes::replace(&path, directory)
                .and_then(|()| attributes::set_mtime(&path, directory.mtime));
            match set {
                // Somebody took it away between a killed run and this one.
                Err(error) if is_missing(&error) => {}
                set => set.with_context(|| {
                    format!("cannot set the owner and mode of {}", path.display())
                })?,
            }
        }
        for (name, time) in &self.times {
            let path = root.join(name.path());
            match attributes::set_mtime(&path, *time) {
                Err(error) if !is_missing(&error) => {
                    return Err(error)
                        .with_context(|| format!("cannot set the time of {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(remarks)
    }
}

/// Says why it could not go, when somebody else has put something into it.
fn remove(path: &Path) -> io::Result<Option<&'static str>> {
    let Some(meta) = look(path)? else {
        return Ok(None);
    };
    let result = match meta.is_dir() {
        true => std::fs::remove_dir(path),
        false => std::fs::remove_file(path),
    };
    match result {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
            Ok(Some("it holds files that are not in the snapshot"))
        }
        Err(error) if error.kind() == ErrorKind::ResourceBusy => {
            Ok(Some("something is mounted there"))
        }
        Err(error) if !is_missing(&error) => Err(error),
        _ => Ok(None),
    }
}

/// What is no longer staged is in its place already.
fn put(staged: &Path, path: &Path) -> io::Result<()> {
    let Some(meta) = look(staged)? else {
        return Ok(());
    };
    if let Some(there) = look(path)?
        && there.is_dir() != meta.is_dir()
    {
        match there.is_dir() {
            true => std::fs::remove_dir(path)?,
            false => std::fs::remove_file(path)?,
        }
    }
    std::fs::rename(staged, path)
}
