//! Reading single commits in process, many of them cheaply. Nothing is fetched, and what is not here or is no
//! commit is no failure.

use anyhow::Result;
use gix::bstr::ByteSlice;

use super::own_refs::native;
use super::{CAP, ObjectId, Repo};
use crate::fs::LONGEST_TEXT;

/// Reads commits of one repository, wherever its refs are.
pub(crate) struct CommitReader(gix::Repository);

impl CommitReader {
    pub(crate) fn open(repo: &Repo) -> Result<Self> {
        let mut gix = repo.open_gix()?;
        // Walks read the same commits again.
        gix.object_cache_size_if_unset(4 * 1024 * 1024);
        Ok(Self(gix))
    }

    fn find(&self, id: &ObjectId) -> Option<gix::Commit<'_>> {
        let object = self.0.find_object(native(id).ok()?).ok()?;
        object.try_into_commit().ok()
    }

    /// A commit's message. What is not UTF-8 is replaced.
    pub(crate) fn message(&self, id: &ObjectId) -> Option<String> {
        let commit = self.find(id)?;
        Some(commit.message_raw().ok()?.to_str_lossy().into_owned())
    }

    /// The ids of a commit's parents.
    pub(crate) fn parents(&self, id: &ObjectId) -> Option<Vec<ObjectId>> {
        let commit = self.find(id)?;
        let parents = commit
            .parent_ids()
            .map(|id| ObjectId::parse(&id.to_string()));
        parents.collect()
    }

    /// A file at the top of a commit's tree, when there is one of a modest size.
    pub(crate) fn file(&self, id: &ObjectId, name: &str) -> Option<Vec<u8>> {
        let tree = self.find(id)?.tree().ok()?;
        let entry = tree.find_entry(name)?;
        let blob = entry.object_id();
        let header = self.0.find_header(blob).ok()?;
        if !entry.mode().is_blob() || header.size() > LONGEST_TEXT {
            return None;
        }
        Some(self.0.find_blob(blob).ok()?.detach().data)
    }

    /// How many commits these tips lead to and `base` does not; at most one more than [`CAP`]. `None` when
    /// `base` is not here. Tips that are not here count for nothing.
    pub(crate) fn ahead(&self, base: &ObjectId, tips: &[&ObjectId]) -> Option<u64> {
        let base = self.find(base)?.id;
        let tips = tips.iter().filter_map(|tip| Some(self.find(tip)?.id));
        let mut tips: Vec<_> = tips.filter(|tip| *tip != base).collect();
        tips.sort();
        tips.dedup();
        if tips.is_empty() {
            return Some(0);
        }
        let walk = self.0.rev_walk(tips).with_hidden([base]).all().ok()?;
        // Of a history that breaks off, what there is.
        let found = walk.take_while(Result::is_ok).take(CAP as usize + 1);
        Some(found.count() as u64)
    }
}
