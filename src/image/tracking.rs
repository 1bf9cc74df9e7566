//! Where the branch of an image is now.

use std::path::PathBuf;

use anyhow::Result;

use super::branch_from::{self, BranchFrom};
use super::{Image, Labels, staleness::Staleness};
use crate::git::{Distance, History, ObjectId, Repo};
use crate::ui;

/// An image and its branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// The ref that the image follows; `None` for a tag or a commit.
    pub reference: Option<String>,
    /// Where that ref is now.
    pub tip: Option<ObjectId>,
    /// How the image lies to it.
    pub staleness: Staleness,
}

/// The ref that an image's labels speak of, if it is of a branch.
fn reference(labels: &Labels, remotes: &[String]) -> String {
    let branch = &labels.branch;
    match branch_from::parse(&labels.branch_from, remotes) {
        BranchFrom::Remote { remote, branch } => format!("refs/remotes/{remote}/{branch}"),
        BranchFrom::Local(name) if name.trim_start_matches("refs/heads/") != branch => {
            // It was a branch of a remote that is no more.
            format!("refs/remotes/{}", labels.branch_from)
        }
        _ => format!("refs/heads/{branch}"),
    }
}

/// Looks up the branches of several images of one repository: one question to git for the refs,
/// then the distances.
pub fn track(repo: &Repo, images: &[&Image]) -> Result<Vec<Tracking>> {
    // Without a slash there is no remote in it.
    let remotes = if images
        .iter()
        .any(|image| image.labels.branch_from.contains('/'))
    {
        repo.remotes()?
    } else {
        Vec::new()
    };
    let references: Vec<String> = images
        .iter()
        .map(|image| reference(&image.labels, &remotes))
        .collect();
    let tips = repo.commits(&references)?;
    let history = History::open(repo);
    let look = |((image, reference), tip): ((&&Image, String), Option<ObjectId>)| {
        let commit = &image.labels.commit;
        let Some(tip) = tip else {
            return Ok(Tracking {
                reference: None,
                tip: None,
                staleness: without_branch(repo, &image.labels)?,
            });
        };
        let distance = history.distance(commit, &tip)?;
        Ok(Tracking {
            reference: Some(reference),
            tip: Some(tip),
            staleness: Staleness::of(Some(distance)),
        })
    };
    images.iter().zip(references).zip(tips).map(look).collect()
}

/// Of an image whose branch is not there: it may stand at a commit or a tag.
fn without_branch(repo: &Repo, labels: &Labels) -> Result<Staleness> {
    if labels.branch == labels.commit.as_str() {
        return Ok(Staleness::Fresh);
    }
    let tag = format!("refs/tags/{}", labels.branch);
    Ok(Staleness::of(match repo.commits(&[tag])?.remove(0) {
        Some(tagged) if tagged == labels.commit => Some(Distance::Behind(0)),
        Some(_) => Some(Distance::Diverged),
        None => None,
    }))
}

/// The same for images of any repositories; those whose repository is not here are unknown.
pub fn track_all(images: &[Image]) -> Vec<Staleness> {
    let mut states = vec![Staleness::Unknown; images.len()];
    let mut paths: Vec<&PathBuf> = images.iter().map(|image| &image.labels.repo_path).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        let here = |image: &Image| image.labels.repo_path == *path;
        let Ok(repo) = Repo::find(Some(path)) else {
            continue;
        };
        let some: Vec<&Image> = images.iter().filter(|image| here(image)).collect();
        let mut found = match track(&repo, &some) {
            Ok(found) => found.into_iter(),
            Err(error) => {
                let path = path.display();
                ui::warn(format_args!(
                    "{path} cannot be asked for its branches: {error:#}"
                ));
                continue;
            }
        };
        for (state, image) in states.iter_mut().zip(images) {
            if here(image) {
                *state = found.next().map_or(Staleness::Unknown, |t| t.staleness);
            }
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::labels::Kind;

    fn follows(branch: &str, branch_from: &str) -> String {
        let labels = Labels {
            repo_path: "/x".into(),
            repo_name: "x".into(),
            branch: branch.into(),
            branch_from: branch_from.into(),
            commit: ObjectId::parse(&"3f".repeat(20)).unwrap(),
            created_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            kind: Kind::Base,
            parent: None,
        };
        reference(&labels, &["origin".to_owned()])
    }

    #[test]
    fn an_image_follows_the_ref_it_was_built_from() {
        assert_eq!(follows("main", "main"), "refs/heads/main");
        assert_eq!(follows("main", "refs/heads/main"), "refs/heads/main");
        assert_eq!(follows("main", "origin/main"), "refs/remotes/origin/main");
        // The remote `space` was removed.
        assert_eq!(follows("main", "space/main"), "refs/remotes/space/main");
    }
}
