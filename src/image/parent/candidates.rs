//! What is known of each image of the repository as one that a create can be built on.

use anyhow::Result;

use super::choice::{ParentChoice, ParentQuery};
use super::cost::{self, Candidate, Reason};
use super::measure::{live_bytes, measure};
use crate::git::{Divergence, ObjectId, Repo};
use crate::image::model::Image;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::record::Record;
use crate::image::query::find_image::find_image;
use crate::image::query::record_chain::RecordChain;
use crate::image::query::records;
use crate::proc::parallel_map;

/// All images of the repository, the cheapest first; `full` is what a full clone costs (see [`cost::full`]).
pub(crate) fn candidates(
    query: ParentQuery,
    images: &[Image],
    full: u64,
) -> Result<Vec<Candidate>> {
    let repo = query.context.repo;
    let here = |image: &&Image| image.labels.repo_path == repo.path;
    let images: Vec<&Image> = images.iter().filter(here).collect();
    let Some(manifest) = query.manifest.filter(|_| !images.is_empty()) else {
        return Ok(Vec::new());
    };
    let all = records::all(repo, query.context.printer)?;
    let candidate = |image: &Image| Candidate {
        reason: incompatibility(manifest, image, &all),
        ..Candidate::of(image)
    };
    let mut found: Vec<Candidate> = images.into_iter().map(candidate).collect();
    add_divergences(query, &mut found, &all)?;
    cost::by_distance(&mut found);
    look_closely(query, &mut found)?;
    cost::by_cost(&mut found, full);
    Ok(found)
}

/// Why an image depends on something that a create of the target would not, if so.
fn incompatibility(
    manifest: &KeyManifest,
    image: &Image,
    all: &[(ObjectId, Record)],
) -> Option<Reason> {
    let Ok(chain) = RecordChain::among(all, image) else {
        return Some(Reason::NoRecord);
    };
    // One by the same key alone may be what somebody built on ours, which inherits the labels.
    if chain
        .records()
        .next()
        .is_none_or(|(_, record)| record.image != image.id)
    {
        return Some(Reason::NoRecord);
    }
    let manifests: Vec<&KeyManifest> = chain.records().map(|(_, r)| &r.manifest).collect();
    let Some(root) = manifests.last().filter(|_| chain.is_complete()) else {
        return Some(Reason::NoRoot);
    };
    let wanted = manifest.of_branch(root);
    let mut changes = root.incompatible_inputs(&wanted);
    // Each update ran its own.
    if manifests
        .iter()
        .any(|update| update.get("post_clone") != root.get("post_clone"))
    {
        changes.push(root.post_clone_change(&wanted));
    }
    let first = changes.first();
    let base_image = wanted.get("base_image");
    first.map(|change| Reason::Differs(change.sentence(base_image)))
}

/// Whether an image and all that it stands on were at commits of the target's history, so that there are
/// no objects of other branches in its layers. Where a record is missing nobody knows.
fn is_pure(
    repo: &Repo,
    image: &Image,
    target: &ObjectId,
    all: &[(ObjectId, Record)],
) -> Result<bool> {
    let mut commits = vec![image.labels.commit.clone()];
    let mut below = image.labels.parent.clone();
    while let Some(id) = &below {
        let found = all.iter().find(|(_, record)| record.image == *id);
        // More than there are records is a circle, which somebody made.
        let Some((commit, record)) = found.filter(|_| commits.len() <= all.len()) else {
            return Ok(false);
        };
        commits.push(commit.clone());
        below.clone_from(&record.parent);
    }
    let ancestor =
        |divergence: &Divergence| matches!(divergence, Divergence::Shared { behind: 0, .. });
    Ok(repo.divergences(&commits, target)?.iter().all(ancestor))
}

/// Whether an image that is what is wanted was also made as it is asked for.
pub(crate) fn is_asked(
    query: ParentQuery,
    images: &[Image],
    image: &Image,
    choice: ParentChoice,
) -> Result<bool> {
    let repo = query.context.repo;
    let parent = image.labels.parent.as_deref();
    match choice {
        ParentChoice::Nothing => Ok(parent.is_none()),
        ParentChoice::Image(name) => {
            let asked = &find_image(images, repo, name)?.id;
            Ok(image.id == *asked || parent == Some(asked))
        }
        ParentChoice::Cheapest if query.conf.siblings.value || parent.is_none() => Ok(true),
        ParentChoice::Cheapest => is_pure(
            repo,
            image,
            query.commit,
            &records::all(repo, query.context.printer)?,
        ),
    }
}

/// How the target lies to those that can be taken.
fn add_divergences(
    query: ParentQuery,
    found: &mut [Candidate],
    all: &[(ObjectId, Record)],
) -> Result<()> {
    let (repo, target, siblings) = (query.context.repo, query.commit, query.conf.siblings.value);
    let mut able: Vec<&mut Candidate> = found.iter_mut().filter(|c| c.reason.is_none()).collect();
    let commits: Vec<ObjectId> = able.iter().map(|c| c.image.labels.commit.clone()).collect();
    let divergences = repo.divergences(&commits, target)?;
    for (candidate, divergence) in able.iter_mut().zip(divergences) {
        candidate.divergence = Some(divergence);
        candidate.reason = match divergence {
            Divergence::Missing => Some(Reason::Missing),
            Divergence::Unrelated => Some(Reason::Unrelated),
            Divergence::Shared { behind, .. }
                if !siblings && (behind > 0 || !is_pure(repo, &candidate.image, target, all)?) =>
            {
                Some(Reason::Sibling)
            }
            Divergence::Shared { .. } => None,
        };
    }
    Ok(())
}

/// What takes longer to find out: of those that are left.
fn look_closely(query: ParentQuery, found: &mut [Candidate]) -> Result<()> {
    let (repo, target, conf) = (query.context.repo, query.commit, query.conf);
    let look = |candidate: &&mut Candidate| -> Result<(Option<u64>, u64, Option<Reason>)> {
        let commit = &candidate.image.labels.commit;
        let Some(bytes) = repo.bytes_between(&[commit], target)? else {
            return Ok((None, 0, Some(Reason::Unmeasured)));
        };
        let pair = [(commit.clone(), target.clone())];
        let changed = repo.changed(&pair, &conf.key_files.value)?.remove(0);
        let Ok(image) = measure(query.context, &candidate.image) else {
            return Ok((Some(bytes), 0, Some(Reason::Gone)));
        };
        let too_much = image.too_much(Some(conf.max_layers.value), || {
            live_bytes(repo, &image, target)
        })?;
        let key_files = u64::try_from(changed.len())?;
        Ok((Some(bytes), key_files, too_much.map(Reason::TooMuch)))
    };
    let mut able: Vec<&mut Candidate> = found.iter_mut().filter(|c| c.reason.is_none()).collect();
    let answers = parallel_map(&able, look)?;
    for (candidate, answer) in able.iter_mut().zip(answers) {
        (candidate.bytes, candidate.key_files, candidate.reason) = answer?;
    }
    Ok(())
}
