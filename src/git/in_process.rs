//! Short answers in process: starting git takes longer than they do, and people wait for hooks
//! and lists. Each is `None` where only git can tell: refs that are not in files, objects that a
//! partial clone lacks, patterns.

use std::path::Path;

use anyhow::Context;
use gix::bstr::ByteSlice;

use super::{Head, ObjectId, Repo, unless_here};
use crate::fs::LONGEST_TEXT;

impl Repo {
    /// As [`Repo::find`], for those who only look: without starting git, where that will do.
    pub fn look(path: Option<&Path>) -> anyhow::Result<Self> {
        match Self::discover(path) {
            Some(repo) => Ok(repo),
            None => Self::find(path),
        }
    }

    /// The repository one stands in, for those who only look; `None` outside of any.
    pub fn here() -> anyhow::Result<Option<Self>> {
        match Self::discover(None) {
            Some(repo) => Ok(Some(repo)),
            None => Self::ask_git(None),
        }
    }

    /// In process: a worktree of an ordinary repository, or a bare one.
    fn discover(path: Option<&Path>) -> Option<Self> {
        let found = match unless_here(path) {
            // Taken for the current directory here, and refused there.
            Some(path) if path.as_os_str().is_empty() => return None,
            Some(path) => gix::ThreadSafeRepository::discover(path),
            // By `GIT_DIR`, too.
            None => gix::ThreadSafeRepository::discover_with_environment_overrides("."),
        };
        let found = found.ok()?;
        let gix = found.to_thread_local();
        if gix.git_dir_trust() != gix::sec::Trust::Full {
            // Git refuses it and says why, or has been told not to.
            return None;
        }
        let common_dir = gix.common_dir().canonicalize().ok()?;
        let path = match common_dir.parent() {
            Some(parent) if common_dir.ends_with(".git") => parent.to_owned(),
            _ if gix.is_bare() => common_dir.clone(),
            _ => return None,
        };
        // Git's answer is refused then.
        common_dir.to_str()?;
        Some(Self {
            git_dir: gix.git_dir().canonicalize().ok()?,
            objects: common_dir.join("objects"),
            object_format: gix.object_hash().to_string(),
            shallow: gix.is_shallow().ok()?,
            gix: Some(found).into(),
            common_dir,
            path,
        })
    }

    /// The repository for gix, opened once.
    pub(super) fn opened(&self) -> Option<gix::Repository> {
        let opened = self.gix.get_or_init(|| {
            let options = gix::open::Options::default().open_path_as_is(true);
            gix::ThreadSafeRepository::open_opts(&self.git_dir, options).ok()
        });
        Some(opened.as_ref()?.to_thread_local())
    }

    /// The same; `None` where gix does not see all of it.
    pub(super) fn gix(&self) -> Option<gix::Repository> {
        let gix = self.opened()?;
        let storage = gix.config_snapshot().string("extensions.refStorage");
        storage.is_none_or(|name| name == "files").then_some(gix)
    }

    /// The same for objects alone, wherever refs are.
    pub(super) fn open_gix(&self) -> anyhow::Result<gix::Repository> {
        let options = gix::open::Options::isolated().open_path_as_is(true);
        gix::open_opts(&self.git_dir, options)
            .with_context(|| format!("cannot open {}", self.git_dir.display()))
    }

    /// Whether git's config, the user's too, certainly has nothing under `dkr.`. What `git -c` says
    /// is not seen here.
    pub fn has_no_settings(&self) -> bool {
        self.gix().is_some_and(|gix| {
            let trusted = gix.git_dir_trust() == gix::sec::Trust::Full;
            let config = gix.config_snapshot();
            trusted && config.plumbing().sections_by_name("dkr").is_none()
        })
    }

    pub(super) fn quick_head(&self) -> Option<Head> {
        Some(match self.gix()?.head_name().ok()? {
            None => Head::Detached,
            Some(name) => {
                let branch = name.as_bstr().strip_prefix(b"refs/heads/")?;
                Head::Branch(branch.to_str().ok()?.to_owned())
            }
        })
    }

    /// The commits of full names of refs.
    pub(super) fn quick_commits<S: AsRef<str>>(
        &self,
        names: &[S],
    ) -> Option<Vec<Option<ObjectId>>> {
        if !names.iter().all(|name| name.as_ref().starts_with("refs/")) {
            return None;
        }
        let gix = self.gix()?;
        let commit = |name: &S| -> Option<Option<ObjectId>> {
            // `refs/heads/main~1` is no name, and git is asked.
            let name = gix::refs::FullName::try_from(name.as_ref()).ok()?;
            let Some(mut found) = gix.try_find_reference(name.as_ref()).ok()? else {
                return Some(None);
            };
            let id = found.peel_to_commit().ok()?.id;
            Some(ObjectId::parse(&id.to_string()))
        };
        names.iter().map(commit).collect()
    }

    /// The content of a file of a commit's tree; `Some(None)` when there is none.
    pub(super) fn quick_file(&self, commit: &ObjectId, path: &str) -> Option<Option<Vec<u8>>> {
        let gix = self.gix()?;
        let Some((mode, id)) = entry(&gix, commit, path)? else {
            return Some(None);
        };
        if !mode.is_blob() {
            return None;
        }
        // How it is refused is one place's affair.
        if gix.find_header(id).ok()?.size() > LONGEST_TEXT {
            return None;
        }
        Some(Some(gix.find_blob(id).ok()?.detach().data))
    }

    /// Which of these paths, not patterns, differ between two commits, sorted.
    pub(super) fn quick_changed(
        &self,
        (old, new): &(ObjectId, ObjectId),
        paths: &[String],
    ) -> Option<Vec<String>> {
        let is_pattern = |path: &String| path.contains(['*', '?', '[', '\\', ':']);
        if paths.iter().any(is_pattern) {
            return None;
        }
        let gix = self.gix()?;
        let mut changed = Vec::new();
        for path in paths {
            let (before, after) = (entry(&gix, old, path)?, entry(&gix, new, path)?);
            // What differs below a directory is for git to list.
            if [&before, &after]
                .into_iter()
                .flatten()
                .any(|(mode, _)| mode.is_tree())
            {
                return None;
            }
            if before != after {
                changed.push(path.clone());
            }
        }
        changed.sort();
        changed.dedup();
        Some(changed)
    }
}

type TreeEntry = (gix::objs::tree::EntryMode, gix::ObjectId);

/// What a commit has at a path.
fn entry(gix: &gix::Repository, commit: &ObjectId, path: &str) -> Option<Option<TreeEntry>> {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    if path.split('/').any(odd) {
        return None;
    }
    let id = gix::ObjectId::from_hex(commit.as_str().as_bytes()).ok()?;
    let tree = gix.find_commit(id).ok()?.tree().ok()?;
    let found = tree.lookup_entry_by_path(path).ok()?;
    Some(found.map(|found| (found.mode(), found.object_id())))
}
