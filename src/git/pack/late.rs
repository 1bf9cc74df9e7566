//! The reachability bitmap of a pack, which takes longer to make than the pack itself: made while others
//! are busy with what they have.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

use super::send::Part;
use super::{Files, part};
use crate::git::{ObjectId, Repo, command, run};
use crate::proc::{Stop, lock};

/// Makes the bitmap of the only pack in a folder, and holds it until it is sent.
#[derive(Debug, Clone)]
pub struct Bitmap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The bare repository with the pack.
    git_dir: PathBuf,
    commit: ObjectId,
    format: String,
    stop: Stop,
    made: Mutex<Vec<Part>>,
}

impl Bitmap {
    pub(super) fn of(repo: &Repo, commit: &ObjectId, git_dir: &Path, stop: &Stop) -> Self {
        Self(Arc::new(Inner {
            git_dir: git_dir.to_owned(),
            commit: commit.clone(),
            format: repo.object_format.clone(),
            stop: stop.clone(),
            made: Mutex::default(),
        }))
    }

    /// Makes it, or fails when it is not wanted any more. The folder of the pack must still be there.
    pub fn make(&self) -> Result<()> {
        let Inner { git_dir, stop, .. } = &*self.0;
        // A pack that is made already gets one in no other way. Refs need not lead to the commit.
        let commits = git_dir.join("bitmap-commits");
        std::fs::write(&commits, format!("{}\n", self.0.commit))
            .with_context(|| format!("cannot write {}", commits.display()))?;
        let cmd = command(git_dir)
            .args(["multi-pack-index", "write", "--bitmap", "--no-progress"])
            .arg(format!("--refs-snapshot={}", commits.display()));
        run("multi-pack-index", &cmd.nice().until(stop))?;
        let mut files = Files::of(&[git_dir.join("objects")]).open()?;
        files.retain(|(name, ..)| name.starts_with("pack/multi-pack-index"));
        let parts = files.into_iter().map(|open| part(open, &self.0.format));
        *lock(&self.0.made) = parts.collect::<Result<Vec<_>>>()?;
        Ok(())
    }

    /// What there is of it: all or nothing. Ends what makes it.
    pub(super) fn take(&self) -> Vec<Part> {
        self.0.stop.ask();
        std::mem::take(&mut lock(&self.0.made))
    }
}
