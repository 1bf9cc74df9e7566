//! Selecting the image that a create is built on.

use anyhow::{Result, bail};

use super::candidates::candidates;
use super::choice::{FullCloneReason, NearestImage, ParentChoice, ParentQuery, SelectedParent};
use super::cost::{self, Candidate, Reason};
use super::measure::measure;
use crate::error::Failure;
use crate::image::context::BuildContext;
use crate::image::model::Image;
use crate::image::query::find_image::find_image;

/// The nearest of these images if that is cheaper than a full clone, or the one that was asked for.
pub(crate) fn select(
    query: ParentQuery,
    images: &[Image],
    choice: ParentChoice,
) -> Result<SelectedParent> {
    match choice {
        ParentChoice::Nothing => Ok(SelectedParent::None(None)),
        ParentChoice::Image(name) => select_named(query, images, name),
        ParentChoice::Cheapest => {
            let full = cost::full(query.context.repo.size()?);
            let candidates = candidates(query, images, full)?;
            match cost::cheapest(&candidates, full) {
                Some(best) => nearest(query.context, best),
                None => Ok(SelectedParent::None(candidates.first().map(why_not))),
            }
        }
    }
}

/// Why a full clone is better than the first of the candidates.
fn why_not(first: &Candidate) -> FullCloneReason {
    let tag = first.image.tag.clone();
    match first.reason.clone() {
        Some(reason) => FullCloneReason::Unusable { tag, reason },
        None => FullCloneReason::Farther {
            tag,
            distance: first.distance(),
        },
    }
}

fn select_named(query: ParentQuery, images: &[Image], name: &str) -> Result<SelectedParent> {
    let repo = query.context.repo;
    let image = find_image(images, repo, name)?;
    let hint = "git dkr explain --candidates lists the images that it can be built on";
    if image.labels.repo_path != repo.path {
        let path = repo.path.display();
        bail!(Failure::new(format!("{} is not an image of {path}", image.tag)).hint(hint));
    }
    let full = cost::full(repo.size()?);
    let found = candidates(query, std::slice::from_ref(image), full)?;
    let Some(found) = found.first() else {
        // The base image is fetched first.
        return Ok(SelectedParent::None(None));
    };
    let engine = measure(query.context, image)?.too_much(None, || Ok(0))?;
    let reason = found.reason.clone().filter(Reason::is_final);
    if let Some(reason) = reason.or(engine.map(Reason::TooMuch)) {
        let message = format!("a create cannot be built on {}: {reason}", image.tag);
        bail!(Failure::new(message).hint(hint));
    }
    nearest(query.context, found)
}

fn nearest(context: BuildContext, best: &Candidate) -> Result<SelectedParent> {
    Ok(SelectedParent::Nearest(Box::new(NearestImage {
        base: measure(context, &best.image)?.bottom(),
        distance: best.distance(),
        image: best.image.clone(),
    })))
}
