//! The build of one plan.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use super::object_delivery::{self, ObjectDelivery};
use super::prepare::PreparedBuild;
use super::progress::{BuildProgress, explain};
use super::record_build;
use super::temp_tag::TempTag;
use crate::engine::{Built, EngineImage};
use crate::error::{Failure, PartialState};
use crate::image::context::BuildContext;
use crate::image::model::Image;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::plan::{self, BuildPlan, Foundation, PlannedKey};
use crate::layers::build::{LayerBuildContext, build as build_layers};
use crate::{proc, ui};

/// Does what was planned. Fails without leaving anything but the engine's own build cache.
pub(super) fn execute(context: BuildContext, plan: &BuildPlan) -> Result<Image> {
    let began = Instant::now();
    context.engine.can_build()?;
    let manifest = match &plan.key {
        PlannedKey::Known(manifest) => manifest,
        PlannedKey::AfterPull(images) => {
            let images = images.join(" and ");
            return Err(Failure::new(format!("{images} was fetched, but is not there")).into());
        }
    };
    let extras = plan::extras(context, plan)?;
    if let Some(layers) = plan.foundation.tool_layers() {
        let context = LayerBuildContext {
            engine: context.engine,
            host: context.host,
            printer: context.printer,
        };
        build_layers(context, layers.plan(), &layers.forced(plan.reuse))?;
    }
    let temp_tag = match &plan.foundation {
        Foundation::Nearest(nearest) => {
            let image = &nearest.image;
            Some(TempTag::give(context, image, &plan.target.branch)?)
        }
        _ => None,
    };
    announce(context, plan);
    context.repo.complete(
        &plan.target.commit,
        plan.conf.filter.value.spec(),
        context.printer,
    )?;
    let name = temp_tag.as_ref().map(|tag| tag.name.as_str());
    let ready = PreparedBuild::of(context, plan, manifest, extras, name)?;
    if let Some(reason) = plan.foundation.full_clone_reason() {
        context.printer.status("clone", &reason.to_string());
    }
    context.printer.status("build", &plan.describe());

    let before = context.engine.inspect_one(&plan.tag)?;
    let built = build(context, &ready)?;
    drop(temp_tag);
    let image = Image::read(plan.tag.clone(), built.found())
        .map_err(|reason| Failure::new(format!("the new image has wrong labels: {reason}")))?;
    built.tag(&plan.tag)?;
    // It is there from here on. What is not written down of it any more, its labels tell the next command.
    let size = ui::bytes(image.size);
    let time = ui::seconds(began.elapsed());
    context
        .printer
        .status("built", &format!("{}  {size} in {time}", plan.tag));
    replace_previous(context, plan, manifest, &image, before)
        .context(PartialState("the image was built before that"))?;
    if let Some(delivery) = &ready.delivery
        && ready.given == ObjectDelivery::All
    {
        object_delivery::advise(context, plan.objects, delivery);
    }
    Ok(image)
}

/// Says what is to be built.
fn announce(context: BuildContext, plan: &BuildPlan) {
    for remark in &plan.remarks {
        context.printer.warn(remark);
    }
    let commit = &plan.commit;
    context
        .printer
        .status("commit", &format!("{} {}", commit.short, commit.subject));
}

/// Has the engine build it. Where that failed because it could not be given its objects, that is the reason.
fn build<'a>(context: BuildContext<'a>, ready: &PreparedBuild) -> Result<Built<'a>> {
    let progress = BuildProgress::new(
        context.printer,
        ready.transport.sent(),
        Arc::clone(&ready.total),
    );
    let built = context
        .engine
        .build(&ready.spec, |event| progress.hear(event));
    drop(progress);
    built.map_err(explain).or_else(|error| {
        proc::check_interrupted()?;
        let delivery = ready.delivery.as_ref();
        Err(delivery.and_then(object_delivery::failure).unwrap_or(error))
    })
}

/// What is to be done once an image has its name, which another may have lost to it.
fn replace_previous(
    context: BuildContext,
    plan: &BuildPlan,
    manifest: &KeyManifest,
    image: &Image,
    before: Option<EngineImage>,
) -> Result<()> {
    if let Some(old) = before.filter(|old| old.id != image.id) {
        let parent = plan.foundation.parent();
        let is_parent = parent.is_some_and(|(parent, _)| parent.id == old.id);
        context.engine.remove_if_nameless(&old.id, is_parent)?;
    }
    record_build::record(context, image, manifest);
    record_build::watch(context);
    Ok(proc::check_interrupted()?)
}
