//! Building: the engine runs what was planned.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::build_progress::{BuildProgress, explain};
use super::find::Inventory;
use super::labels::ImageKind;
use super::manifest::KeyManifest;
use super::object_delivery::ObjectDelivery;
use super::parent::ParentChoice;
use super::plan::{BuildAction, BuildContext, BuildPlan, Reuse, plan_create, plan_update};
use super::transport::Transport;
use super::{
    Image, Labels, Target, build_lock, dockerfile, names, object_delivery, record_build, scope,
    tool_layers,
};
use crate::conf::{self, ca};
use crate::engine::{BuildSpec, Engine, EngineImage};
use crate::error::{Failure, PartialState};
use crate::fs::{Lock, Scratch};
use crate::git::{Extras, View};
use crate::ssh::{ObjectTransfer, SECRETS, ServerConfig};
use crate::{layers, proc, ui};

/// Makes an image of the target: on the nearest one, or of its own.
pub fn create(context: BuildContext, target: Target, from: ParentChoice) -> Result<Image> {
    let _turn = take_turn(context, &target)?;
    let plan = |target| plan_create(context, target, from);
    take(context, plan_and_pull(context, target, plan)?)
}

/// Takes the image of the branch to the target, if it is not there.
pub fn update(context: BuildContext, target: Target, keep_chain: bool) -> Result<Image> {
    let _turn = take_turn(context, &target)?;
    let plan = |target| plan_update(context, target, keep_chain);
    take(context, plan_and_pull(context, target, plan)?)
}

/// Waits until nobody else builds an image of the branch, and sees that those that are there have records:
/// what is planned goes by them.
fn take_turn(context: BuildContext, target: &Target) -> Result<Lock> {
    let turn = build_lock::acquire(context.repo, &target.branch)?;
    let images = Inventory::list(context.engine)?.images;
    record_build::mend_records(context.repo, context.engine, &images, Some(&target.branch));
    Ok(turn)
}

/// Plans, and fetches the base image for it when that is not here: its digest is part of what the
/// build depends on.
fn plan_and_pull(
    context: BuildContext,
    target: Target,
    plan: impl Fn(Target) -> Result<BuildAction>,
) -> Result<BuildAction> {
    // Hooks that spoke of an image which is gone need not do so again.
    let step = plan(target.clone()).inspect_err(|_| record_build::watch(context))?;
    let BuildAction::Build(first) = &step else {
        return Ok(step);
    };
    if first.manifest.is_some() {
        return Ok(step);
    }
    layers::build::pull(context.engine, &first.to_pull())?;
    plan(target)
}

fn take(context: BuildContext, step: BuildAction) -> Result<Image> {
    match step {
        BuildAction::Build(plan) => bake(context, &plan),
        BuildAction::Nothing(image) => {
            let commit = image.labels.commit.short();
            ui::status("fresh", &format!("{} is at {commit} already", image.tag));
            record_build::watch(context);
            Ok(*image)
        }
        BuildAction::Tag(image, tag) => retag(context, *image, tag),
    }
}

/// Gives an image that is what is wanted the name that it should have.
fn retag(context: BuildContext, image: Image, tag: String) -> Result<Image> {
    let before = context.engine.inspect_one(&tag)?;
    context.engine.tag(&image.id, &tag)?;
    if let Some(old) = before {
        context.engine.remove_if_nameless(&old.id, false)?;
    }
    let commit = image.labels.commit.short();
    ui::status(
        "tagged",
        &format!("{tag}, an image at {commit} as {}", image.tag),
    );
    record_build::watch(context);
    Ok(Image { tag, ..image })
}

/// A build that is ready to run, and the way to the repository that it needs.
struct PreparedBuild {
    spec: BuildSpec,
    way: Transport,
    /// What it is given instead of a clone or a fetch.
    given: ObjectDelivery,
    delivery: Option<ObjectTransfer>,
    /// The bytes that it is sent, at most.
    total: Arc<AtomicU64>,
    /// Holds the files that the spec names.
    _scratch: Scratch,
}

/// Does what was planned. Fails without leaving anything but the engine's own build cache.
fn bake(context: BuildContext, plan: &BuildPlan) -> Result<Image> {
    let began = Instant::now();
    context.engine.can_build()?;
    let manifest = plan.manifest.as_ref().with_context(|| {
        let base = &plan.conf.base_image.value;
        format!("the base image {base} was fetched and is not there")
    })?;
    let extras = scope::extras(context, plan)?;
    if let Some(tool_layers) = &plan.tool_layers {
        tool_layers::make(context, &plan.conf, &plan.target.commit, tool_layers)?;
    }
    let lent = plan
        .parent
        .as_ref()
        .filter(|_| plan.kind == ImageKind::Base);
    let lent = lent
        .map(|parent| TempTag::take(context, parent, &plan.target.branch))
        .transpose()?;
    for remark in &plan.remarks {
        ui::warn(remark);
    }
    ui::status(
        "commit",
        &format!("{} {}", plan.commit.short, plan.commit.subject),
    );
    context
        .repo
        .complete(&plan.target.commit, plan.conf.filter.value.spec())?;
    let ready = prepare(context, plan, manifest, extras, lent.as_ref())?;
    if let Some(why) = plan.why_full() {
        ui::status("clone", why);
    }
    ui::status("build", &plan.describe());

    let before = context.engine.inspect_one(&plan.tag)?;
    let report = BuildProgress::new(ready.way.sent(), Arc::clone(&ready.total));
    let done = context
        .engine
        .build(&ready.spec, |event| report.hear(event))
        .map_err(explain);
    drop(report);
    drop(lent);
    let delivery = ready.delivery.as_ref();
    let built = match done {
        Ok(built) => built,
        Err(error) => {
            proc::check_interrupted()?;
            return Err(delivery.and_then(object_delivery::failure).unwrap_or(error));
        }
    };
    let image = Image::read(plan.tag.clone(), built.found())
        .map_err(|reason| Failure::new(format!("the new image makes no sense: {reason}")))?;
    built.tag(&plan.tag)?;
    // It is there from here on. What is not written down of it any more, its labels tell the next command.
    let size = ui::bytes(image.size);
    let time = ui::seconds(began.elapsed());
    ui::status("built", &format!("{}  {size} in {time}", plan.tag));
    replace_previous(context, plan, &image, before)
        .context(PartialState("the image was built before that"))?;
    if let Some(delivery) = delivery.filter(|_| ready.given == ObjectDelivery::All) {
        object_delivery::advise(context, delivery);
    }
    Ok(image)
}

/// What is to be done once an image has its name, which another may have lost to it.
fn replace_previous(
    context: BuildContext,
    plan: &BuildPlan,
    image: &Image,
    before: Option<EngineImage>,
) -> Result<()> {
    if let Some(old) = before.filter(|old| old.id != image.id) {
        let is_parent = plan.parent.as_ref().is_some_and(|p| p.id == old.id);
        context.engine.remove_if_nameless(&old.id, is_parent)?;
    }
    if let Some(manifest) = &plan.manifest {
        record_build::record(context.repo, context.engine, image, manifest);
    }
    record_build::watch(context);
    Ok(proc::check_interrupted()?)
}

/// Writes what the build reads, and opens the way to the repository.
fn prepare(
    context: BuildContext,
    plan: &BuildPlan,
    manifest: &KeyManifest,
    extras: Extras,
    lent: Option<&TempTag>,
) -> Result<PreparedBuild> {
    let scratch = Scratch::new()?;
    let view = View::create(
        context.repo,
        &plan.target.commit,
        plan.target.on_branch(),
        &scratch.directory("view")?,
    )?;
    let given = ObjectDelivery::of(context, plan)?;
    let delivery = object_delivery::start(context, plan, &given, extras)?;
    let handle = delivery.as_ref().map(ObjectTransfer::handle);
    let total = match &handle {
        Some(handle) if given != ObjectDelivery::Nothing => handle.size(),
        _ => Arc::new(context.repo.size()?.into()),
    };
    let serve = ServerConfig {
        upload: view.git_dir,
        also: None,
        receive: None,
        objects: handle,
    };
    let way = Transport::open(context.host, serve, scratch.path())?;
    let directory = scratch.directory("context")?;
    let ca = context.host.ca_bundle.is_some();
    let text = match lent {
        None => plan.dockerfile.clone(),
        Some(lent) => dockerfile::update(&plan.conf, &plan.target, &lent.name, plan.kind, ca)?,
    };
    dockerfile::write_context(&text, &plan.conf, &directory)?;
    let secrets = secrets(context, &way, &scratch, &directory)?;
    let spec = BuildSpec {
        context: directory,
        tag: plan.tag.clone(),
        labels: labels(context, plan, manifest)?.to_pairs(),
        ssh_key: Some(without_comma(&way.access().key, &scratch)?),
        secrets,
        pass_env: conf::proxies(),
        no_cache: context.reuse == Reuse::Nothing,
        ..BuildSpec::default()
    };
    Ok(PreparedBuild {
        spec,
        way,
        given,
        delivery,
        total,
        _scratch: scratch,
    })
}

/// A name of its own for the image that a create is put on, for as long as that takes: the image is of
/// another branch, whose builds may rename or remove it meanwhile, and BuildKit takes no id.
struct TempTag<'a> {
    engine: &'a Engine,
    name: String,
}

impl<'a> TempTag<'a> {
    fn take(context: BuildContext<'a>, image: &Image, branch: &str) -> Result<Self> {
        // One build of a branch at a time: what a run that was killed left is taken over.
        let name = names::temp_tag(&context.repo.path, branch);
        let before = context.engine.inspect_one(&name)?;
        context.engine.tag(&image.id, &name).map_err(|_| {
            Failure::new(format!("{} was removed meanwhile", image.tag)).hint("try again")
        })?;
        if let Some(old) = before.filter(|old| old.id != image.id) {
            context.engine.remove_if_nameless(&old.id, false)?;
        }
        Ok(Self {
            engine: context.engine,
            name,
        })
    }
}

impl Drop for TempTag<'_> {
    fn drop(&mut self) {
        self.engine.give_back(&self.name);
    }
}

/// The key by a path that docker does not split (see `fs::Scratch`).
fn without_comma(key: &Path, scratch: &Scratch) -> Result<PathBuf> {
    if !key.to_string_lossy().contains(',') {
        return Ok(key.to_owned());
    }
    let link = scratch.path().join("key");
    std::os::unix::fs::symlink(key, &link)
        .with_context(|| format!("cannot write {}", link.display()))?;
    Ok(link)
}

fn labels(context: BuildContext, plan: &BuildPlan, manifest: &KeyManifest) -> Result<Labels> {
    let (layers, agent) = match (&plan.parent, &plan.tool_layers) {
        (Some(parent), _) => (parent.labels.layers.clone(), parent.labels.agent.clone()),
        (None, Some(tool_layers)) => (tool_layers.layers.clone(), tool_layers.agent.clone()),
        (None, None) => (Vec::new(), None),
    };
    let base_size = match &plan.parent {
        Some(parent) => parent.labels.base_size,
        None => {
            let base = context.engine.inspect_one(&plan.conf.base_image.value)?;
            base.map(|base| base.size)
        }
    };
    Ok(Labels {
        repo_path: context.repo.path.clone(),
        repo_name: context.repo.name(),
        branch: plan.target.branch.clone(),
        branch_from: plan.target.branch_from.clone(),
        stays: plan.target.reference.is_none(),
        commit: plan.target.commit.clone(),
        created_at: Timestamp::now(),
        kind: plan.kind,
        parent: plan.parent.as_ref().map(|parent| parent.id.clone()),
        base_size,
        bottom: plan.bottom.clone(),
        layers,
        agent,
        asked: match (&plan.parent, plan.kind) {
            (Some(parent), ImageKind::Update) => parent.labels.asked.clone(),
            _ => context.sources.flags(),
        },
        cache_key: Some(manifest.key()),
        manifest: manifest.to_label(),
    })
}

fn secrets(
    context: BuildContext,
    way: &Transport,
    scratch: &Scratch,
    context_dir: &Path,
) -> Result<Vec<(String, PathBuf)>> {
    let directory = scratch.directory("secrets")?;
    way.access().write_secrets(&directory)?;
    let mut ids: Vec<&str> = SECRETS.to_vec();
    if let Some(bundle) = &context.host.ca_bundle {
        let extra = ca::read(&bundle.value)?;
        std::fs::write(directory.join("dkr_ca"), ca::with_system(&extra))?;
        // Not a secret where it is installed: a step is cached by what it reads but secrets.
        std::fs::write(context_dir.join("extra-ca.pem"), extra)?;
        ids.push("dkr_ca");
    }
    let path = |id: &str| (id.to_owned(), directory.join(id));
    Ok(ids.into_iter().map(path).collect())
}
