//! What of a container's work is saved and nowhere else.

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::saved::SavedWork;
use crate::git::saved_work::SubmoduleWork;
use crate::git::{ObjectId, Repo};

/// What is saved, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkSummary {
    /// Commits that no branch, tag or branch of a remote leads to.
    pub commits: u64,
    /// The branches that they are on.
    pub branches: Vec<String>,
    /// Files that are changed and not committed.
    pub files: u64,
    /// Entries of the stash.
    pub stashes: u64,
    /// Submodules that have some of it.
    pub submodules: Vec<String>,
    /// What was left out, each with the reason.
    pub left_out: Vec<String>,
}

impl WorkSummary {
    /// Counts what is saved of a container; where nothing is that the repository's own refs do not have,
    /// drops it.
    pub(crate) fn settle(repo: &Repo, container: &str) -> Result<Option<Self>> {
        let refs = repo.saved_work(container)?;
        let summary = Self::count(repo, container, refs.clone())?;
        if summary.is_none() {
            repo.drop_saved_work(&refs)?;
            repo.drop_work_of_submodules(container)?;
        }
        Ok(summary)
    }

    /// Counts what is saved of a container; `None` where it is nothing.
    pub(crate) fn of(repo: &Repo, container: &str) -> Result<Option<Self>> {
        Self::count(repo, container, repo.saved_work(container)?)
    }

    fn count(repo: &Repo, container: &str, refs: Vec<(String, ObjectId)>) -> Result<Option<Self>> {
        let work = SavedWork::of(repo, container, refs)?;
        let tips: Vec<&ObjectId> = work.tips().collect();
        let mut summary = Self {
            commits: repo.count_unpushed(&tips)?,
            files: work.changed(),
            stashes: work.stash.len() as u64,
            submodules: names(&repo.work_of_submodules(container)?),
            ..Self::default()
        };
        for wip in work.wip.values() {
            summary.left_out.extend_from_slice(&wip.left_out);
        }
        // Mostly there are none.
        if summary.commits > 0 {
            let heads = work
                .heads
                .iter()
                .map(|(branch, tip)| (branch.as_str(), tip));
            let detached = work.detached.values().map(|tip| ("a detached HEAD", tip));
            for (name, tip) in heads.chain(detached) {
                if repo.count_unpushed(&[tip])? > 0 {
                    summary.branches.push(name.to_owned());
                }
            }
        }
        Ok(Some(summary).filter(|summary| *summary != Self::default()))
    }
}

fn names(submodules: &[SubmoduleWork]) -> Vec<String> {
    submodules.iter().map(SubmoduleWork::name).collect()
}

impl fmt::Display for WorkSummary {
    /// `2 commits on fix-typo, 3 changed files`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |number: u64, one: &str, many: &str| match number {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{number} {many}")),
        };
        let commits = counted(self.commits, "commit", "commits")
            .map(|commits| format!("{commits} on {}", self.branches.join(" and ")));
        let parts = [
            commits,
            counted(self.files, "changed file", "changed files"),
            counted(self.stashes, "stash", "stashes"),
            Some(format!("work in {}", self.submodules.join(" and ")))
                .filter(|_| !self.submodules.is_empty()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_short_sentence() {
        let all = WorkSummary {
            commits: 2,
            branches: vec!["fix-typo".into(), "main".into()],
            files: 1,
            stashes: 3,
            submodules: vec!["lib".into()],
            left_out: Vec::new(),
        };
        assert_eq!(
            all.to_string(),
            "2 commits on fix-typo and main, 1 changed file, 3 stashes, work in lib"
        );
        let files = WorkSummary {
            files: 3,
            ..WorkSummary::default()
        };
        assert_eq!(files.to_string(), "3 changed files");
    }
}
