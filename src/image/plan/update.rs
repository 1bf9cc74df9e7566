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

/// An update, with all that it is decided by.
struct Update<'a> {
    context: BuildContext<'a>,
    target: Target,
    /// The newest image of the branch.
    previous: Image,
    /// How many layers may lie over a full clone; `None` for as many as the engine takes.
    max_layers: Option<u64>,
}

/// Plans the update, if the image is not at the target yet.
pub(super) fn plan(context: BuildContext, target: Target, keep_chain: bool) -> Result<BuildAction> {
    let update = Update::gather(context, target, keep_chain)?;
    if update.is_done()? {
        return Ok(BuildAction::UpToDate(Box::new(update.previous)));
    }
    Ok(BuildAction::Build(Box::new(update.build()?)))
}

/// Plans the build, though the image may be at the target.
pub(super) fn plan_build(
    context: BuildContext,
    target: Target,
    keep_chain: bool,
) -> Result<BuildPlan> {
    Update::gather(context, target, keep_chain)?.build()
}

impl<'a> Update<'a> {
    /// Fails where the settings at the target cannot be read, even if there is nothing to do.
    fn gather(context: BuildContext<'a>, target: Target, keep_chain: bool) -> Result<Self> {
        let previous = previous(context, &target)?;
        let max_layers = context.settings_at(&target.commit)?.max_layers.value;
        Ok(Self {
            context,
            target,
            previous,
            max_layers: (!keep_chain).then_some(max_layers),
        })
    }

    fn is_done(&self) -> Result<bool> {
        let labels = &self.previous.labels;
        // One that follows another ref is to follow this one.
        let is_of = tracking::are_of(self.context.repo, &[labels.subject()], &self.target)?;
        Ok(is_of == [true] && labels.commit == self.target.commit)
    }

    fn build(self) -> Result<BuildPlan> {
        let Self {
            context,
            target,
            previous,
            max_layers,
        } = self;
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
        let Subject {
            target,
            commit,
            conf,
            mut remarks,
        } = Subject::read(context, target)?;
        remarks.extend(rewritten(context, &target, &previous)?);
        remarks.extend(not_applied(context, &previous, &conf));
        let ca = context.host.ca_bundle.is_some();
        let text = dockerfile::update(&conf, &target, &previous.tag, ImageKind::Update, ca)?;
        let manifest = gather_inputs::of_update(context, &conf, &target, &previous)?;
        Ok(BuildPlan {
            target,
            commit,
            conf,
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
