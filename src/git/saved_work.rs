//! Where a repository keeps the work of containers that was not pushed.

use anyhow::Result;

use super::{CommitReader, ObjectId, Repo, lines, run, values_of};

/// Below it lies all of ours.
pub(crate) const OURS: &str = "refs/dkr";
/// Below it lies what is saved of each container, by its name.
pub(crate) const WORK: &str = "refs/dkr/work/";

/// What a container itself keeps there: branches, detached heads, what is not committed, and stashes.
const KINDS: [&str; 4] = ["heads/", "detached/", "wip/", "stash/"];

/// Below it lies what is saved of one.
pub(crate) fn of(container: &str) -> String {
    format!("{WORK}{container}")
}

/// Whether this container may move, make and delete the ref.
pub(crate) fn may_move(reference: &str, container: &str) -> bool {
    let below = reference.strip_prefix(&of(container));
    let below = below.and_then(|below| below.strip_prefix('/'));
    let inside = |kind: &&str| {
        let name = below.and_then(|below| below.strip_prefix(*kind));
        name.is_some_and(|name| !name.is_empty())
    };
    KINDS.iter().any(inside)
}

/// A ref of saved work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedRef {
    /// Its full name.
    pub reference: String,
    pub id: ObjectId,
    /// What it is of: `heads`, `detached`, `wip`, `stash` or `info`.
    pub kind: String,
    /// What it is called there.
    pub name: String,
    /// The message of its commit.
    pub message: String,
}

impl Repo {
    /// What is saved of a container. A commit that is not here has no message.
    pub(crate) fn saved_work(&self, container: &str) -> Result<Vec<SavedRef>> {
        let prefix = format!("{}/", of(container));
        let refs = values_of(&self.common_dir, &[&prefix])?;
        if refs.is_empty() {
            return Ok(Vec::new());
        }
        let reader = CommitReader::open(self)?;
        let saved = |(reference, id): (String, ObjectId)| {
            let below = reference.strip_prefix(&prefix)?;
            let (kind, name) = below.split_once('/').unwrap_or((below, ""));
            Some(SavedRef {
                kind: kind.to_owned(),
                name: name.to_owned(),
                message: reader.message(&id).unwrap_or_default(),
                reference,
                id,
            })
        };
        Ok(refs.into_iter().filter_map(saved).collect())
    }

    /// How many commits each has that no branch, tag or branch of a remote leads to.
    pub(crate) fn count_unpushed(&self, refs: &[&SavedRef]) -> Result<Vec<usize>> {
        refs.iter()
            .map(|saved| self.count_unpushed_together(&[saved]))
            .collect()
    }

    /// The same of all of them, each commit once.
    pub(crate) fn count_unpushed_together(&self, refs: &[&SavedRef]) -> Result<usize> {
        if refs.is_empty() {
            return Ok(0);
        }
        let ids = refs.iter().map(|saved| saved.id.as_str());
        let all = ["--not", "--branches", "--remotes", "--tags"];
        let cmd = self.git(["rev-list", "--count"]).args(ids).args(all);
        let counted = lines(&run("rev-list", &cmd)?);
        Ok(counted
            .first()
            .and_then(|count| count.parse().ok())
            .unwrap_or(0))
    }

    /// Deletes refs of saved work that still are what they were.
    pub(crate) fn drop_saved_work(&self, refs: &[SavedRef]) -> Result<()> {
        if refs.is_empty() {
            return Ok(());
        }
        let line = |saved: &SavedRef| format!("delete {} {}\n", saved.reference, saved.id);
        let input: String = refs.iter().map(line).collect();
        let cmd = self.git(["update-ref", "--stdin"]).stdin(input);
        self.run_writing("update-ref", &cmd).map(drop)
    }
}
