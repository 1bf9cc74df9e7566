//! How stale what one has is: the images of a repository, and on request its records.

use std::path::PathBuf;

use anyhow::Result;
use jiff::Timestamp;

use crate::git::{ObjectId, Repo};
use crate::image::model::TrackedImage;
use crate::image::model::staleness::Staleness;
use crate::image::query::records;
use crate::image::query::tracking::{are_of, track};
use crate::image::{Image, Target};
use crate::ui::Printer;

/// An image, by what is known of it, and how it lies to its branch.
#[derive(Debug, Clone)]
pub(crate) struct ImageStatus {
    pub image: String,
    /// Its name; of one that is not here, when it was built.
    pub tag: String,
    /// The branch of its clone.
    pub branch: String,
    /// What the user typed when it was built.
    pub branch_from: String,
    /// What it is compared with, when that is not the ref that it follows.
    pub compared_with: Option<String>,
    /// The commit it stands at.
    pub commit: ObjectId,
    /// When it was built.
    pub created_at: Timestamp,
    /// Whether it is of a tag or a commit.
    pub stays: bool,
    pub location: ImageLocation,
    /// How it lies to its branch.
    pub staleness: Staleness,
}

/// Where an image is that this repository has a record of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImageLocation {
    Here,
    /// On this machine, too, but built of another clone or worktree, at this path.
    OfAnother(PathBuf),
    /// Removed, or on the machine that built it.
    Elsewhere,
}

impl ImageStatus {
    fn of_image(image: &Image) -> Self {
        let labels = &image.labels;
        Self {
            image: image.id.clone(),
            tag: image.tag.clone(),
            branch: labels.branch.clone(),
            branch_from: labels.branch_from.clone(),
            compared_with: None,
            commit: labels.commit.clone(),
            created_at: labels.created_at,
            stays: labels.stays,
            location: ImageLocation::Here,
            staleness: Staleness::Unknown,
        }
    }

    fn subject(&self) -> TrackedImage<'_> {
        TrackedImage {
            commit: &self.commit,
            branch: &self.branch,
            branch_from: self.compared_with(),
            stays: self.stays && self.compared_with.is_none(),
        }
    }

    /// What its state is about, as the user typed it now or when it was built.
    pub(crate) fn compared_with(&self) -> &str {
        self.compared_with.as_ref().unwrap_or(&self.branch_from)
    }
}

/// The findings on the repository's images among these of the engine, and with `all` on every record
/// besides, as far as `wanted`; the newest first. Those of the target's branch are compared with the target,
/// whatever they follow.
pub(crate) fn report(
    repo: &Repo,
    images: &[Image],
    all: bool,
    target: Option<&Target>,
    wanted: impl Fn(TrackedImage) -> bool,
    printer: Printer,
) -> Result<Vec<ImageStatus>> {
    let mut findings: Vec<ImageStatus> = images
        .iter()
        .filter(|image| image.labels.repo_path == repo.path)
        .map(ImageStatus::of_image)
        .collect();
    if all {
        for (commit, record) in records::all(repo, printer)? {
            if !findings.iter().any(|finding| finding.image == record.image) {
                let there = images.iter().find(|image| image.id == record.image);
                findings.push(ImageStatus {
                    location: there.map_or(ImageLocation::Elsewhere, |image| {
                        ImageLocation::OfAnother(image.labels.repo_path.clone())
                    }),
                    image: record.image,
                    stays: record.manifest.get("ref").is_none(),
                    tag: record.tag,
                    branch: record.branch,
                    branch_from: record.branch_from,
                    compared_with: None,
                    commit,
                    created_at: record.created_at,
                    staleness: Staleness::Unknown,
                });
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.created_at));
    }
    findings.retain(|finding| wanted(finding.subject()));
    if let Some(target) = target.filter(|target| target.reference.is_some()) {
        let subjects: Vec<TrackedImage> = findings.iter().map(ImageStatus::subject).collect();
        let same = are_of(repo, &subjects, target)?;
        for (finding, same) in findings.iter_mut().zip(same) {
            if !same && finding.branch == target.branch {
                finding.compared_with = Some(target.branch_from.clone());
            }
        }
    }
    let subjects: Vec<TrackedImage> = findings.iter().map(ImageStatus::subject).collect();
    let states = track(repo, &subjects, printer)?;
    for (finding, state) in findings.iter_mut().zip(states) {
        finding.staleness = state.staleness;
    }
    Ok(findings)
}
