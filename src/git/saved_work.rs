//! Where a repository keeps the work of containers that was not pushed.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{ObjectId, Repo, lines, run, values_of, without_worktree};

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

impl Repo {
    /// The refs of what is saved of a container, by their full names.
    pub(crate) fn saved_work(&self, container: &str) -> Result<Vec<(String, ObjectId)>> {
        values_of(&self.common_dir, &[&format!("{}/", of(container))])
    }

    /// How many commits these have that no branch, tag or branch of a remote leads to.
    pub(crate) fn count_unpushed(&self, commits: &[&ObjectId]) -> Result<u64> {
        count_unpushed(&self.common_dir, commits.iter().copied())
    }

    /// Deletes refs of saved work that still are what they were.
    pub(crate) fn drop_saved_work(&self, refs: &[(String, ObjectId)]) -> Result<()> {
        self.drop_refs(&self.common_dir, refs)
    }

    /// The names of submodules whose copies on the host have work of a container saved that they do not have
    /// besides.
    pub(crate) fn submodules_with_work(&self, container: &str) -> Result<Vec<String>> {
        let modules = self.common_dir.join("modules");
        let mut found = Vec::new();
        for git_dir in module_dirs(&modules) {
            let saved = values_of(&git_dir, &[&of(container)])?;
            if has_more(&git_dir, container, &saved)? {
                let name = git_dir.strip_prefix(&modules).unwrap_or(&git_dir);
                found.push(name.display().to_string().replace("/modules/", "/"));
            }
        }
        Ok(found)
    }

    /// Deletes what is saved of a container for submodules.
    pub(crate) fn drop_work_of_submodules(&self, container: &str) -> Result<()> {
        for git_dir in module_dirs(&self.common_dir.join("modules")) {
            self.drop_refs(&git_dir, &values_of(&git_dir, &[&of(container)])?)?;
        }
        Ok(())
    }

    fn drop_refs(&self, git_dir: &Path, refs: &[(String, ObjectId)]) -> Result<()> {
        if refs.is_empty() {
            return Ok(());
        }
        let line = |(name, id): &(String, ObjectId)| format!("delete {name} {id}\n");
        let input: String = refs.iter().map(line).collect();
        let cmd = without_worktree(git_dir)
            .args(["update-ref", "--stdin"])
            .stdin(input);
        self.run_writing("update-ref", &cmd).map(drop)
    }
}

/// Whether some of what is saved is not committed, or on no branch or tag.
fn has_more(git_dir: &Path, container: &str, saved: &[(String, ObjectId)]) -> Result<bool> {
    let prefix = of(container);
    let is_commit = |name: &str| {
        let below = name.strip_prefix(&prefix).unwrap_or_default();
        below.starts_with("/heads/") || below.starts_with("/detached/")
    };
    let all_committed = saved.iter().all(|(name, _)| is_commit(name));
    Ok(!all_committed || count_unpushed(git_dir, saved.iter().map(|(_, id)| id))? > 0)
}

fn count_unpushed<'a>(git_dir: &Path, ids: impl Iterator<Item = &'a ObjectId>) -> Result<u64> {
    let ids: Vec<&str> = ids.map(ObjectId::as_str).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let all = ["--not", "--branches", "--remotes", "--tags"];
    let cmd = without_worktree(git_dir).args(["rev-list", "--count"]);
    let counted = lines(&run("rev-list", &cmd.args(ids).args(all))?);
    let count = counted.first().and_then(|count| count.parse().ok());
    Ok(count.unwrap_or(0))
}

/// The git directories below one for submodules, theirs too.
fn module_dirs(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            found.extend(module_dirs(&path.join("modules")));
            found.push(path);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(module_dirs(&path));
        }
    }
    found.sort();
    found
}
