//! Which image to start for what has none: the nearest of the repository, from which git leads to
//! the commit without a build.

use std::fmt;

use anyhow::Result;

use crate::conf;
use crate::git::{Divergence, ObjectId, Repo};
use crate::image::parent::cost::Candidate;
use crate::image::{Image, Target};
use crate::proc::parallel_map;

/// How many images are asked for their bytes, which takes longer than for their commits.
const CLOSEST: usize = 6;

/// An image to start for something else.
#[derive(Debug, Clone)]
pub(super) struct FallbackImage {
    /// The image, and what leads from it.
    pub candidate: Candidate,
    /// Whether it was built by the same settings file.
    same_settings: bool,
}

impl FallbackImage {
    /// The closer the smaller: tools that are missing are the longest way.
    fn distance(&self) -> (bool, bool, u64, u64) {
        let commits = match self.candidate.divergence {
            Some(Divergence::Shared { ahead, behind }) => Some(ahead + behind),
            _ => None,
        };
        (
            !self.same_settings,
            commits.is_none(),
            self.candidate.bytes.unwrap_or(u64::MAX),
            commits.unwrap_or(u64::MAX),
        )
    }

    /// Which image is started for what else, and how far that is.
    pub(super) fn announcement(&self, target: &Target) -> String {
        let Image { tag, labels, .. } = &self.candidate.image;
        let typed = &target.branch_from;
        if labels.branch != target.branch {
            return format!(
                "there is no image of {typed}; the nearest, {tag}, is updated to it: {self}"
            );
        }
        let why = if labels.stays {
            format!("was made of another {}", labels.branch_from)
        } else {
            format!("follows {}", labels.branch_from)
        };
        format!("{tag} {why}, and is updated to {typed}: {self}")
    }

    /// The command that makes an image of the target, for a repository and branch as one would type
    /// them.
    pub(super) fn command(&self, place: &str, target: &Target) -> String {
        let command = match self.candidate.image.labels.branch == target.branch {
            true => "update-image",
            false => "create-image",
        };
        format!("git dkr {command} {place}")
    }

    /// What may be missing in it, if anything.
    pub(super) fn remark(&self, typed: &str) -> Option<String> {
        let (file, tag) = (conf::FILE, &self.candidate.image.tag);
        (!self.same_settings)
            .then(|| format!("{tag} was built by another {file} than that of {typed}"))
    }
}

impl fmt::Display for FallbackImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.candidate.divergence {
            Some(Divergence::Shared { .. }) => f.write_str(&self.candidate.distance()),
            _ => f.write_str("another line of history"),
        }
    }
}

/// The nearest of these images of the repository, which come newest first; `None` when there is none.
pub(super) fn nearest(
    repo: &Repo,
    images: &[&Image],
    target: &Target,
) -> Result<Option<FallbackImage>> {
    let at: Vec<ObjectId> = images
        .iter()
        .map(|image| image.labels.commit.clone())
        .collect();
    let leads = repo.divergences(&at, &target.commit)?;
    let pair = |commit: &ObjectId| (commit.clone(), target.commit.clone());
    let pairs: Vec<_> = at.iter().map(pair).collect();
    let changed = repo.changed(&pairs, &[conf::FILE.to_owned()])?;
    let mut all: Vec<FallbackImage> = images
        .iter()
        .zip(leads)
        .zip(&changed)
        .map(|((image, divergence), changed)| FallbackImage {
            candidate: Candidate {
                divergence: Some(divergence),
                ..Candidate::of(image)
            },
            same_settings: divergence != Divergence::Missing && changed.is_empty(),
        })
        .collect();
    all.sort_by_key(FallbackImage::distance);
    all.truncate(CLOSEST);
    let bytes = |fallback: &FallbackImage| match fallback.candidate.divergence {
        Some(Divergence::Shared { .. }) => {
            repo.bytes_between(&[&fallback.candidate.image.labels.commit], &target.commit)
        }
        _ => Ok(None),
    };
    let asked = parallel_map(&all, bytes)?;
    for (fallback, bytes) in all.iter_mut().zip(asked) {
        fallback.candidate.bytes = bytes?;
    }
    all.sort_by_key(FallbackImage::distance);
    Ok(all.into_iter().next())
}
