//! The one corner of a repository that a container may push to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Result;

use super::push::Commands;
use crate::git::{ObjectId, Pushed, values_of};
use crate::proc::lock;

/// Branches below the container's name may be made, and moved forward by who made them: a container that has the
/// same name on another engine, or had it before, is another one.
#[derive(Debug, Clone)]
pub struct Receive {
    /// The git directory.
    pub git_dir: PathBuf,
    container: String,
    made: Arc<Mutex<BTreeSet<String>>>,
}

impl Receive {
    /// For a container of this name.
    pub fn new(git_dir: PathBuf, container: &str) -> Self {
        Self {
            git_dir,
            container: container.to_owned(),
            made: Arc::default(),
        }
    }

    /// The report that refuses a push, or `None` when it may go on.
    pub(super) fn refuse(&self, commands: &Commands) -> Option<Vec<u8>> {
        commands.refuse(&self.container, &lock(&self.made))
    }

    /// Notes which branches are about to be made, for whoever starts a container of this name later.
    pub(super) fn announce(&self, made: &[(String, ObjectId)]) -> Result<()> {
        Pushed::by(&self.git_dir, &self.container).add(made.iter().map(|(name, _)| name.as_str()))
    }

    /// Notes which of them were made.
    pub(super) fn note(&self, made: Vec<(String, ObjectId)>) -> Result<()> {
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        let values = values_of(&self.git_dir, &names)?;
        let made = made.into_iter().filter(|pair| values.contains(pair));
        lock(&self.made).extend(made.map(|(name, _)| name));
        Ok(())
    }
}
