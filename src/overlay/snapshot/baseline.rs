//! A root before anything is changed in it.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::exclusions::Exclusions;
use super::manifest::{EntryKind, Name, SnapshotManifest, Time};
use super::scan::{TICK, mark, now, walk};
use crate::fs::write_whole;
use crate::proc::lock;

/// Where it is kept while a build is under way, in our directory.
const UNFINISHED: &str = "unfinished.json";

/// A name, and what differs when something was changed.
pub(super) type Marked = (Box<[u8]>, u64);

/// What was there.
#[derive(Debug)]
pub struct Baseline {
    /// When its scan began; what is older was there.
    pub(super) began: Time,
    /// Directories, and what is in each, by name.
    pub(super) directories: HashMap<PathBuf, Vec<Marked>>,
    /// What an earlier run has removed.
    pub(super) gone: Vec<Name>,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedBaseline {
    began: Time,
    #[serde(rename = "folders")]
    directories: Vec<(Name, Vec<(Name, u64)>)>,
}

impl Baseline {
    /// Takes in all that is below the root. Whatever changes after this returns is noticed.
    pub fn scan(root: &Path, left_out: &Exclusions) -> Result<Self> {
        let began = now();
        let directories = Mutex::new(HashMap::new());
        walk(
            root,
            Path::new(""),
            &|path| left_out.at(path).is_some(),
            &|directory, children| {
                let path = root.join(&directory);
                let mut marks: Vec<Marked> = children
                    .iter()
                    .map(|(name, meta)| (name.as_bytes().into(), mark(&path.join(name), meta)))
                    .collect();
                marks.sort();
                lock(&directories).insert(directory, marks);
            },
        )?;
        std::thread::sleep(TICK);
        Ok(Self {
            began,
            directories: directories
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
            gone: Vec::new(),
        })
    }

    /// The root before a build: as it is now, or as it was before one that did not come to its end,
    /// which may have done half of what this one is to do. Kept in our directory until
    /// [`ended`](Self::ended). Gives also whether it is of an earlier build.
    pub fn build(root: &Path, left_out: &Exclusions, state: &Path) -> Result<(Self, bool)> {
        if let Some(before) = Self::load(state) {
            return Ok((before, true));
        }
        let before = Self::scan(root, left_out)?;
        before.save(state)?;
        Ok((before, false))
    }

    /// The build whose root this was has come to its end.
    pub fn ended(state: &Path) -> Result<()> {
        let path = state.join(UNFINISHED);
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    fn save(&self, state: &Path) -> Result<()> {
        let name = |(name, mark): &Marked| (Name::from(name.to_vec()), *mark);
        let directory = |(path, marks): (&PathBuf, &Vec<Marked>)| {
            (Name::from(path.clone()), marks.iter().map(name).collect())
        };
        let saved = SavedBaseline {
            began: self.began,
            directories: self.directories.iter().map(directory).collect(),
        };
        let json = serde_json::to_vec(&saved).context("cannot write what there was")?;
        write_whole(&state.join(UNFINISHED), &json)
    }

    /// One that nobody can read is as good as none.
    fn load(state: &Path) -> Option<Self> {
        let json = crate::fs::read(state.join(UNFINISHED)).ok()?;
        let saved: SavedBaseline = serde_json::from_slice(&json).ok()?;
        let marked = |(name, mark): (Name, u64)| (name.bytes().into(), mark);
        let directory = |(path, marks): (Name, Vec<(Name, u64)>)| {
            let mut marks: Vec<Marked> = marks.into_iter().map(marked).collect();
            marks.sort();
            (path.path().to_owned(), marks)
        };
        Some(Self {
            began: saved.began,
            directories: saved.directories.into_iter().map(directory).collect(),
            gone: Vec::new(),
        })
    }

    /// Takes what snapshots hold and removed for changes still to come: an earlier run has made them
    /// here, and the steps of this one may find nothing left to do.
    pub fn forget(&mut self, snapshots: &[SnapshotManifest]) {
        for manifest in snapshots {
            let own = manifest.entries.iter();
            for entry in own.filter(|entry| entry.kind != EntryKind::Parent) {
                let path = entry.path.path();
                let directory = path.parent().unwrap_or(Path::new(""));
                let name = path.file_name().unwrap_or_default().as_bytes();
                if let Some(marks) = self.directories.get_mut(directory) {
                    marks.retain(|(known, _)| **known != *name);
                }
            }
            self.gone.extend(manifest.removed.iter().cloned());
        }
    }
}
