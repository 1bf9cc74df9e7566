//! Saved work that a new container goes on with.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::directory::RUN;
use crate::engine::Mount;
use crate::error::Failure;
use crate::fs::{mountable_dir, write_private};
use crate::git::saved_work::{SubmoduleWork, WORK};
use crate::git::{ObjectId, PushedBranches, Repo, values_of};

/// What is saved of submodules, each in a directory of its number, among the files of a container.
const SUBMODULES: &str = "submodules";
/// Where `templates/resume` finds it.
const MOUNTED_SUBMODULES: &str = "/run/dkr-submodules";

/// What is saved of a container: nothing, for one that begins anew.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResumedWork {
    /// The commits, and what each is: `heads/BRANCH`, `wip/WORKTREE` and the like, or `pushed/BRANCH`.
    pub commits: Vec<(ObjectId, String)>,
    submodules: Vec<SubmoduleWork>,
}

impl ResumedWork {
    /// What is saved of this container. All commits of it must be there.
    pub(crate) fn of(repo: &Repo, container: &str) -> Result<Self> {
        let mut work = Self {
            commits: named(&repo.saved_work(container)?, container),
            submodules: repo.saved_submodules(container)?,
        };
        if work.commits.is_empty() && repo.work_of_submodules(container)?.is_empty() {
            let failure = Failure::new("nothing is saved of it: all of its work was pushed");
            bail!(failure.hint(format!(
                "git branch --list '{container}/*' shows what was pushed"
            )));
        }
        work.commits.extend(pushed(repo, container)?);
        let ids: Vec<&str> = work.commits.iter().map(|(id, _)| id.as_str()).collect();
        let missing = repo.commits(&ids)?.iter().position(Option::is_none);
        if let Some(missing) = missing {
            let reference = format!("{WORK}{container}/{}", work.commits[missing].1);
            bail!(
                Failure::new(format!(
                    "the commit of {reference} is not in this repository"
                ))
                .hint(format!(
                    "git fsck tells of it; git dkr remove {container} gives the work up"
                ))
            );
        }
        Ok(work)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty() && self.submodules.is_empty()
    }

    /// What is mounted of the files in `root`, beside what any container has.
    pub(crate) fn mount(&self, root: &Path) -> Option<Mount> {
        (!self.submodules.is_empty()).then(|| Mount {
            source: root.join(SUBMODULES),
            target: MOUNTED_SUBMODULES.to_owned(),
        })
    }

    /// Writes the files in `root` that `templates/resume` reads. The image is of this commit of the repository.
    pub(crate) fn write(
        &self,
        repo: &Repo,
        image_commit: &ObjectId,
        container: &str,
        root: &Path,
    ) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let file = root.join(RUN).join("saved-work");
        write_private(&file, list(&self.commits), 0o644)?;
        for (number, module) in self.submodules.iter().enumerate() {
            let directory = mountable_dir(&root.join(SUBMODULES))?.join(number.to_string());
            mountable_dir(&directory)?;
            let commits = named(&module.refs, container);
            write_private(&directory.join("work"), list(&commits), 0o644)?;
            let below = module.directory.as_os_str().as_encoded_bytes();
            write_private(&directory.join("directory"), below, 0o644)?;
            let has = repo.commit_of_submodule(image_commit, module)?;
            module
                .pack(has.as_ref(), &directory)
                .and_then(|()| open_to_all(&directory))
                .with_context(|| format!("cannot pack the work in {}", module.name()))?;
        }
        Ok(())
    }
}

/// Git makes files by the umask, and who is in a container may be another than we.
fn open_to_all(directory: &Path) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        std::fs::set_permissions(entry?.path(), Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// The branches that it has pushed, as they are now.
fn pushed(repo: &Repo, container: &str) -> Result<Vec<(ObjectId, String)>> {
    let below = format!("refs/heads/{container}/");
    let own = PushedBranches::by(&repo.common_dir, container).branches();
    let mut branches = values_of(&repo.common_dir, &[&below])?;
    branches.retain(|(name, _)| own.contains(name));
    let what = |(name, id): (String, ObjectId)| (id, name.replacen(&below, "pushed/", 1));
    Ok(branches.into_iter().map(what).collect())
}

/// By what each is; without what only tells of the container.
fn named(refs: &[(String, ObjectId)], container: &str) -> Vec<(ObjectId, String)> {
    let below = format!("{WORK}{container}/");
    let what = |(reference, id): &(String, ObjectId)| {
        let what = reference.strip_prefix(&below)?;
        (what != "info").then(|| (id.clone(), what.to_owned()))
    };
    refs.iter().filter_map(what).collect()
}

fn list(commits: &[(ObjectId, String)]) -> String {
    let lines = commits.iter().map(|(id, what)| format!("{id} {what}\n"));
    lines.collect()
}
