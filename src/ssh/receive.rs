//! The one corner of a repository that a container may push to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Result;

use super::push::PushCommands;
use crate::git::{LfsStore, ObjectId, PushedBranches, Repo, module_dir, saved_work, values_of};
use crate::proc::lock;

/// Branches below the container's name may be made, and moved forward by who made them: a container that has
/// the same name on another engine, or had it before, is another one.
#[derive(Debug, Clone)]
pub struct ReceivePolicy {
    /// The git directory.
    pub git_dir: PathBuf,
    container: String,
    /// The git directories that may have those of submodules below them.
    homes: Vec<PathBuf>,
    /// Where contents of git-lfs go.
    pub(super) lfs: LfsStore,
    /// Full names of refs, each with the git directory that it is in.
    made: Arc<Mutex<BTreeSet<(PathBuf, String)>>>,
}

impl ReceivePolicy {
    /// For a container of this name. What such a one has pushed is its own when it `goes_on` with that work.
    pub fn new(repo: &Repo, container: &str, goes_on: bool) -> Result<Self> {
        let pushed = match goes_on {
            true => PushedBranches::by(&repo.common_dir, container).branches(),
            false => BTreeSet::new(),
        };
        let made = pushed
            .into_iter()
            .map(|name| (repo.common_dir.clone(), name))
            .collect();
        Ok(Self {
            git_dir: repo.common_dir.clone(),
            container: container.to_owned(),
            homes: vec![repo.git_dir.clone(), repo.common_dir.clone()],
            lfs: repo.lfs_store()?,
            made: Arc::new(Mutex::new(made)),
        })
    }

    /// The same corner of the host's copy of a submodule, if there is one.
    pub(super) fn of_module(&self, directory: &str) -> Option<Self> {
        let git_dir = module_dir(&self.homes, directory)?;
        Some(Self {
            git_dir,
            ..self.clone()
        })
    }

    /// The report that refuses a push, or `None` when it may go on.
    pub(super) fn refuse(&self, commands: &PushCommands) -> Option<Vec<u8>> {
        let made = lock(&self.made);
        commands.refuse(&self.container, |name| {
            made.contains(&(self.git_dir.clone(), name.to_owned()))
        })
    }

    /// The report that refuses to save, or `None` when it may go on.
    pub(super) fn refuse_save(&self, commands: &PushCommands) -> Option<Vec<u8>> {
        commands.refuse_save(&self.container)
    }

    /// What git does not show: saved work of other containers.
    pub(super) fn hidden(&self) -> [String; 2] {
        [
            format!("receive.hideRefs={}", saved_work::OURS),
            format!("receive.hideRefs=!{}", saved_work::of(&self.container)),
        ]
    }

    /// Notes which branches are about to be made, for whoever starts a container of this name later.
    pub(super) fn announce(&self, made: &[(String, ObjectId)]) -> Result<()> {
        if !self.homes.contains(&self.git_dir) {
            return Ok(());
        }
        PushedBranches::by(&self.git_dir, &self.container)
            .add(made.iter().map(|(name, _)| name.as_str()))
    }

    /// Notes which of them were made.
    pub(super) fn note(&self, made: Vec<(String, ObjectId)>) -> Result<()> {
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        let values = values_of(&self.git_dir, &names)?;
        let made = made.into_iter().filter(|pair| values.contains(pair));
        lock(&self.made).extend(made.map(|(name, _)| (self.git_dir.clone(), name)));
        Ok(())
    }
}
