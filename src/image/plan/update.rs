//! What an update comes to: one more layer on the newest image of the branch, or a full clone where there
//! is too much of that.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::build_plan::{BuildAction, BuildPlan, Foundation, PlannedKey};
use super::create::FullClone;
use super::request::Reuse;
use super::subject::Subject;
use super::{gather_inputs, tag};
use crate::conf::{Conf, Host, Value};
use crate::error::Failure;
use crate::git::{Distance, History};
use crate::image::context::BuildContext;
use crate::image::model::input_table::settings_not_applied_by_update;
use crate::image::model::labels::ImageKind;
use crate::image::model::{Image, Target, dockerfile};
use crate::image::parent::{self, FullCloneReason};
use crate::image::query::{inventory, tracking};

/// Plans the update, if the image is not at the target yet.
pub(super) fn plan(context: BuildContext, target: Target, keep_chain: bool) -> Result<BuildAction> {
    let previous = previous(context, &target)?;
    // Settings that cannot be read are told of even where there is nothing to do.
    let max_layers = context.settings_at(&target.commit)?.max_layers.value;
    // One that follows another ref is to follow this one.
    let is_of = tracking::are_of(context.repo, &[previous.labels.subject()], &target)? == [true];
    if is_of && previous.labels.commit == target.commit {
        return Ok(BuildAction::UpToDate(Box::new(previous)));
    }
    let max_layers = (!keep_chain).then_some(max_layers);
    let plan = build(context, target, previous, max_layers)?;
    Ok(BuildAction::Build(Box::new(plan)))
}

/// Plans the build, though the image may be at the target.
pub(super) fn plan_build(
    context: BuildContext,
    target: Target,
    keep_chain: bool,
) -> Result<BuildPlan> {
    let previous = previous(context, &target)?;
    let max_layers = context.settings_at(&target.commit)?.max_layers.value;
    build(
        context,
        target,
        previous,
        (!keep_chain).then_some(max_layers),
    )
}

/// The newest image of the branch.
fn previous(context: BuildContext, target: &Target) -> Result<Image> {
    let repo = context.repo;
    let images = inventory::all_for(context.engine, &repo.path, context.printer)?;
    let newest = inventory::newest_of(&images, &repo.path, &target.branch).cloned();
    newest.ok_or_else(|| {
        let (branch, path) = (&target.branch, repo.path.display());
        let typed = repo.as_typed(&target.branch_from);
        Failure::new(format!("there is no image of {branch} of {path} to update"))
            .hint(format!("make one: git dkr create-image {typed}"))
            .into()
    })
}

fn build(
    context: BuildContext,
    target: Target,
    previous: Image,
    max_layers: Option<u64>,
) -> Result<BuildPlan> {
    let tag = tag::tag(context, &target, Some(&previous))?;
    let stats = parent::measure(context, &previous)?;
    let live_bytes = || parent::live_bytes(context.repo, &stats, &target.commit);
    if let Some(limit) = stats.too_much(max_layers, live_bytes)? {
        let reason = FullCloneReason::ChainLimit {
            tag: previous.tag.clone(),
            limit,
        };
        return full_clone(context, target, &previous, tag, reason);
    }
    let base = stats.bottom();
    let subject = Subject::read(context, target)?;
    let Subject { target, conf, .. } = &subject;
    let remarks = subject
        .remarks
        .iter()
        .cloned()
        .chain(rewritten(context, target, &previous)?)
        .chain(not_applied(context, &previous, conf))
        .collect();
    let ca = context.host.ca_bundle.is_some();
    let text = dockerfile::update(conf, target, &previous.tag, ImageKind::Update, ca)?;
    let manifest = gather_inputs::of_update(context, conf, target, &previous)?;
    Ok(BuildPlan {
        target: subject.target,
        commit: subject.commit,
        conf: subject.conf,
        tag,
        reuse: Reuse::Images,
        objects: context.host.objects.value,
        asked: previous.labels.asked.clone(),
        key: PlannedKey::Known(manifest),
        dockerfile: text,
        remarks,
        foundation: Foundation::Previous {
            image: previous,
            base,
        },
    })
}

/// A full clone by the flags that the image was created with.
fn full_clone(
    context: BuildContext,
    target: Target,
    previous: &Image,
    tag: String,
    reason: FullCloneReason,
) -> Result<BuildPlan> {
    let sources = context.sources.clone().asked(&previous.labels.asked);
    let path = |value: &Option<Value<PathBuf>>| value.as_ref().map(|path| path.value.clone());
    let host = Host::read(
        path(&context.host.ssh_key),
        path(&context.host.ca_bundle),
        &sources,
    )
    .context("the flags that the image was created with have problems")?;
    let context = BuildContext {
        sources: &sources,
        host: &host,
        ..context
    };
    FullClone::plan(context, target, Reuse::Images)?.into_plan(context, tag, Some(reason))
}

/// What to say where the image is not in the history of its branch.
fn rewritten(context: BuildContext, target: &Target, previous: &Image) -> Result<Option<String>> {
    let (old, new) = (&previous.labels.commit, &target.commit);
    if History::open(context.repo).distance(old, new)? != Distance::Diverged {
        return Ok(None);
    }
    let followed = &previous.labels.branch_from;
    let why = match *followed == target.branch_from {
        true => "history was rewritten".to_owned(),
        false => format!("the image followed {followed}"),
    };
    Ok(Some(format!(
        "{why}: {} is not in {}; the image is updated to {} anyway",
        old.short(),
        target.branch_from,
        new.short()
    )))
}

/// What to say of settings that changed since the image was made, and that the update leaves as they were.
fn not_applied(context: BuildContext, previous: &Image, conf: &Conf) -> Option<String> {
    let old = context.settings_at(&previous.labels.commit).ok()?;
    let changed = settings_not_applied_by_update(&old, conf);
    (!changed.is_empty()).then(|| {
        format!(
            "{} changed since {} was created, which an update does not bring: git dkr create-image does",
            changed.join(", "),
            previous.tag
        )
    })
}
