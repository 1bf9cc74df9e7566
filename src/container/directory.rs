//! What this machine keeps of a container while there is one: `dkr/containers/<name>` in the git directory.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fs::{Lock, write_private};
use crate::git::{self, Repo};

/// All of these directories, in ours.
const ALL: &str = "containers";
/// What is mounted in it for its connection.
pub(crate) const RUN: &str = "run";
/// In it, tells the entrypoint to save what there is.
const SAVE_ONLY: &str = "save-only";
/// How the container is connected.
const SETTINGS: &str = "connection.json";
/// Held by the process that keeps the container connected.
const LOCK: &str = "lock";
/// Which other containers' work its own conflicts with.
const CONFLICTS: &str = "conflicts";
/// How long a start may take until the container is there.
const STARTING: Duration = Duration::from_secs(60);
/// Why its work could not be saved when it ended.
const KEPT: &str = "kept";

/// The directory of one container. Nobody else can read it.
#[derive(Debug, Clone)]
pub(crate) struct ContainerDirectory {
    path: PathBuf,
    common_dir: PathBuf,
}

impl ContainerDirectory {
    /// Of the container of this name, whether or not there is one.
    pub(crate) fn of(repo: &Repo, container: &str) -> Self {
        Self {
            path: repo.own_dir().join(ALL).join(container),
            common_dir: repo.common_dir.clone(),
        }
    }

    /// The names of all containers that have one.
    pub(super) fn names(repo: &Repo) -> Vec<String> {
        let entries = std::fs::read_dir(repo.own_dir().join(ALL));
        let names = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Whether it was made a moment ago, and its container may not be there yet.
    pub(super) fn is_young(&self) -> bool {
        let made = self.path.metadata().and_then(|found| found.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < STARTING))
    }

    /// Makes it anew, with how the container is connected.
    pub(crate) fn make(&self, repo: &Repo, settings: &impl Serialize) -> Result<()> {
        self.remove();
        let make = || {
            std::fs::create_dir_all(&self.path)?;
            std::fs::set_permissions(&self.path, Permissions::from_mode(0o700))
        };
        make().with_context(|| format!("cannot make {}", self.path.display()))?;
        // All but what is in it is as git would have it.
        repo.set_owner_and_mode(&repo.own_dir().join(ALL));
        self.write(settings)
    }

    /// Writes down how the container is connected.
    pub(super) fn write(&self, settings: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(settings)?;
        let (file, new) = (self.path.join(SETTINGS), self.path.join("connection.new"));
        write_private(&new, text, 0o600)?;
        std::fs::rename(new, &file).with_context(|| format!("cannot write {}", file.display()))?;
        git::give_back(&self.common_dir);
        Ok(())
    }

    /// Where the files are that the container gets mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the process in the background writes what goes wrong.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// How the container is connected; `None` when nothing is known of it here.
    pub(super) fn settings<T: DeserializeOwned>(&self) -> Option<T> {
        let text = crate::fs::read(self.path.join(SETTINGS)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Takes the lock of who keeps the container connected; `None` while somebody does.
    pub(crate) fn lock(&self) -> Result<Option<Lock>> {
        Lock::try_take(&self.path.join(LOCK))
    }

    /// Whether somebody keeps the container connected.
    pub(crate) fn is_held(&self) -> bool {
        self.path.join(LOCK).exists() && matches!(self.lock(), Ok(None))
    }

    /// Notes that the container is started once more, to save its work and do nothing else; the entrypoint
    /// finds it among the mounted files.
    pub(super) fn set_saves_only(&self) -> Result<()> {
        write_private(&self.path.join(RUN).join(SAVE_ONLY), "", 0o644)
    }

    /// Whether it was.
    pub(crate) fn saves_only(&self) -> bool {
        self.path.join(RUN).join(SAVE_ONLY).exists()
    }

    /// Notes which other containers' work its own conflicts with.
    pub(super) fn set_conflicts(&self, names: &[&str]) -> Result<()> {
        write_private(&self.path.join(CONFLICTS), names.join("\n"), 0o600)
    }

    /// Which they were when it was last saved.
    pub(super) fn conflicts(&self) -> Vec<String> {
        let text = crate::fs::read_text(self.path.join(CONFLICTS)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Notes that the container is kept, and why.
    pub(crate) fn set_kept(&self, why: &str) -> Result<()> {
        write_private(&self.path.join(KEPT), why, 0o600)
    }

    /// Forgets it: it is tried again.
    pub(super) fn clear_kept(&self) {
        let _ = std::fs::remove_file(self.path.join(KEPT));
    }

    /// Why the container is kept.
    pub(crate) fn kept(&self) -> Option<String> {
        crate::fs::read_text(self.path.join(KEPT)).ok()
    }

    /// Removes it. What is left does not matter: it is made anew for the next container of the name.
    pub(crate) fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
