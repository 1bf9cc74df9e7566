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

    /// What is saved of a container for submodules, and is not in their copies on the host besides.
    pub(crate) fn work_of_submodules(&self, container: &str) -> Result<Vec<SubmoduleWork>> {
        let mut found = Vec::new();
        for module in self.saved_submodules(container)? {
            if has_more(&module.git_dir, container, &module.refs)? {
                found.push(module);
            }
        }
        Ok(found)
    }

    /// All that is saved of a container for submodules, in their copies on the host.
    pub(crate) fn saved_submodules(&self, container: &str) -> Result<Vec<SubmoduleWork>> {
        let mut found = Vec::new();
        for git_dir in module_dirs(&self.common_dir.join("modules")) {
            let refs = values_of(&git_dir, &[&format!("{}/", of(container))])?;
            if !refs.is_empty() {
                let directory = git_dir.strip_prefix(&self.common_dir);
                found.push(SubmoduleWork {
                    directory: directory.unwrap_or(&git_dir).to_owned(),
                    git_dir,
                    refs,
                });
            }
        }
        Ok(found)
    }

    /// The commit of a submodule that one of ours records; `None` for one within another, and where its copy
    /// here does not have it.
    pub(crate) fn commit_of_submodule(
        &self,
        commit: &ObjectId,
        module: &SubmoduleWork,
    ) -> Result<Option<ObjectId>> {
        let name = module.name();
        let blob = format!("{commit}:.gitmodules");
        let key = format!("submodule.{name}.path");
        let path =
            without_worktree(&self.common_dir).args(["config", "--blob", &blob, "--get", &key]);
        let path = path.output()?.stdout;
        let path = String::from_utf8_lossy(&path);
        let path = path.trim_end_matches('\n');
        if path.is_empty() {
            return Ok(None);
        }
        let Some(id) = resolve(&self.common_dir, &format!("{commit}:{path}"))? else {
            return Ok(None);
        };
        resolve(&module.git_dir, &format!("{id}^{{commit}}"))
    }

    /// Deletes what is saved of a container for submodules.
    pub(crate) fn drop_work_of_submodules(&self, container: &str) -> Result<()> {
        for module in self.saved_submodules(container)? {
            self.drop_refs(&module.git_dir, &module.refs)?;
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

fn resolve(git_dir: &Path, revision: &str) -> Result<Option<ObjectId>> {
    let ask = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        revision,
    ];
    let said = without_worktree(git_dir).args(ask).output()?.stdout;
    Ok(lines(&said).first().and_then(|id| ObjectId::parse(id)))
}

/// What is saved of a container for a submodule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubmoduleWork {
    /// The git directory of its copy on the host.
    git_dir: PathBuf,
    /// The same below that of the repository, as containers have it: `modules/lib`.
    pub directory: PathBuf,
    /// The refs, by their full names.
    pub refs: Vec<(String, ObjectId)>,
}

impl SubmoduleWork {
    /// The name of the submodule; of one within another, after the other's. Some names of others look so, too.
    pub(crate) fn name(&self) -> String {
        let name = self.directory.display().to_string();
        let name = name.strip_prefix("modules/").unwrap_or(&name);
        name.replace("/modules/", "/")
    }

    /// Writes a pack of it into a directory: what leads beyond a commit.
    pub(crate) fn pack(&self, beyond: Option<&ObjectId>, directory: &Path) -> Result<()> {
        let tips = self.refs.iter().map(|(_, id)| format!("{id}\n"));
        let revisions: String = tips.chain(beyond.map(|id| format!("^{id}\n"))).collect();
        let cmd = without_worktree(&self.git_dir)
            .args(["pack-objects", "--quiet", "--revs"])
            .arg(directory.join("pack"))
            .stdin(revisions);
        run("pack-objects", &cmd).map(drop)
    }
}

/// Whether some of what is saved is not committed, or on no branch or tag.
fn has_more(git_dir: &Path, container: &str, saved: &[(String, ObjectId)]) -> Result<bool> {
    let prefix = of(container);
    let kind = |name: &str| {
        let below = name.strip_prefix(&prefix)?.strip_prefix('/')?;
        KINDS.into_iter().find(|kind| below.starts_with(kind))
    };
    let mut commits = Vec::new();
    for (name, id) in saved {
        match kind(name) {
            Some("heads/" | "detached/") => commits.push(id),
            Some("wip/") if changed_files(&subject(git_dir, id)?) == Some(0) => {}
            _ => return Ok(true),
        }
    }
    Ok(count_unpushed(git_dir, commits.into_iter())? > 0)
}

fn subject(git_dir: &Path, commit: &ObjectId) -> Result<String> {
    let show = ["log", "--no-walk", "--format=%s", commit.as_str()];
    let said = run("log", &without_worktree(git_dir).args(show))?;
    Ok(lines(&said).into_iter().next().unwrap_or_default())
}

/// How many files a commit of what is not committed is about, by its subject: `WIP on main: 3 files`.
pub(crate) fn changed_files(subject: &str) -> Option<u64> {
    let (_, count) = subject.rsplit_once(": ")?;
    let (number, word) = count.split_once(' ')?;
    matches!(word, "file" | "files")
        .then(|| number.parse().ok())
        .flatten()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_files_is_in_the_subject() {
        assert_eq!(changed_files("WIP on fix/typo: 3 files"), Some(3));
        assert_eq!(changed_files("WIP on (detached): 1 files"), Some(1));
        assert_eq!(changed_files("WIP on odd: 5 files: 2 files"), Some(2));
        for strange in [
            "",
            "WIP on main: 1a2b3c Subject",
            "WIP on main: -1 files",
            "WIP on main: 99999999999999999999999 files",
            "\x1b[2J: many files",
        ] {
            assert_eq!(changed_files(strange), None, "{strange}");
        }
    }
}
