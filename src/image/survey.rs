//! How stale what one has is: the images of a repository, and on request its records.

use anyhow::Result;
use jiff::Timestamp;

use super::staleness::Staleness;
use super::tracking::{Subject, track};
use super::{Image, records};
use crate::git::{ObjectId, Repo};

/// An image, by what is known of it, and how it lies to its branch.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The engine's id.
    pub image: String,
    /// Its name; of one that is not here, when it was built.
    pub tag: String,
    /// The branch of its clone.
    pub branch: String,
    /// What the user typed.
    pub branch_from: String,
    /// The commit it stands at.
    pub commit: ObjectId,
    /// When it was built.
    pub created_at: Timestamp,
    /// Whether it is of a tag or a commit.
    pub stays: bool,
    /// Whether the engine has it; another machine may have built it.
    pub here: bool,
    /// How it lies to its branch.
    pub staleness: Staleness,
}

impl Finding {
    fn of_image(image: &Image) -> Self {
        let labels = &image.labels;
        Self {
            image: image.id.clone(),
            tag: image.tag.clone(),
            branch: labels.branch.clone(),
            branch_from: labels.branch_from.clone(),
            commit: labels.commit.clone(),
            created_at: labels.created_at,
            stays: labels.stays,
            here: true,
            staleness: Staleness::Unknown,
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            commit: &self.commit,
            branch: &self.branch,
            branch_from: &self.branch_from,
            stays: self.stays,
        }
    }
}

/// The findings on these images of the repository, and with `all` on every record besides, as far
/// as `wanted`; the newest first.
pub fn survey(
    repo: &Repo,
    images: &[&Image],
    all: bool,
    wanted: impl Fn(Subject) -> bool,
) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = images
        .iter()
        .map(|image| Finding::of_image(image))
        .collect();
    if all {
        for (commit, record) in records::all(repo)? {
            if !findings.iter().any(|finding| finding.image == record.image) {
                findings.push(Finding {
                    image: record.image,
                    stays: record.manifest.get("ref").is_none(),
                    tag: record.tag,
                    branch: record.branch,
                    branch_from: record.branch_from,
                    commit,
                    created_at: record.created_at,
                    here: false,
                    staleness: Staleness::Unknown,
                });
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.created_at));
    }
    findings.retain(|finding| wanted(finding.subject()));
    let subjects: Vec<Subject> = findings.iter().map(Finding::subject).collect();
    let states = track(repo, &subjects)?;
    for (finding, state) in findings.iter_mut().zip(states) {
        finding.staleness = state.staleness;
    }
    Ok(findings)
}
