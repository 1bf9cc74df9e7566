//! What an image may hold beside the repository's own objects: submodules, and files that git-lfs
//! keeps. All of it comes from the host's own copies.

mod lfs;
mod store;
mod submodules;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{ObjectId, Repo};
use crate::error::Failure;

use lfs::LfsFile;
pub use lfs::Pointer;
pub use store::{LfsStore, module_dir};
pub(super) use submodules::Submodule;

/// So many files of which the content is lacking are named, not all of a large tree.
const NAMED: usize = 1000;

/// What is wanted of a commit.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtrasRequest<'a> {
    /// Its submodules.
    pub submodules: bool,
    /// Theirs, too.
    pub recursive: bool,
    /// Files that git-lfs keeps.
    pub lfs: bool,
    /// The directories that are checked out; all when there is none.
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
    pub(super) modules: Vec<(Submodule, Option<ObjectId>)>,
    pub(super) contents: Contents,
}

/// Contents that git-lfs keeps, without those that the image below has. There may be very many.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pointers: Vec<Pointer>,
    storage: PathBuf,
}

impl Contents {
    /// The bytes that they hold.
    pub(super) fn size(&self) -> u64 {
        self.pointers.iter().map(|pointer| pointer.size).sum()
    }

    /// Of each the place below a git directory and on this machine, its size in bytes, and its SHA-256.
    pub(super) fn files(&self) -> impl Iterator<Item = (String, PathBuf, u64, String)> {
        self.pointers.iter().map(|pointer| {
            let place = pointer.place();
            let path = self.storage.join(&place);
            (
                format!("lfs/{place}"),
                path,
                pointer.size,
                pointer.oid.to_string(),
            )
        })
    }
}

impl Extras {
    /// Looks for what a commit needs. `below` is the commit of the image that is built on, when it
    /// has the same things of that commit. Fails, naming all that the host lacks.
    pub fn find(
        repo: &Repo,
        commit: &ObjectId,
        wanted: ExtrasRequest,
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
            let storage = lfs::storage(repo)?;
            let pointers = pointers(repo, commit, wanted, below, &storage)?;
            extras.contents = Contents { pointers, storage };
        }
        Ok(extras)
    }

    /// Whether anything is asked for, even if there is none of it.
    pub fn any(&self) -> bool {
        self.submodules || self.lfs
    }
}

fn submodules(
    repo: &Repo,
    commit: &ObjectId,
    wanted: ExtrasRequest,
    below: Option<&ObjectId>,
) -> Result<Vec<(Submodule, Option<ObjectId>)>> {
    let find = |commit| {
        submodules::find(repo, commit, wanted.recursive, |path| {
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
    let commit_below = |module: &Submodule| {
        let same = |old: &&Submodule| old.directory == module.directory;
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
    wanted: ExtrasRequest,
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
            return Ok(());
        }
        lacking.push((pointer, path));
        if lacking.len() < NAMED {
            return Ok(());
        }
        refuse(
            repo,
            commit,
            std::mem::take(&mut lacking),
            ", of these and others",
        )
    })?;
    refuse(repo, commit, lacking, "")?;
    found.sort_unstable();
    found.dedup();
    let Some(below) = below.filter(|_| !found.is_empty()) else {
        return Ok(found);
    };
    let mut older = Vec::new();
    let since = Some(commit).filter(|_| similar);
    let listed = lfs::pointers(repo, below, since, inside, |standing| {
        if found.binary_search(&standing.0).is_ok() {
            older.push(standing);
        }
        Ok(())
    });
    // That commit may be gone, after a force-push: all is new then.
    if listed.is_ok() {
        let mut older = lfs::kept_by_lfs(repo, below, older)?;
        older.sort_unstable();
        found.retain(|new| older.binary_search_by(|(old, _)| old.cmp(new)).is_err());
    }
    Ok(found)
}

/// Fails when git-lfs keeps any of what is lacking.
fn refuse(repo: &Repo, commit: &ObjectId, lacking: Vec<LfsFile>, which: &str) -> Result<()> {
    let lacking = lfs::kept_by_lfs(repo, commit, lacking)?;
    if lacking.is_empty() {
        return Ok(());
    }
    let mut lacking: Vec<String> = lacking.iter().map(|(_, path)| shown(path)).collect();
    lacking.sort();
    let remotes = repo.remotes()?;
    let usual = remotes.iter().find(|remote| *remote == "origin");
    let hint = match usual.or(remotes.first()) {
        Some(remote) => {
            let command = repo.command_line(&["lfs", "fetch", remote, commit.as_str()]);
            format!("{command} fetches it")
        }
        None => "there is no remote to fetch it from: git remote add names one".to_owned(),
    };
    bail!(
        Failure::new(format!(
            "this repository lacks the content of files that git-lfs keeps{which}:\n{}",
            lacking.join("\n")
        ))
        .hint(hint)
    );
}

/// A path for people. What is no text, or would act on a terminal, is escaped.
fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(path) if !path.contains(char::is_control) => path.to_owned(),
        _ => format!("{:?}", OsStr::from_bytes(path)),
    }
}

/// Whether git checks this path out: it lies in one of the directories, or directly in one that leads to
/// them.
fn in_cone(path: &Path, sparse: &[String]) -> bool {
    let directory = path.parent().unwrap_or(path);
    let mut kept = sparse.iter().map(Path::new);
    sparse.is_empty() || kept.any(|kept| directory.starts_with(kept) || kept.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cone_is_directories_and_what_lies_on_the_way_to_them() {
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
