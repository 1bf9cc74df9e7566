//! The nearest image: what a create stands on instead of a full clone. Branches share nearly all their
//! history, so that little leads from an image of one to the next; [`cost`] says which is the cheapest.

pub mod cost;

use anyhow::{Context, Result, bail};

use self::cost::{Candidate, Reason};
use super::chain_limits::ChainStats;
use super::dockerfile::CloneOptions;
use super::explain::{self, RecordChain, find_image};
use super::labels::ImageKind;
use super::manifest::KeyManifest;
use super::plan::{self, BuildContext, BuildPlan, Reuse};
use super::record::Record;
use super::{Image, dockerfile, records};
use crate::error::Failure;
use crate::git::{Divergence, ObjectId, Repo};
use crate::proc::parallel_map;

/// What a create is to stand on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ParentChoice<'a> {
    /// What is cheapest; a full clone for one who insists on building.
    #[default]
    Cheapest,
    /// A full clone.
    Nothing,
    /// This image, by its name, its id or its branch.
    Image(&'a str),
}

impl<'a> ParentChoice<'a> {
    /// As it is typed.
    pub fn parse(typed: Option<&'a str>) -> Self {
        match typed {
            None => Self::Cheapest,
            Some("none") => Self::Nothing,
            Some(name) => Self::Image(name),
        }
    }
}

/// The plan of a full create, put on the nearest of these images if that is cheaper or asked for.
pub fn select_parent(
    context: BuildContext,
    plan: BuildPlan,
    images: &[Image],
    from: ParentChoice,
) -> Result<BuildPlan> {
    match from {
        ParentChoice::Nothing => Ok(plan),
        ParentChoice::Image(name) => on_asked(context, plan, images, name),
        ParentChoice::Cheapest if context.reuse != Reuse::Images => Ok(plan),
        ParentChoice::Cheapest => {
            let full = cost::full(context.repo.size()?);
            let candidates = candidates(context, &plan, images, full)?;
            match cost::cheapest(&candidates, full) {
                Some(best) => apply_parent(context, plan, best),
                None => Ok(BuildPlan {
                    why: candidates.first().map(why_not),
                    ..plan
                }),
            }
        }
    }
}

/// Why a full create is better than the first of the candidates.
fn why_not(first: &Candidate) -> String {
    let tag = &first.image.tag;
    match &first.reason {
        Some(reason) => format!("not on {tag}: {reason}"),
        None => format!("not on {tag}, which is no cheaper: {}", first.distance()),
    }
}

fn on_asked(
    context: BuildContext,
    plan: BuildPlan,
    images: &[Image],
    name: &str,
) -> Result<BuildPlan> {
    let image = find_image(images, context.repo, name)?;
    let hint = "git dkr explain --candidates lists the images that it can stand on";
    if image.labels.repo_path != context.repo.path {
        let path = context.repo.path.display();
        bail!(Failure::new(format!("{} is not of {path}", image.tag)).hint(hint));
    }
    if plan.manifest.is_none() {
        // The base image is fetched first.
        return Ok(plan);
    }
    let full = cost::full(context.repo.size()?);
    let found = candidates(context, &plan, std::slice::from_ref(image), full)?;
    let Some(found) = found.first() else {
        return Ok(plan);
    };
    let engine = measure(context, image)?.too_much(0, true, || Ok(0))?;
    let reason = found.reason.clone().filter(Reason::is_final);
    if let Some(reason) = reason.or(engine.map(Reason::TooMuch)) {
        let message = format!("a create cannot stand on {}: {reason}", image.tag);
        bail!(Failure::new(message).hint(hint));
    }
    apply_parent(context, plan, found)
}

/// The plan on this image.
fn apply_parent(context: BuildContext, plan: BuildPlan, best: &Candidate) -> Result<BuildPlan> {
    let parent = best.image.clone();
    let ca = context.host.ca_bundle.is_some();
    let text = dockerfile::update(&plan.conf, &plan.target, &parent.tag, ImageKind::Base, ca)?;
    Ok(BuildPlan {
        bottom: Some(measure(context, &parent)?.bottom()),
        dockerfile: text,
        why: Some(best.distance()),
        parent: Some(parent),
        tool_layers: None,
        ..plan
    })
}

/// What is known of an image's layers.
pub fn measure<'a>(context: BuildContext, image: &'a Image) -> Result<ChainStats<'a>> {
    let found = context.engine.inspect_one(&image.id)?;
    let measured = found.and_then(|found| ChainStats::of(&image.labels, &found));
    measured.with_context(|| format!("{} is gone", image.tag))
}

/// The bytes over its full clone that are objects which an image at `target` needs, too.
pub fn live_bytes(repo: &Repo, image: &ChainStats, target: &ObjectId) -> Result<u64> {
    let (bottom, commit) = (image.bottom().commit, &image.labels.commit);
    let needed = repo.bytes_between(&[&bottom], target)?.unwrap_or_default();
    let lacking = repo.bytes_between(&[&bottom, commit], target)?;
    Ok(needed.saturating_sub(lacking.unwrap_or(needed)))
}

/// What is known of each image of the repository as one to stand on, the cheapest first; `full` is what a
/// full create costs (see [`cost::full`]).
pub fn candidates(
    context: BuildContext,
    plan: &BuildPlan,
    images: &[Image],
    full: u64,
) -> Result<Vec<Candidate>> {
    let here = |image: &&Image| image.labels.repo_path == context.repo.path;
    let images: Vec<&Image> = images.iter().filter(here).collect();
    let Some(manifest) = plan.manifest.as_ref().filter(|_| !images.is_empty()) else {
        return Ok(Vec::new());
    };
    let all = records::all(context.repo)?;
    let shallow = context.repo.shallow_boundary()?;
    let clone = plan::clone(context, shallow.as_deref());
    let mut found = Vec::new();
    for image in images {
        found.push(Candidate {
            reason: incompatibility(context, plan, manifest, clone, image, &all)?,
            ..Candidate::of(image)
        });
    }
    add_leads(context, plan, &mut found, &all)?;
    cost::by_distance(&mut found);
    look_closely(context, plan, &mut found)?;
    cost::by_cost(&mut found, full);
    Ok(found)
}

/// What an image depends on that a create of the target would not come to.
fn incompatibility(
    context: BuildContext,
    plan: &BuildPlan,
    manifest: &KeyManifest,
    clone: CloneOptions,
    image: &Image,
    all: &[(ObjectId, Record)],
) -> Result<Option<Reason>> {
    let Ok(chain) = RecordChain::among(all, image) else {
        return Ok(Some(Reason::NoRecord));
    };
    // One by the same key alone may be what somebody built on ours, which inherits the labels.
    if chain
        .records()
        .next()
        .is_none_or(|(_, record)| record.image != image.id)
    {
        return Ok(Some(Reason::NoRecord));
    }
    let manifests: Vec<&KeyManifest> = chain.records().map(|(_, r)| &r.manifest).collect();
    let Some(root) = manifests.last().filter(|_| chain.is_complete()) else {
        return Ok(Some(Reason::NoRoot));
    };
    let has_ca = context.host.ca_bundle.is_some();
    let wanted = manifest.of_branch(&plan.conf, root, clone, has_ca)?;
    let mut changes = root.incompatible_inputs(&wanted);
    // Each update ran its own.
    if manifests
        .iter()
        .any(|update| update.get("post_clone") != root.get("post_clone"))
    {
        changes.push(root.post_clone_change(&wanted));
    }
    let said = changes
        .first()
        .map(|change| explain::sentence(change, &wanted));
    Ok(said.map(Reason::Differs))
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
    Ok(repo.leads(&commits, target)?.iter().all(ancestor))
}

/// Whether an image that is what is wanted was also made as it is asked for.
pub fn is_asked(
    context: BuildContext,
    plan: &BuildPlan,
    images: &[Image],
    image: &Image,
    from: ParentChoice,
) -> Result<bool> {
    let parent = image.labels.parent.as_deref();
    let asked = match from {
        ParentChoice::Nothing => parent.is_none(),
        ParentChoice::Image(name) => {
            let asked = &find_image(images, context.repo, name)?.id;
            image.id == *asked || parent == Some(asked)
        }
        ParentChoice::Cheapest => true,
    };
    if !asked || plan.conf.siblings.value || parent.is_none() || from != ParentChoice::Cheapest {
        return Ok(asked);
    }
    is_pure(
        context.repo,
        image,
        &plan.target.commit,
        &records::all(context.repo)?,
    )
}

/// How the target lies to those that can be taken.
fn add_leads(
    context: BuildContext,
    plan: &BuildPlan,
    found: &mut [Candidate],
    all: &[(ObjectId, Record)],
) -> Result<()> {
    let (target, siblings) = (&plan.target.commit, plan.conf.siblings.value);
    let mut able: Vec<&mut Candidate> = found.iter_mut().filter(|c| c.reason.is_none()).collect();
    let commits: Vec<ObjectId> = able.iter().map(|c| c.image.labels.commit.clone()).collect();
    let leads = context.repo.leads(&commits, target)?;
    for (candidate, divergence) in able.iter_mut().zip(leads) {
        candidate.divergence = Some(divergence);
        candidate.reason = match divergence {
            Divergence::Missing => Some(Reason::Missing),
            Divergence::Unrelated => Some(Reason::Unrelated),
            Divergence::Shared { behind, .. }
                if !siblings
                    && (behind > 0 || !is_pure(context.repo, &candidate.image, target, all)?) =>
            {
                Some(Reason::Sibling)
            }
            Divergence::Shared { .. } => None,
        };
    }
    Ok(())
}

/// What takes longer to find out: of those that are left.
fn look_closely(context: BuildContext, plan: &BuildPlan, found: &mut [Candidate]) -> Result<()> {
    let target = &plan.target.commit;
    let patterns = &plan.conf.key_files.value;
    let look = |candidate: &&mut Candidate| -> Result<(Option<u64>, u64, Option<Reason>)> {
        let commit = &candidate.image.labels.commit;
        let Some(bytes) = context.repo.bytes_between(&[commit], target)? else {
            return Ok((None, 0, Some(Reason::Unmeasured)));
        };
        let pair = [(commit.clone(), target.clone())];
        let changed = context.repo.changed(&pair, patterns)?.remove(0);
        let Ok(image) = measure(context, &candidate.image) else {
            return Ok((Some(bytes), 0, Some(Reason::Gone)));
        };
        let too_much = image.too_much(plan.conf.max_layers.value, false, || {
            live_bytes(context.repo, &image, target)
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
