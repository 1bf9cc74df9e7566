//! Building: the engine runs what was planned, and what it gave is written down.

mod context_directory;
mod execute;
mod labels;
mod lock;
mod object_delivery;
mod prepare;
mod progress;
pub(crate) mod record_build;
mod temp_tag;

use anyhow::Result;

use super::context::BuildContext;
use super::model::{Image, Target};
use super::plan::{self, BuildAction, BuildRequest, PlannedKey};
use super::query::inventory::Inventory;
use crate::fs::Lock;
use crate::layers::build::pull;

/// Does what is asked for, one build of a branch at a time; the image that is there in the end.
pub(crate) fn run(context: BuildContext, target: Target, request: BuildRequest) -> Result<Image> {
    let _turn = take_turn(context, &target)?;
    match plan_and_pull(context, target, request)? {
        BuildAction::Build(plan) => execute::execute(context, &plan),
        BuildAction::UpToDate(image) => {
            let commit = image.labels.commit.short();
            context
                .printer
                .status("fresh", &format!("{} is at {commit} already", image.tag));
            record_build::watch(context);
            Ok(*image)
        }
        BuildAction::Retag(image, tag) => retag(context, *image, tag),
    }
}

/// Waits until nobody else builds an image of the branch, and sees that those that are there have records:
/// what is planned goes by them.
fn take_turn(context: BuildContext, target: &Target) -> Result<Lock> {
    let turn = lock::acquire(context.repo, &target.branch, context.printer)?;
    let images = Inventory::list(context.engine)?.images;
    record_build::write_missing_records(
        context.repo,
        context.engine,
        &images,
        Some(&target.branch),
    );
    Ok(turn)
}

/// Plans, and again once the images are here whose digests the cache key is over.
fn plan_and_pull(
    context: BuildContext,
    target: Target,
    request: BuildRequest,
) -> Result<BuildAction> {
    // Hooks that spoke of an image which is gone need not do so again.
    let action = plan::plan(context, target.clone(), request)
        .inspect_err(|_| record_build::watch(context))?;
    match &action {
        BuildAction::Build(build) => match &build.key {
            PlannedKey::AfterPull(images) => pull(context.engine, images, context.printer)?,
            PlannedKey::Known(_) => return Ok(action),
        },
        BuildAction::UpToDate(_) | BuildAction::Retag(..) => return Ok(action),
    }
    plan::plan(context, target, request)
}

/// Gives an image that is what is wanted the name that it should have.
fn retag(context: BuildContext, image: Image, tag: String) -> Result<Image> {
    context.engine.move_tag(&image.id, &tag)?;
    let commit = image.labels.commit.short();
    context.printer.status(
        "tagged",
        &format!("{tag}, an image at {commit} as {}", image.tag),
    );
    record_build::watch(context);
    Ok(Image { tag, ..image })
}
