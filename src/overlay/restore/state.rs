//! Our own directory: the lock, the stage of a running restore, and what was applied.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::on_disk::{is_missing, look};
use crate::error::Failure;
use crate::fs::{self, Lock};
use crate::overlay::snapshot::attributes;
use crate::overlay::snapshot::manifest::{Name, SnapshotManifest, Time};
use crate::overlay::snapshot::scan::{TICK, now};
use crate::ui::Printer;

/// What is to be removed with the stage, when it is not in it.
const BESIDE: &str = "beside.json";
/// Its presence says that all is staged, and that places are being changed.
const JOURNAL: &str = "journal.json";
const MANIFEST: &str = "manifest.json";

/// The directory, which one process has at a time.
#[derive(Debug)]
pub(super) struct StateDirectory {
    directory: PathBuf,
    _lock: Lock,
}

/// What was found of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// It had changed nothing yet; what it left was removed.
    Undone,
    /// It was completed: the key of its snapshot, and what the user should know.
    Completed(String, Vec<String>),
}

impl StateDirectory {
    /// Makes the directory where it is missing.
    pub(super) fn make(directory: &Path) -> Result<()> {
        make(directory).with_context(|| format!("cannot make {}", directory.display()))
    }

    /// Waits for its turn; makes the directory where it is missing.
    pub(super) fn open(directory: &Path, printer: Printer) -> Result<Self> {
        Self::make(directory)?;
        let lock = Lock::acquire(
            &directory.join("lock"),
            "another run that changes the same root",
            printer,
        )?;
        Ok(Self {
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Where content is staged.
    pub(super) fn stage(&self) -> PathBuf {
        self.directory.join("stage")
    }

    /// Begins a restore: an empty stage.
    pub(super) fn begin(&self) -> Result<RestoreStage> {
        let path = self.stage();
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(RestoreStage {
            path,
            beside: Vec::new(),
            is_committed: false,
        })
    }

    /// Ends what a killed run began: completes it, or removes what it left.
    pub(super) fn mend(&self, root: &Path) -> Result<Option<Recovered>> {
        let stage = self.stage();
        if look(&stage)?.is_none() {
            return Ok(None);
        }
        if let Some(journal) = read::<Journal>(&stage.join(JOURNAL))? {
            let remarks = self.complete(root, &journal)?;
            return Ok(Some(Recovered::Completed(journal.key, remarks)));
        }
        let beside = read::<Vec<BesideFile>>(&stage.join(BESIDE))?.unwrap_or_default();
        discard(&stage, &beside)?;
        Ok(Some(Recovered::Undone))
    }

    /// Puts what is staged into its places, and remembers it.
    fn complete(&self, root: &Path, journal: &Journal) -> Result<Vec<String>> {
        let stage = self.stage();
        let remarks = journal.carry_out(root).map_err(|error| {
            Failure::new(format!("{error:#}")).hint(format!(
                "fix that, and run it again to go on; or give up what was begun: rm -r {}",
                stage.display()
            ))
        })?;
        let manifest = stage.join(MANIFEST);
        if look(&manifest)?.is_some() {
            let applied = self.applied_path(&journal.key);
            let remember = || -> std::io::Result<()> {
                attributes::set_mtime(&manifest, now())?;
                std::fs::create_dir_all(self.directory.join("applied"))?;
                std::fs::rename(&manifest, applied)
            };
            remember().context("cannot record what was restored")?;
        }
        // Without it, the rest is a stage to be thrown away.
        std::fs::remove_file(stage.join(JOURNAL)).context("cannot end the journal")?;
        discard(&stage, &[])?;
        // What changes after this has a later time than the one that was remembered.
        std::thread::sleep(TICK);
        Ok(remarks)
    }

    fn applied_path(&self, key: &str) -> PathBuf {
        self.directory.join("applied").join(format!("{key}.json"))
    }

    /// When the snapshot of a key was applied here last, and its manifest.
    pub(super) fn applied(&self, key: &str) -> Result<Option<(Time, SnapshotManifest)>> {
        let path = self.applied_path(key);
        let Some(meta) = look(&path)? else {
            return Ok(None);
        };
        let json =
            crate::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // One of another version is as good as none.
        Ok(SnapshotManifest::parse(&json)
            .ok()
            .map(|manifest| (attributes::mtime(&meta), manifest)))
    }

    /// What was applied here, but for what has one of these keys.
    pub(super) fn applied_others(&self, keys: &[String]) -> Result<Vec<SnapshotManifest>> {
        let directory = self.directory.join("applied");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(key) = name.strip_suffix(".json") else {
                continue;
            };
            if !keys.iter().any(|other| other == key) {
                found.extend(self.applied(key)?.map(|(_, manifest)| manifest));
            }
        }
        found.sort_by(|one, other| one.about.key.cmp(&other.about.key));
        Ok(found)
    }

    /// Remembers that the root is now as a manifest says.
    pub(super) fn record(&self, manifest: &SnapshotManifest) -> Result<()> {
        let json = manifest.to_json().context("cannot write a manifest")?;
        fs::write_whole(&self.applied_path(&manifest.about.key), &json)?;
        std::thread::sleep(TICK);
        Ok(())
    }
}

/// Makes the directory and those above it, and leaves the time of the one that it is made in: it is
/// no part of what is restored.
fn make(directory: &Path) -> std::io::Result<()> {
    let Some(above) = directory.ancestors().skip(1).find(|above| above.is_dir()) else {
        return std::fs::create_dir_all(directory);
    };
    if !directory.is_dir() {
        let time = attributes::mtime(&above.metadata()?);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        attributes::set_mtime(above, time)?;
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match crate::fs::read(path) {
        Err(error) if is_missing(&error) => Ok(None),
        bytes => {
            let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
            let hint = "remove its directory to forget what a killed run began";
            serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                Failure::new(format!("{} is malformed: {error}", path.display()))
                    .hint(hint)
                    .into()
            })
        }
    }
}

fn discard(stage: &Path, beside: &[BesideFile]) -> Result<()> {
    for BesideFile(path, time) in beside {
        let path = path.path();
        let Some(meta) = look(path)? else { continue };
        let remove = || match meta.is_dir() {
            true => std::fs::remove_dir_all(path),
            false => std::fs::remove_file(path),
        };
        remove()
            .and_then(|()| attributes::set_mtime(path.parent().unwrap_or(path), *time))
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    std::fs::remove_dir_all(stage).with_context(|| format!("cannot remove {}", stage.display()))
}

/// What is made outside of the stage, and the time of the directory that it is made in.
#[derive(Debug, Serialize, Deserialize)]
struct BesideFile(Name, Time);

/// The stage of a restore, removed when dropped unless it was committed.
#[derive(Debug)]
pub(super) struct RestoreStage {
    path: PathBuf,
    beside: Vec<BesideFile>,
    is_committed: bool,
}

impl RestoreStage {
    /// Keeps the manifest, and the list of what is made elsewhere, before it is made.
    pub(super) fn note(&mut self, json: &[u8], journal: &Journal) -> Result<()> {
        fs::write_whole(&self.path.join(MANIFEST), json)?;
        for place in journal.places.iter().filter(|place| place.is_beside) {
            let directory = place.staged.path().parent().unwrap_or(Path::new("/"));
            let time = attributes::mtime(&directory.symlink_metadata()?);
            self.beside.push(BesideFile(place.staged.clone(), time));
        }
        if !self.beside.is_empty() {
            let list = serde_json::to_vec(&self.beside).context("cannot write a list")?;
            fs::write_whole(&self.path.join(BESIDE), &list)?;
        }
        Ok(())
    }

    /// From here on it is completed, by us or by who comes after.
    pub(super) fn commit(
        mut self,
        state: &StateDirectory,
        root: &Path,
        journal: &Journal,
    ) -> Result<Vec<String>> {
        let text = serde_json::to_vec(journal).context("cannot write the journal")?;
        fs::write_whole(&self.path.join(JOURNAL), &text)?;
        self.is_committed = true;
        state.complete(root, journal)
    }
}

impl Drop for RestoreStage {
    fn drop(&mut self) {
        if !self.is_committed {
            // The next run tries again.
            let _ = discard(&self.path, &self.beside);
        }
    }
}
