//! What of a container's work is saved and nowhere else.

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::saved::count_files;
use crate::git::{Repo, SavedRef};

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
        let summary = Self::count(repo, container, &refs)?;
        if summary.is_none() {
            repo.drop_saved_work(&refs)?;
            repo.drop_work_of_submodules(container)?;
        }
        Ok(summary)
    }

    /// Counts what is saved of a container; `None` where it is nothing.
    pub(crate) fn of(repo: &Repo, container: &str) -> Result<Option<Self>> {
        Self::count(repo, container, &repo.saved_work(container)?)
    }

    fn count(repo: &Repo, container: &str, refs: &[SavedRef]) -> Result<Option<Self>> {
        let mut summary = Self::default();
        let mut tips = Vec::new();
        for saved in refs {
            match saved.kind.as_str() {
                "heads" | "detached" => tips.push(saved),
                "stash" => summary.stashes += 1,
                "wip" => {
                    let (files, left_out) = of_message(&saved.message);
                    summary.files = summary.files.saturating_add(files);
                    summary.left_out.extend(left_out);
                }
                _ => {}
            }
        }
        summary.commits = repo.count_unpushed(&tips)?;
        // Mostly there are none.
        if summary.commits > 0 {
            for saved in tips {
                if repo.count_unpushed(&[saved])? > 0 {
                    summary.branches.push(match saved.kind.as_str() {
                        "heads" => saved.name.clone(),
                        _ => "a detached HEAD".to_owned(),
                    });
                }
            }
        }
        summary.submodules = repo.submodules_with_work(container)?;
        Ok(Some(summary).filter(|summary| *summary != Self::default()))
    }
}

/// How many files the message of a saved worktree speaks of, and what was left out. It is a container's word.
fn of_message(message: &str) -> (u64, Vec<String>) {
    let mut lines = message.lines();
    let number = lines.next().and_then(count_files);
    let left_out = lines.skip_while(|line| *line != "left out:").skip(1);
    let plain = |line: &str| line.chars().filter(|c| !c.is_control()).take(200).collect();
    (
        number.unwrap_or(1),
        left_out
            .filter(|line| !line.is_empty())
            .map(plain)
            .collect(),
    )
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

    #[test]
    fn a_message_tells_of_files_and_what_was_left_out() {
        let message =
            "WIP on a: 1: 12 files\n\nleft out:\nbig.bin (larger than save_limit)\n\x1b[2Jx\n";
        let left_out = vec![
            "big.bin (larger than save_limit)".to_owned(),
            "[2Jx".to_owned(),
        ];
        assert_eq!(of_message(message), (12, left_out));
        assert_eq!(of_message("anything"), (1, Vec::new()));
    }
}
