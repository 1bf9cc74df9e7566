//! Which image to start.

use std::path::Path;

use anyhow::{Context, Result};

use super::elsewhere::{Near, nearest};
use super::settings::sources;
use super::staleness::Staleness;
use super::target::{self, Fetch};
use super::tracking::{Tracking, track};
use super::{Image, Target, find};
use crate::conf::{self, Conf, Sources};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::proc::at_once;
use crate::ui;

/// An image and the facts that go with it.
#[derive(Debug)]
pub struct Choice {
    /// The image.
    pub image: Image,
    /// Its repository.
    pub repo: Repo,
    /// Settings above `.dkr.conf`.
    pub sources: Sources,
    /// Settings at the image's commit.
    pub conf: Conf,
    /// Where its branch is now.
    pub tracking: Tracking,
    /// What the container is taken to, when the image was made of something else.
    pub elsewhere: Option<Target>,
}

/// What the user named, as far as git knows it.
struct Named {
    repo: Repo,
    sources: Sources,
    /// What BRANCH_FROM leads to: an image may be left of a branch that is gone.
    target: Option<Result<Target>>,
}

/// The newest image of what was named; without names, that of the repository one stands in, else
/// the newest of all, and it says which.
pub fn choose(engine: &Engine, path: Option<&Path>, typed: Option<&str>) -> Result<Choice> {
    // The engine takes longer to answer than git.
    let (images, named) = at_once(|| find::all(engine), || named(path, typed))?;
    let images = images?;
    let anything = path.is_none() && typed.is_none();
    let Some(Named {
        repo,
        sources,
        target,
    }) = named?
    else {
        return newest_of_all(images);
    };
    let branch = target.as_ref().and_then(|target| target.as_ref().ok());
    let branch = branch.map(|target| target.branch.as_str());
    let here = images.iter().filter(|i| i.labels.repo_path == repo.path);
    let here: Vec<&Image> = here.collect();
    let found = match typed {
        Some(typed) => here.iter().find(|image| image.answers_to(typed, branch)),
        None => here.first(),
    };
    if let Some(image) = found.copied().cloned() {
        if anything {
            ui::status("start", &format!("{}, the newest image here", image.tag));
        }
        return Choice::of(image, repo, sources);
    }
    if anything {
        return newest_of_all(images);
    }
    match target {
        Some(Err(error)) => return Err(error),
        Some(Ok(target)) => {
            if let Some(near) = nearest(&repo, &here, &target)? {
                return Choice::elsewhere(near, repo, sources, target);
            }
        }
        // There may be nothing to make one of.
        None => drop(target::resolve(&repo, None, Fetch::No)?),
    }
    let what = typed.unwrap_or("this repository");
    Err(Failure::new(format!("there is no image of {what} yet"))
        .hint(format!(
            "git dkr create-image {}",
            repo.as_typed(typed.unwrap_or("HEAD"))
        ))
        .into())
}

/// What was named, or the repository one stands in, if any.
fn named(path: Option<&Path>, typed: Option<&str>) -> Result<Option<Named>> {
    let repo = match Repo::look(path) {
        Ok(repo) => repo,
        Err(_) if path.is_none() && typed.is_none() => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Named {
        sources: sources(Some(&repo))?,
        target: typed.map(|typed| target::resolve(&repo, Some(typed), Fetch::No)),
        repo,
    }))
}

fn newest_of_all(images: Vec<Image>) -> Result<Choice> {
    let image = images.into_iter().next().ok_or_else(|| {
        Failure::new("there is no image yet").hint("git dkr create-image makes one")
    })?;
    let path = &image.labels.repo_path;
    let repo = Repo::find(Some(path)).map_err(|_| {
        let path = path.display();
        Failure::new(format!(
            "{} was built from {path}, which holds no repository now",
            image.tag
        ))
        .hint("git dkr list-images shows what there is")
    })?;
    ui::status("start", &format!("{}, the newest image of all", image.tag));
    let sources = sources(Some(&repo))?;
    Choice::of(image, repo, sources)
}

impl Choice {
    /// Gathers what belongs to an image.
    pub fn of(image: Image, repo: Repo, sources: Sources) -> Result<Self> {
        let (tracking, text) = at_once(
            || track(&repo, &[image.labels.subject()]),
            // The commit of an old image may be gone from the repository, and its settings too.
            || repo.file_at(&image.labels.commit, conf::FILE),
        )?;
        Ok(Self {
            conf: Conf::read(text?.as_deref(), &sources)?,
            tracking: tracking?
                .pop()
                .context("nothing is known of the image's branch")?,
            image,
            repo,
            sources,
            elsewhere: None,
        })
    }

    /// The nearest image to something that has none: the container is taken there, and nothing is
    /// built.
    fn elsewhere(near: Near, repo: Repo, sources: Sources, target: Target) -> Result<Self> {
        let typed = &target.branch_from;
        let command = format!("git dkr create-image {}", repo.as_typed(typed));
        let text = format!(
            "{}, the nearest to {typed}: {near}",
            near.candidate.image.tag
        );
        ui::status("start", &text);
        if let Some(remark) = near.remark(typed) {
            ui::warn(remark);
        }
        ui::status("hint", &format!("{command} bakes an image of {typed}"));
        let settings = repo.file_at(&target.commit, conf::FILE)?;
        Ok(Self {
            conf: Conf::read(settings.as_deref(), &sources)?,
            tracking: Tracking {
                reference: target.reference.clone(),
                tip: Some(target.commit.clone()),
                staleness: Staleness::Fresh,
            },
            image: near.candidate.image,
            repo,
            sources,
            elsewhere: Some(target),
        })
    }
}
