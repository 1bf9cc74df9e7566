//! A stash as one tree: its untracked files are a commit of their own, which no diff shows beside the others.

use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::{Context, Result, bail};
use gix::bstr::BString;
use gix::objs::tree::Entry;
use gix::objs::{Tree, Write};

use super::own_refs::native;
use super::{CommitReader, ObjectId, Repo, as_alternate, at};
use crate::error::Failure;
use crate::fs::TempDir;

/// Git itself reads no deeper ones by default (`core.maxTreeDepth`, and less on some systems).
const DEEPEST: usize = 512;

/// What a diff ends at: a commit, or a tree whose directories no repository has.
#[derive(Debug)]
pub(crate) struct DiffEnd {
    id: ObjectId,
    /// Where those are.
    objects: Option<TempDir>,
}

impl DiffEnd {
    pub(crate) fn of_commit(id: &ObjectId) -> Self {
        Self {
            id: id.clone(),
            objects: None,
        }
    }

    /// Of a commit that is shaped as a stash: all files as they were in the worktree, the untracked ones too.
    pub(crate) fn of_stash(repo: &Repo, stash: &ObjectId) -> Result<Self> {
        let cannot = || format!("cannot read what is saved at {}", stash.short());
        let parents = CommitReader::open(repo)?.parents(stash);
        let parents = parents.with_context(cannot)?;
        let Some(untracked) = parents.get(2) else {
            return Ok(Self::of_commit(stash));
        };
        let mut gix = repo.open_gix()?.with_object_memory();
        let tree = |id: &ObjectId| -> Result<gix::ObjectId> {
            let commit = gix.find_commit(native(id)?)?;
            Ok(commit.tree_id()?.detach())
        };
        let (tracked, untracked) = (tree(stash), tree(untracked));
        let tree = overlay(
            &gix,
            tracked.with_context(cannot)?,
            untracked.with_context(cannot)?,
            0,
        )
        .with_context(cannot)?;
        let temp = TempDir::new()?;
        let store = gix::odb::loose::Store::at(temp.path(), gix.object_hash());
        let made = gix.objects.take_object_memory().unwrap_or_default();
        for (kind, bytes) in made.values() {
            let written = store.write_buf(*kind, bytes);
            written.map_err(|error| Failure::new(format!("cannot write a tree: {error}")))?;
        }
        Ok(Self {
            id: ObjectId::parse(&tree.to_string()).context("a tree has no id")?,
            objects: Some(temp),
        })
    }

    /// The user's own `git diff` of this and a commit, in the repository that one stands in.
    pub(crate) fn diff(
        &self,
        from: &ObjectId,
        options: &[OsString],
        paths: &[&OsString],
    ) -> Result<i32> {
        let mut cmd = at(None).arg("diff").args(options);
        cmd = cmd.args([from.as_str(), self.id.as_str(), "--"]);
        if let Some(objects) = &self.objects {
            cmd = cmd.env(
                "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                as_alternate(objects.path())?,
            );
        }
        cmd.args(paths).attached()
    }
}

/// The user's own `git log` of what these commits lead to and another does not, in the repository that one
/// stands in.
pub(crate) fn log(
    tips: &[&ObjectId],
    not: &ObjectId,
    options: &[OsString],
    paths: &[&OsString],
) -> Result<i32> {
    let tips = tips.iter().map(|tip| tip.as_str());
    let cmd = at(None).arg("log").args(options).args(tips);
    let cmd = cmd.arg(format!("^{not}")).arg("--");
    cmd.args(paths).attached()
}

/// The tree `under` with all that is in the tree `over`.
fn overlay(
    gix: &gix::Repository,
    under: gix::ObjectId,
    over: gix::ObjectId,
    depth: usize,
) -> Result<gix::ObjectId> {
    if depth > DEEPEST {
        bail!(Failure::new("its directories are nested too deep"));
    }
    let read = |id: gix::ObjectId| -> Result<Vec<Entry>> {
        let tree = gix.find_tree(id)?;
        let entries = tree.decode()?.entries.into_iter();
        Ok(entries.map(Entry::from).collect())
    };
    let under = read(under)?.into_iter();
    let mut all: BTreeMap<BString, Entry> =
        under.map(|entry| (entry.filename.clone(), entry)).collect();
    for mut entry in read(over)? {
        if let Some(below) = all.get(&entry.filename)
            && below.mode.is_tree()
            && entry.mode.is_tree()
        {
            entry.oid = overlay(gix, below.oid, entry.oid, depth + 1)?;
        }
        all.insert(entry.filename.clone(), entry);
    }
    let mut entries: Vec<Entry> = all.into_values().collect();
    entries.sort();
    Ok(gix.write_object(Tree { entries })?.detach())
}
