//! Which images there are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::labels::{Labels, MARK};
use crate::engine::{Docker, Inspected, Listed};
use crate::{conf, fs, ui};

/// An image that git dkr built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The engine's id, `sha256:…`.
    pub id: String,
    /// Its name.
    pub tag: String,
    /// Bytes, all layers together.
    pub size: u64,
    /// How many layers it has.
    pub layers: usize,
    /// What its labels say.
    pub labels: Labels,
}

impl Image {
    /// From what the engine said, if the labels make sense.
    pub fn read(tag: String, inspected: Inspected) -> Result<Self, String> {
        Ok(Self {
            labels: Labels::parse(&inspected.labels)?,
            id: inspected.id,
            size: inspected.size,
            layers: inspected.layers,
            tag,
        })
    }

    /// Whether it is meant by what the user typed, which leads to `branch` if to anything.
    pub fn answers_to(&self, typed: &str, branch: Option<&str>) -> bool {
        let labels = &self.labels;
        labels.branch == typed
            || labels.branch_from == typed
            || branch.is_some_and(|branch| labels.branch == branch)
    }

    /// Whether it is of this repository and branch.
    pub fn is_of(&self, repo_path: &Path, branch: &str) -> bool {
        self.labels.repo_path == repo_path && self.labels.branch == branch
    }
}

/// All images of git dkr that have a name, newest first. Those whose labels make no sense are
/// left out with a warning.
pub fn all(docker: &Docker) -> Result<Vec<Image>> {
    let listed = docker.images(MARK)?;
    let known = known(docker, &listed)?;
    let mut images = Vec::new();
    for line in listed {
        // Gone since it was listed.
        let Some(inspected) = known.get(&line.id) else {
            continue;
        };
        match Image::read(line.name(), inspected.clone()) {
            Ok(image) => images.push(image),
            Err(reason) => ui::warn(format_args!("image {} is left out: {reason}", line.name())),
        }
    }
    images.sort_by_key(|image| std::cmp::Reverse(image.labels.created_at));
    Ok(images)
}

/// The newest image of a repository and branch.
pub fn newest_of<'a>(images: &'a [Image], repo_path: &Path, branch: &str) -> Option<&'a Image> {
    images.iter().find(|image| image.is_of(repo_path, branch))
}

/// What is known of the listed images, by id. An id is a digest of all that is asked for here,
/// so answers are kept in a file and only new images are inspected: docker takes a millisecond
/// for each.
fn known(docker: &Docker, listed: &[Listed]) -> Result<BTreeMap<String, Inspected>> {
    let file = cache_file();
    let mut known: BTreeMap<String, Inspected> = file
        .as_ref()
        .and_then(|file| std::fs::read(file).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let before = known.len();
    known.retain(|id, _| listed.iter().any(|line| line.id == *id));
    let mut new: Vec<String> = listed
        .iter()
        .map(|line| line.id.clone())
        .filter(|id| !known.contains_key(id))
        .collect();
    new.dedup();
    if new.is_empty() && known.len() == before {
        return Ok(known);
    }
    for inspected in docker.inspect(&new)? {
        known.insert(inspected.id.clone(), inspected);
    }
    if let (Some(file), Ok(bytes)) = (file, serde_json::to_vec(&known)) {
        // Without the file the next list takes longer, that is all.
        let _ = fs::write_whole(&file, &bytes);
    }
    Ok(known)
}

fn cache_file() -> Option<PathBuf> {
    Some(conf::cache_dir().ok()?.join("images.json"))
}
