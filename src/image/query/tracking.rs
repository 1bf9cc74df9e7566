//! Where the branch of an image is now.

use std::path::PathBuf;

use anyhow::Result;

use crate::conf::{self, Conf, Sources};
use crate::git::{Distance, History, ObjectId, Repo};
use crate::image::model::branch_from::{self, BranchFrom};
use crate::image::model::staleness::Staleness;
use crate::image::model::{Image, Target, TrackedImage};
use crate::image::settings::sources;
use crate::proc::join;
use crate::ui::Printer;

/// How many images it takes for two threads to be quicker than one.
const MANY: usize = 8;

/// An image and its branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tracking {
    /// The ref that the image follows; `None` for a tag or a commit.
    pub reference: Option<String>,
    /// Where that ref is now.
    pub tip: Option<ObjectId>,
    /// How the image lies to it.
    pub staleness: Staleness,
}

/// The ref that an image speaks of, if it is of a branch.
fn reference(subject: TrackedImage, remotes: &[String]) -> String {
    let branch = subject.branch;
    match branch_from::parse(subject.branch_from, remotes) {
        BranchFrom::Remote { remote, branch } => format!("refs/remotes/{remote}/{branch}"),
        BranchFrom::Local(name) if name != branch && name != format!("refs/heads/{branch}") => {
            // It was a branch of a remote that is no more.
            format!("refs/remotes/{}", subject.branch_from)
        }
        _ => format!("refs/heads/{branch}"),
    }
}

/// The refs that images of one repository follow.
pub(crate) fn references(repo: &Repo, subjects: &[TrackedImage]) -> Result<Vec<String>> {
    // Without a slash there is no remote in it.
    let remotes = if subjects.iter().any(|s| s.branch_from.contains('/')) {
        repo.remotes()?
    } else {
        Vec::new()
    };
    Ok(subjects
        .iter()
        .map(|subject| reference(*subject, &remotes))
        .collect())
}

/// Which images of one repository are of this target: they follow its ref, or stay at its commit when
/// it has none.
pub(crate) fn are_of(repo: &Repo, subjects: &[TrackedImage], target: &Target) -> Result<Vec<bool>> {
    let references = references(repo, subjects)?;
    let tips = repo.commits(&references)?;
    let all = subjects.iter().zip(references).zip(tips);
    Ok(all
        .map(|((subject, reference), tip)| {
            let same = match &target.reference {
                Some(wanted) => !subject.stays && reference == *wanted,
                None => (subject.stays || tip.is_none()) && *subject.commit == target.commit,
            };
            same && subject.branch == target.branch
        })
        .collect())
}

/// Looks up the branches of several images of one repository: one question to git for the refs,
/// then the distances, then one or two for the key files where there is a distance.
pub(crate) fn track(
    repo: &Repo,
    subjects: &[TrackedImage],
    printer: Printer,
) -> Result<Vec<Tracking>> {
    let references = references(repo, subjects)?;
    let tips = repo.commits(&references)?;
    let commits: Vec<&ObjectId> = subjects.iter().map(|subject| subject.commit).collect();
    let states = compare(repo, &commits, &tips, printer)?;
    let all = subjects.iter().zip(references).zip(tips).zip(states);
    all.map(|(((subject, reference), tip), staleness)| {
        Ok(if tip.is_none() || subject.stays {
            Tracking {
                reference: None,
                tip: None,
                staleness: Staleness::of(without_branch(repo, *subject)?, Vec::new()),
            }
        } else {
            Tracking {
                reference: Some(reference),
                tip,
                staleness,
            }
        })
    })
    .collect()
}

/// How commits lie to the tips of their refs, `None` where a ref is gone.
pub(crate) fn compare(
    repo: &Repo,
    commits: &[&ObjectId],
    tips: &[Option<ObjectId>],
    printer: Printer,
) -> Result<Vec<Staleness>> {
    let differs =
        |commit: &ObjectId, tip: &Option<ObjectId>| tip.as_ref().is_some_and(|t| t != commit);
    let pairs: Vec<(ObjectId, ObjectId)> = commits
        .iter()
        .zip(tips)
        .filter(|(commit, tip)| differs(commit, tip))
        .filter_map(|(commit, tip)| Some(((*commit).clone(), tip.clone()?)))
        .collect();
    let changed = || changed_key_files(repo, &pairs);
    let distances = || distances(repo, commits, tips);
    let (changed, distances) = if pairs.len() < MANY {
        (changed(), distances())
    } else {
        join(changed, distances)?
    };
    let mut changed = changed
        .unwrap_or_else(|error| {
            printer.warn(format_args!(
                "cannot tell which key files changed: {error:#}"
            ));
            Vec::new()
        })
        .into_iter();
    let all = commits.iter().zip(tips).zip(distances?);
    Ok(all
        .map(|((commit, tip), distance)| {
            let files = if differs(commit, tip) {
                changed.next()
            } else {
                None
            };
            Staleness::of(distance, files.unwrap_or_default())
        })
        .collect())
}

fn distances(
    repo: &Repo,
    commits: &[&ObjectId],
    tips: &[Option<ObjectId>],
) -> Result<Vec<Option<Distance>>> {
    let history = History::open(repo);
    let distance = |(commit, tip): (&&ObjectId, &Option<ObjectId>)| {
        let tip = tip.as_ref();
        tip.map(|tip| history.distance(commit, tip)).transpose()
    };
    let distances = commits.iter().zip(tips).map(distance).collect();
    history.remember();
    distances
}

/// Which key files differ between each image's commit and its tip. Which files are key is what the
/// settings at the image's commit say. A commit that is not here has none.
fn changed_key_files(repo: &Repo, pairs: &[(ObjectId, ObjectId)]) -> Result<Vec<Vec<String>>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let olds: Vec<ObjectId> = pairs.iter().map(|(old, _)| old.clone()).collect();
    let sources = sources(Some(repo))?;
    let patterns: Vec<Vec<String>> = repo
        .files_at(&olds, conf::FILE)?
        .iter()
        .map(|text| patterns(text.as_deref(), &sources))
        .collect();
    let mut changed = vec![Vec::new(); pairs.len()];
    // One question for all images with the same patterns, which most have.
    let mut kinds: Vec<&Vec<String>> = patterns.iter().collect();
    kinds.sort();
    kinds.dedup();
    for kind in kinds {
        let (places, some): (Vec<usize>, Vec<_>) = pairs
            .iter()
            .enumerate()
            .filter(|(place, _)| patterns[*place] == *kind)
            .map(|(place, pair)| (place, pair.clone()))
            .unzip();
        for (place, files) in places.into_iter().zip(repo.changed(&some, kind)?) {
            changed[place] = files;
        }
    }
    Ok(changed)
}

/// Settings with problems were told of when somebody built with them.
fn patterns(text: Option<&str>, sources: &Sources) -> Vec<String> {
    match Conf::read(text, sources) {
        Ok(conf) => conf.key_file_patterns(),
        Err(_) => vec![conf::FILE.to_owned()],
    }
}

/// Of an image whose branch is not there: it may stand at a commit or a tag.
fn without_branch(repo: &Repo, subject: TrackedImage) -> Result<Option<Distance>> {
    if subject.branch == subject.commit.as_str() {
        return Ok(Some(Distance::Behind(0)));
    }
    let tag = format!("refs/tags/{}", subject.branch);
    Ok(match repo.commits(&[tag])?.remove(0) {
        Some(tagged) if tagged == *subject.commit => Some(Distance::Behind(0)),
        Some(_) => Some(Distance::Diverged),
        None => None,
    })
}

/// The same for images of any repositories; those whose repository is not here are unknown. `also` is
/// done with each repository.
pub(crate) fn track_all(
    images: &[Image],
    also: impl Fn(&Repo),
    printer: Printer,
) -> Vec<Staleness> {
    let mut states = vec![Staleness::Unknown; images.len()];
    let mut paths: Vec<&PathBuf> = images.iter().map(|image| &image.labels.repo_path).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        let here = |image: &Image| image.labels.repo_path == *path;
        let Ok(repo) = Repo::look(Some(path)) else {
            continue;
        };
        also(&repo);
        let some: Vec<TrackedImage> = images
            .iter()
            .filter(|image| here(image))
            .map(|image| image.labels.subject())
            .collect();
        let mut found = match track(&repo, &some, printer) {
            Ok(found) => found.into_iter(),
            Err(error) => {
                let path = path.display();
                printer.warn(format_args!(
                    "cannot read the branches of {path}: {error:#}"
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

    fn follows(branch: &str, branch_from: &str) -> String {
        let subject = TrackedImage {
            commit: &ObjectId::parse(&"3f".repeat(20)).unwrap(),
            branch,
            branch_from,
            stays: false,
        };
        reference(subject, &["origin".to_owned()])
    }

    #[test]
    fn an_image_follows_the_ref_it_was_built_from() {
        assert_eq!(follows("main", "main"), "refs/heads/main");
        assert_eq!(follows("main", "refs/heads/main"), "refs/heads/main");
        let nested = "refs/heads/refs/heads/main";
        assert_eq!(follows("refs/heads/main", nested), nested);
        assert_eq!(follows("main", "origin/main"), "refs/remotes/origin/main");
        // The remote `space` was removed.
        assert_eq!(follows("main", "space/main"), "refs/remotes/space/main");
    }
}
