//! Where the branch of an image is now.

use std::path::PathBuf;

use anyhow::Result;

use super::branch_from::{self, BranchFrom};
use super::{Image, Labels, staleness::Staleness};
use crate::git::{Distance, History, ObjectId, Repo};

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

/// The ref that an image's labels speak of, and the tag that it may be instead.
fn candidates(labels: &Labels, remotes: &[String]) -> [String; 2] {
    let branch = &labels.branch;
    let reference = match branch_from::parse(&labels.branch_from, remotes) {
        BranchFrom::Remote { remote, branch } => format!("refs/remotes/{remote}/{branch}"),
        BranchFrom::Local(name) if name.trim_start_matches("refs/heads/") != branch => {
            // It was a branch of a remote that is no more.
            format!("refs/remotes/{}", labels.branch_from)
        }
        _ => format!("refs/heads/{branch}"),
    };
    [reference, format!("refs/tags/{branch}")]
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
    let refs: Vec<[String; 2]> = images
        .iter()
        .map(|image| candidates(&image.labels, &remotes))
        .collect();
    let tips = repo.commits(refs.as_flattened())?;
    let history = History::open(repo);
    images
        .iter()
        .zip(refs)
        .zip(tips.chunks(2))
        .map(|((image, [reference, _]), tips)| {
            let commit = &image.labels.commit;
            let fixed = |staleness| Tracking {
                reference: None,
                tip: None,
                staleness,
            };
            if image.labels.branch == commit.as_str() {
                return Ok(fixed(Staleness::Fresh));
            }
            match tips {
                [Some(tip), _] => Ok(Tracking {
                    reference: Some(reference),
                    tip: Some(tip.clone()),
                    staleness: Staleness::of(Some(history.distance(commit, tip)?)),
                }),
                [None, Some(tagged)] if tagged == commit => Ok(fixed(Staleness::Fresh)),
                [None, Some(_)] => Ok(fixed(Staleness::of(Some(Distance::Diverged)))),
                _ => Ok(fixed(Staleness::of(None))),
            }
        })
        .collect()
}

/// The same for images of any repositories; those whose repository is not here are unknown.
pub fn track_all(images: &[Image]) -> Result<Vec<Staleness>> {
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
        let mut found = track(&repo, &some)?.into_iter();
        for (state, image) in states.iter_mut().zip(images) {
            if here(image) {
                *state = found.next().map_or(Staleness::Unknown, |t| t.staleness);
            }
        }
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::labels::Kind;

    fn reference(branch: &str, branch_from: &str) -> String {
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
        let [reference, _] = candidates(&labels, &["origin".to_owned()]);
        reference
    }

    #[test]
    fn an_image_follows_the_ref_it_was_built_from() {
        assert_eq!(reference("main", "main"), "refs/heads/main");
        assert_eq!(reference("main", "refs/heads/main"), "refs/heads/main");
        assert_eq!(reference("main", "origin/main"), "refs/remotes/origin/main");
        // The remote `space` was removed.
        assert_eq!(reference("main", "space/main"), "refs/remotes/space/main");
    }
}
