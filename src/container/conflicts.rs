//! Which other containers' work a container's would conflict with.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;

use super::directory::ContainerDirectory;
use super::saved::{self, MAIN_WORKTREE, SavedWork};
use crate::git::{MergeTrial, ObjectId, Repo, values_of};

/// With so many others it is compared.
const MOST: usize = 20;
/// Of so many branches, at most.
const TIPS: usize = 4;
/// So many files are named.
const NAMED: usize = 3;

/// A conflict with the work of another container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkConflict {
    /// The other one.
    pub container: String,
    files: Vec<String>,
}

impl fmt::Display for WorkConflict {
    /// `conflicts with shop-12ab in src/a.c`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.files.iter().take(NAMED).map(String::as_str);
        let named = named.collect::<Vec<_>>().join(", ");
        write!(f, "conflicts with {} in {named}", self.container)?;
        match self.files.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The conflicts of a container's newest work with that of the others, as far as the repository has them:
/// those whose work is saved, and those that are there.
pub(crate) fn conflicts(repo: &Repo, name: &str) -> Result<Vec<WorkConflict>> {
    let saved = saved::all(repo)?;
    let mut names: BTreeSet<String> = saved.keys().cloned().collect();
    names.extend(ContainerDirectory::names(repo));
    let below: Vec<String> = names
        .iter()
        .map(|name| format!("refs/heads/{name}/"))
        .collect();
    let below: Vec<&str> = below.iter().map(String::as_str).collect();
    let pushed = match below[..] {
        [] => Vec::new(),
        _ => values_of(&repo.common_dir, &below)?,
    };
    let work = |name: &str| newest(saved.get(name), &pushed, &format!("refs/heads/{name}/"));
    let (own, trial) = (work(name), MergeTrial::new(repo)?);
    let mut found = Vec::new();
    for other in names.iter().filter(|other| *other != name).take(MOST) {
        let mut files = BTreeSet::new();
        for (one, its) in work(other)
            .iter()
            .flat_map(|its| own.iter().map(move |one| (one, its)))
        {
            files.extend(trial.conflicts(one, its)?);
        }
        if !files.is_empty() {
            found.push(WorkConflict {
                container: other.clone(),
                files: files.into_iter().collect(),
            });
        }
    }
    Ok(found)
}

/// What is not committed, else the tips of all branches.
fn newest<'a>(
    saved: Option<&'a SavedWork>,
    pushed: &'a [(String, ObjectId)],
    below: &str,
) -> Vec<&'a ObjectId> {
    let wip = saved.and_then(|saved| saved.wip.get(MAIN_WORKTREE));
    if let Some(wip) = wip {
        return vec![&wip.commit];
    }
    let pushed = pushed.iter().filter(|(name, _)| name.starts_with(below));
    let tips = saved.into_iter().flat_map(SavedWork::tips);
    let mut all: Vec<&ObjectId> = tips.chain(pushed.map(|(_, id)| id)).collect();
    all.sort();
    all.dedup();
    all.truncate(TIPS);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_names_some_files() {
        let conflict = |files: &[&str]| {
            let files = files.iter().map(|file| (*file).to_owned()).collect();
            let container = "shop-12ab".to_owned();
            WorkConflict { container, files }.to_string()
        };
        assert_eq!(
            conflict(&["src/a.c"]),
            "conflicts with shop-12ab in src/a.c"
        );
        assert_eq!(
            conflict(&["a", "b", "c", "d", "e"]),
            "conflicts with shop-12ab in a, b, c and 2 more"
        );
    }
}
