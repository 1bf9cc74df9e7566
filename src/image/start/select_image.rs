//! Which image to start.

use std::path::Path;

use anyhow::{Context, Result};

use crate::conf::{self, Conf, Sources};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::image::model::staleness::Staleness;
use crate::image::query::inventory::Inventory;
use crate::image::query::target::{self, FetchMode};
use crate::image::query::tracking::{Tracking, are_of, track};
use crate::image::settings::sources;
use crate::image::start::fallback_image::{FallbackImage, nearest};
use crate::image::{Image, Target};
use crate::proc::join;
use crate::ui::Printer;

/// An image and the facts that go with it.
#[derive(Debug)]
pub(crate) struct SelectedImage {
    pub image: Image,
    pub repo: Repo,
    /// Settings above `.dkr.conf`.
    pub sources: Sources,
    /// Settings at the image's commit.
    pub conf: Conf,
    /// Where its branch is now.
    pub tracking: Tracking,
    /// What the container is taken to, when the image was made of something else.
    pub switch_to: Option<Target>,
}

/// What the user named, as far as git knows it.
struct NamedTarget {
    repo: Repo,
    sources: Sources,
    /// What BRANCH_FROM leads to: an image may be left of a branch that is gone.
    target: Option<Result<Target>>,
}

/// Flags that make settings of containers: the setting, its value, and the flag as it is typed.
pub(crate) type ContainerFlags = [(&'static str, String, &'static str)];

fn settings(repo: &Repo, flags: &ContainerFlags) -> Result<Sources> {
    let sources = sources(Some(repo))?;
    Ok(flags.iter().fold(sources, |sources, (name, value, flag)| {
        sources.with_container_flag(name, value.clone(), flag)
    }))
}

/// The newest image of what was named; without names, that of the repository one stands in. Outside
/// of any repository it is the newest of all, and it says which.
pub(crate) fn select(
    engine: &Engine,
    path: Option<&Path>,
    typed: Option<&str>,
    flags: &ContainerFlags,
    printer: Printer,
) -> Result<SelectedImage> {
    // The engine takes longer to answer than git.
    let (inventory, named) = join(|| Inventory::list(engine), || named(path, typed, flags))?;
    let inventory = inventory?;
    let Some(NamedTarget {
        repo,
        sources,
        target,
    }) = named?
    else {
        inventory.warn(engine, None, printer);
        return newest_of_all(inventory.images, flags, printer);
    };
    inventory.warn(engine, Some(&repo.path), printer);
    let images = inventory.images.iter();
    let here: Vec<&Image> = images
        .filter(|image| image.labels.repo_path == repo.path)
        .collect();
    let found = match (typed, &target) {
        (Some(_), Some(Ok(target))) => made_of(&repo, &here, target)?,
        // A branch that is gone may still have an image.
        (Some(typed), _) => here.iter().find(|image| image.answers_to(typed, None)),
        (None, _) => here.first(),
    };
    if let Some(image) = found.copied().cloned() {
        if path.is_none() && typed.is_none() {
            printer.status("start", &format!("{}, the newest image here", image.tag));
        }
        return SelectedImage::of(image, repo, sources, printer);
    }
    match target {
        Some(Err(error)) => return Err(error),
        Some(Ok(target)) => {
            // One of the same branch that follows another ref is the one that is meant.
            let same = here
                .iter()
                .filter(|image| image.labels.branch == target.branch);
            let same: Vec<&Image> = same.copied().collect();
            let images = if same.is_empty() { here } else { same };
            if let Some(fallback) = nearest(&repo, &images, &target)? {
                return SelectedImage::of_fallback(fallback, repo, sources, target, printer);
            }
        }
        // There may be nothing to make one of.
        None => drop(target::resolve(&repo, None, FetchMode::No)?),
    }
    let what = typed.unwrap_or("this repository");
    let command = match (path, typed) {
        (None, None) => "git dkr create-image".to_owned(),
        _ => format!(
            "git dkr create-image {}",
            repo.as_typed(typed.unwrap_or("HEAD"))
        ),
    };
    Err(Failure::new(format!("there is no image of {what} yet"))
        .hint(command)
        .into())
}

/// The newest of these images that was made of this target.
fn made_of<'a, 'b>(
    repo: &Repo,
    images: &'a [&'b Image],
    target: &Target,
) -> Result<Option<&'a &'b Image>> {
    let subjects: Vec<_> = images.iter().map(|image| image.labels.subject()).collect();
    let fits = are_of(repo, &subjects, target)?;
    let found = images.iter().zip(fits).find(|(_, fits)| *fits);
    Ok(found.map(|(image, _)| image))
}

/// What was named, or the repository one stands in, if any.
fn named(
    path: Option<&Path>,
    typed: Option<&str>,
    flags: &ContainerFlags,
) -> Result<Option<NamedTarget>> {
    let repo = match (path, typed) {
        (None, None) => match Repo::here()? {
            Some(repo) => repo,
            None => return Ok(None),
        },
        _ => Repo::look(path)?,
    };
    Ok(Some(NamedTarget {
        sources: settings(&repo, flags)?,
        target: typed.map(|typed| target::resolve(&repo, Some(typed), FetchMode::No)),
        repo,
    }))
}

fn newest_of_all(
    images: Vec<Image>,
    flags: &ContainerFlags,
    printer: Printer,
) -> Result<SelectedImage> {
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
    printer.status("start", &format!("{}, the newest image of all", image.tag));
    let sources = settings(&repo, flags)?;
    SelectedImage::of(image, repo, sources, printer)
}

impl SelectedImage {
    /// Gathers what belongs to an image.
    pub(crate) fn of(image: Image, repo: Repo, sources: Sources, printer: Printer) -> Result<Self> {
        let (tracking, text) = join(
            || track(&repo, &[image.labels.subject()], printer),
            // The commit of an old image may be gone from the repository, and its settings too.
            || repo.file_at(&image.labels.commit, conf::FILE),
        )?;
        Ok(Self {
            conf: Conf::read(text?.as_deref(), &sources)?,
            tracking: tracking?
                .pop()
                .context("the branch of the image is unknown")?,
            image,
            repo,
            sources,
            switch_to: None,
        })
    }

    /// The nearest image to something that has none of its own: the container is taken there, and
    /// nothing is built.
    fn of_fallback(
        fallback: FallbackImage,
        repo: Repo,
        sources: Sources,
        target: Target,
        printer: Printer,
    ) -> Result<Self> {
        let typed = &target.branch_from;
        let command = fallback.command(&repo.as_typed(typed), &target);
        printer.warn(fallback.announcement(&target));
        if let Some(remark) = fallback.remark(typed) {
            printer.warn(remark);
        }
        printer.status("hint", &format!("{command} makes an image of {typed}"));
        let settings = repo.file_at(&target.commit, conf::FILE)?;
        Ok(Self {
            conf: Conf::read(settings.as_deref(), &sources)?,
            tracking: Tracking {
                reference: target.reference.clone(),
                tip: Some(target.commit.clone()),
                staleness: Staleness::Fresh,
            },
            image: fallback.candidate.image,
            repo,
            sources,
            switch_to: Some(target),
        })
    }
}
