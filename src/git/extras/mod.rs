//! What an image may hold beside the repository's own objects: submodules, and files that git-lfs
//! keeps. All of it comes from the host's own copies.

mod lfs;
mod modules;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{ObjectId, Repo};
use crate::error::Failure;

pub(super) use lfs::Pointer;
pub(super) use modules::Module;

/// What is wanted of a commit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Its submodules.
    pub submodules: bool,
    /// Theirs, too.
    pub recursive: bool,
    /// Files that git-lfs keeps.
    pub lfs: bool,
    /// The folders that are checked out; all when there is none.
    pub sparse: &'a [String],
}

/// What is wanted, all of which is here.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// Whether submodules are wanted: there may be none.
    pub(super) submodules: bool,
    /// Whether files of git-lfs are wanted, likewise.
    lfs: bool,
    /// Each with its commit that the image below has already, if that is known.
    pub(super) modules: Vec<(Module, Option<ObjectId>)>,
    /// Without those that the image below has.
    pub(super) pointers: Vec<Pointer>,
    storage: PathBuf,
}

impl Extras {
    /// Looks for what a commit needs. `below` is the commit of the image that is built on, when it
    /// has the same things of that commit. Fails, naming all that the host lacks.
    pub fn find(
        repo: &Repo,
        commit: &ObjectId,
        wanted: Wanted,
        below: Option<&ObjectId>,
    ) -> Result<Self> {
        let mut extras = Self {
            submodules: wanted.submodules,
            lfs: wanted.lfs,
            ..Self::default()
        };
        if wanted.submodules {
            extras.modules = submodules(repo, commit, wanted, below)?;
        }
        if wanted.lfs {
            extras.storage = lfs::storage(repo)?;
            extras.pointers = pointers(repo, commit, wanted, below, &extras.storage)?;
        }
        Ok(extras)
    }

    /// Whether anything is asked for, even if there is none of it.
    pub fn any(&self) -> bool {
        self.submodules || self.lfs
    }

    /// Where the content of a file of git-lfs lies, below a git directory and on this machine.
    pub(super) fn content(&self, pointer: &Pointer) -> (String, PathBuf) {
        let place = pointer.place();
        (format!("lfs/{place}"), self.storage.join(place))
    }
}

fn submodules(
    repo: &Repo,
    commit: &ObjectId,
    wanted: Wanted,
    below: Option<&ObjectId>,
) -> Result<Vec<(Module, Option<ObjectId>)>> {
    let find = |commit| {
        modules::find(repo, commit, wanted.recursive, |path| {
            in_cone(Path::new(path), wanted.sparse)
        })
        .context("cannot list the submodules")
    };
    let found = find(commit)?;
    if !found.lacking.is_empty() {
        bail!(
            Failure::new(format!(
                "this repository lacks what submodules need:\n{}",
                found.lacking.join("\n")
            ))
            .hint(format!(
                "{} fetches them",
                repo.command_line(&["submodule", "update", "--init", "--recursive"])
            ))
        );
    }
    // That commit may be gone, after a force-push: all is new then.
    let older = below.and_then(|commit| find(commit).ok());
    let older = older.unwrap_or_default();
    let commit_below = |module: &Module| {
        let same = |old: &&Module| old.folder == module.folder;
        older
            .modules
            .iter()
            .find(same)
            .map(|old| old.commit.clone())
    };
    Ok(found
        .modules
        .into_iter()
        .map(|module| {
            let below = commit_below(&module);
            (module, below)
        })
        .collect())
}

fn pointers(
    repo: &Repo,
    commit: &ObjectId,
    wanted: Wanted,
    below: Option<&ObjectId>,
    storage: &Path,
) -> Result<Vec<Pointer>> {
    let inside = |path: &[u8]| in_cone(Path::new(OsStr::from_bytes(path)), wanted.sparse);
    // What did not change matters only where other attributes make a pointer of it.
    let similar = match below {
        Some(below) => lfs::same_attributes(repo, below, commit)?,
        None => false,
    };
    let (mut found, mut lacking) = (Vec::new(), Vec::new());
    let since = below.filter(|_| similar);
    lfs::pointers(repo, commit, since, inside, |(pointer, path)| {
        if pointer.is_in(storage) {
            found.push(pointer);
        } else {
            lacking.push((pointer, path));
        }
    })
    .context("cannot list the files that git-lfs keeps")?;
    let lacking = lfs::kept_by_lfs(repo, commit, lacking)?;
    if !lacking.is_empty() {
        let mut lacking: Vec<String> = lacking.iter().map(|(_, path)| shown(path)).collect();
        lacking.sort();
        bail!(
            Failure::new(format!(
                "this repository lacks the content of files that git-lfs keeps:\n{}",
                lacking.join("\n")
            ))
            .hint(format!(
                "{} fetches it",
                repo.command_line(&["lfs", "fetch", "REMOTE", commit.as_str()])
            ))
        );
    }
    found.sort_unstable();
    found.dedup();
    let Some(below) = below.filter(|_| !found.is_empty()) else {
        return Ok(found);
    };
    let mut older = Vec::new();
    let since = Some(commit).filter(|_| similar);
    let listed = lfs::pointers(repo, below, since, inside, |(pointer, path)| {
        if found.binary_search(&pointer).is_ok() {
            older.push((pointer, path));
        }
    });
    // That commit may be gone, after a force-push: all is new then.
    if listed.is_ok() {
        let mut older = lfs::kept_by_lfs(repo, below, older)?;
        older.sort_unstable();
        found.retain(|new| older.binary_search_by(|(old, _)| old.cmp(new)).is_err());
    }
    Ok(found)
}

/// A path for people. What is no text, or would act on a terminal, is escaped.
fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(path) if !path.contains(char::is_control) => path.to_owned(),
        _ => format!("{:?}", OsStr::from_bytes(path)),
    }
}

/// Whether git checks this path out: it lies in one of the folders, or directly in one that leads to
/// them.
fn in_cone(path: &Path, sparse: &[String]) -> bool {
    let folder = path.parent().unwrap_or(path);
    let mut kept = sparse.iter().map(Path::new);
    sparse.is_empty() || kept.any(|kept| folder.starts_with(kept) || kept.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cone_is_folders_and_what_lies_on_the_way_to_them() {
        let sparse = ["a/b".to_owned()];
        for inside in ["top", "a/x", "a/b/x", "a/b/c/x"] {
            assert!(in_cone(Path::new(inside), &sparse), "{inside}");
        }
        for outside in ["a/c/x", "a/bc/x", "b/x"] {
            assert!(!in_cone(Path::new(outside), &sparse), "{outside}");
            assert!(in_cone(Path::new(outside), &[]), "{outside}");
        }
    }
}
