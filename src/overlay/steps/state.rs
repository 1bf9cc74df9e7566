//! What steps change for those after them, and what they see of this machine.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::super::containerfile::{Containerfile, StepAction};
use super::super::environment::Environment;
use crate::conf;
use crate::error::Failure;
use crate::grammar::Word;

/// What carries over from step to step, and from one `Containerfile` to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// What `ENV` has set.
    pub environment: Environment,
    /// Where `WORKDIR` has gone, as the root sees it.
    pub workdir: PathBuf,
    /// What `SNAPSHOT` has named in this `Containerfile`, as the root sees it.
    pub snapshot: Vec<PathBuf>,
}

impl Default for StepState {
    fn default() -> Self {
        Self {
            environment: Environment::default(),
            workdir: PathBuf::from("/"),
            snapshot: Vec::new(),
        }
    }
}

impl StepState {
    /// What it is after these steps have been restored instead of run.
    pub fn pass(&mut self, containerfile: &Containerfile) -> Result<()> {
        for step in &containerfile.steps {
            self.apply(&step.action)
                .with_context(|| step.text.clone())?;
        }
        self.snapshot.clear();
        Ok(())
    }

    /// What one step changes of it.
    pub(super) fn apply(&mut self, action: &StepAction) -> Result<()> {
        match action {
            StepAction::Env(pairs) => self.environment.set(pairs).map_err(Failure::new)?,
            StepAction::Workdir(directory) => {
                let directory = self.expand(directory)?;
                self.workdir = self.path(&directory)?;
            }
            StepAction::Snapshot(paths) => {
                for path in paths {
                    let path = self.expand(path)?;
                    let path = self.path(&path)?;
                    self.snapshot.push(path);
                }
            }
            StepAction::Run(_) | StepAction::Fetch(_) => {}
        }
        Ok(())
    }

    pub(super) fn expand(&self, word: &Word) -> Result<String> {
        let value = self.environment.expand(word, &machine);
        value.map_err(|message| Failure::new(message).into())
    }

    /// A path as a step writes it: it stands on the directory that we are in. `..` is taken away.
    pub(super) fn path(&self, text: &str) -> Result<PathBuf> {
        if text.is_empty() || text.contains('\0') {
            bail!(Failure::new(format!("`{text}` is not a path")));
        }
        let mut path = PathBuf::from("/");
        for part in self.workdir.join(text).components() {
            match part {
                std::path::Component::ParentDir => {
                    path.pop();
                }
                std::path::Component::Normal(name) => path.push(name),
                _ => {}
            }
        }
        Ok(path)
    }
}

/// What is not for the steps: tokens of ours, as one could end in the snapshot, and what git tells
/// those that it calls.
pub(super) const HIDDEN: [&str; 6] = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXEC_PATH",
    "GIT_PREFIX",
];

/// A variable of this machine, as the steps see it.
pub(crate) fn machine(name: &str) -> Option<String> {
    if HIDDEN.contains(&name) {
        return None;
    }
    let value = conf::variable(name)?;
    match conf::variable("GIT_EXEC_PATH") {
        // Git puts its own programs before all others for those that it calls.
        Some(git) if name == "PATH" => {
            let own = value.split(':').filter(|directory| *directory != git);
            Some(own.collect::<Vec<_>>().join(":"))
        }
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_state_after_steps_that_were_restored() {
        let text = "ENV A=/a\nWORKDIR srv\nWORKDIR ../$A/../b\nSNAPSHOT x ../y\nRUN false\n";
        let read = Containerfile::parse("Containerfile", text.as_bytes()).unwrap();
        let mut state = StepState::default();
        state.pass(&read).unwrap();
        assert_eq!(state.workdir, Path::new("/b"));
        assert!(state.snapshot.is_empty());
        state.apply(&read.steps[3].action).unwrap();
        assert_eq!(state.snapshot, [Path::new("/b/x"), Path::new("/y")]);
    }
}
