//! What a build comes to, before anything is done: a value that can be printed.

use anyhow::{Context, Result, bail};

use super::chain_limits::{ChainBase, ChainLimit};
use super::dockerfile::CloneOptions;
use super::labels::ImageKind;
use super::manifest::KeyManifest;
use super::parent::{self, ParentChoice};
use super::tool_layers::{self, ToolLayers};
use super::{Image, Labels, Target, dockerfile, find, inputs, names, records, scope, tracking};
use crate::conf::{self, Conf, Host, Sources};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::{CommitSummary, Distance, History, ObjectId, Objects, Repo};

/// What a build works with.
#[derive(Debug, Clone, Copy)]
pub struct BuildContext<'a> {
    /// The repository.
    pub repo: &'a Repo,
    /// The engine.
    pub engine: &'a Engine,
    /// Settings of the machine.
    pub host: &'a Host,
    /// Settings above `.dkr.conf`.
    pub sources: &'a Sources,
    /// What of earlier builds may be used.
    pub reuse: Reuse,
}

/// What of earlier builds a build may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reuse {
    /// An image with the same cache key, and then nothing is built.
    #[default]
    Images,
    /// The engine's cache of steps.
    Steps,
    /// Nothing.
    Nothing,
}

/// Everything that is decided before anything is done.
#[derive(Debug, Clone)]
pub struct BuildPlan {
    /// What the image is to hold.
    pub target: Target,
    /// What is shown of the commit.
    pub commit: CommitSummary,
    /// Settings at that commit.
    pub conf: Conf,
    /// The image's name.
    pub tag: String,
    /// What it comes to: an update, or what a full create would make.
    pub kind: ImageKind,
    /// The image that it is put on; none for a full clone.
    pub parent: Option<Image>,
    /// The full clone below that.
    pub bottom: Option<ChainBase>,
    /// How far it is from a parent that a create is put on, or why it is put on none.
    pub why: Option<String>,
    /// What it stands on, when that is made of layers.
    pub tool_layers: Option<ToolLayers>,
    /// The Dockerfile.
    pub dockerfile: String,
    /// What the build depends on; `None` while the base image is not here.
    pub manifest: Option<KeyManifest>,
    /// What the user should hear beforehand.
    pub remarks: Vec<String>,
}

impl BuildPlan {
    /// Images that must be fetched before the build can be planned to its end.
    pub fn to_pull(&self) -> Vec<String> {
        match (&self.manifest, &self.tool_layers) {
            (Some(_), _) => Vec::new(),
            (None, Some(tool_layers)) => tool_layers.absent.clone(),
            (None, None) => vec![self.conf.base_image.value.clone()],
        }
    }

    /// Why it is a full create, where there are images that it might have been put on.
    pub fn why_full(&self) -> Option<&str> {
        self.why.as_deref().filter(|_| self.parent.is_none())
    }

    /// What would be done, in a line.
    pub fn describe(&self) -> String {
        match (&self.parent, self.kind) {
            (None, _) => format!("{} on {}", self.tag, self.conf.base_image.value),
            (Some(parent), ImageKind::Base) => {
                let way = self.why.as_deref().filter(|way| !way.is_empty());
                let way = way.map(|way| format!(": {way}")).unwrap_or_default();
                format!("{} on {}{way}", self.tag, parent.tag)
            }
            (Some(parent), ImageKind::Update) => format!(
                "{}, one layer on the image of {}",
                self.tag,
                parent.labels.commit.short()
            ),
        }
    }
}

/// Plans what a full clone would come to, on the nearest image where that is cheaper.
pub fn plan_create(
    context: BuildContext,
    target: Target,
    from: ParentChoice,
) -> Result<BuildAction> {
    let images = find::all_for(context.engine, &context.repo.path)?;
    let newest = find::newest_of(&images, &context.repo.path, &target.branch);
    let tag = tag(context, &target, newest)?;
    let plan = plan(context, target, tag, None, Vec::new())?;
    let bake = |plan| -> Result<BuildAction> {
        let plan = parent::select_parent(context, plan, &images, from)?;
        Ok(BuildAction::Build(Box::new(plan)))
    };
    let Some(manifest) = plan
        .manifest
        .clone()
        .filter(|_| context.reuse == Reuse::Images)
    else {
        return bake(plan);
    };
    let key = Some(manifest.key());
    let mut same = Vec::new();
    for image in &images {
        if image.is_of(&context.repo.path, &plan.target.branch)
            && image.labels.cache_key == key
            && parent::is_asked(context, &plan, &images, image, from)?
        {
            same.push(image);
        }
    }
    if let Some(image) = same.iter().find(|image| image.tag == plan.tag) {
        return Ok(BuildAction::Nothing(Box::new((*image).clone())));
    }
    // Under another name it may be what somebody built on ours, which inherits the labels; what
    // has a record is ours.
    let ours = |image: &&&Image| records::has(context.repo, image).unwrap_or(false);
    Ok(match same.iter().find(ours) {
        Some(image) => BuildAction::Tag(Box::new((*image).clone()), plan.tag),
        None => bake(plan)?,
    })
}

/// What a create of the target would be without any other image; for one who asks.
pub fn plan_full(context: BuildContext, target: Target) -> Result<BuildPlan> {
    let tag = names::tag(&context.repo.name(), &target.branch);
    plan(context, target, tag, None, Vec::new())
}

/// What a build comes down to.
#[derive(Debug, Clone)]
pub enum BuildAction {
    /// This image is what is wanted already.
    Nothing(Box<Image>),
    /// This one is, and lacks a name.
    Tag(Box<Image>, String),
    /// This is to be built.
    Build(Box<BuildPlan>),
}

/// Plans one more layer on the newest image of the branch, or a full clone where there is too much of
/// it; with `keep_chain` only what the engine cannot do is too much.
pub fn plan_update(context: BuildContext, target: Target, keep_chain: bool) -> Result<BuildAction> {
    let images = find::all_for(context.engine, &context.repo.path)?;
    let Some(parent) = find::newest_of(&images, &context.repo.path, &target.branch) else {
        let message = format!(
            "there is no image of {} of {} to update",
            target.branch,
            context.repo.path.display()
        );
        return Err(Failure::new(message)
            .hint(format!(
                "make one: git dkr create-image {}",
                context.repo.as_typed(&target.branch_from)
            ))
            .into());
    };
    let max_layers = settings_at(context, &target.commit)?.max_layers.value;
    // One that follows another ref is to follow this one.
    let is_of = tracking::are_of(context.repo, &[parent.labels.subject()], &target)? == [true];
    if is_of && parent.labels.commit == target.commit && context.reuse == Reuse::Images {
        return Ok(BuildAction::Nothing(Box::new(parent.clone())));
    }
    let tag = tag(context, &target, Some(parent))?;
    let measured = parent::measure(context, parent)?;
    let alive = || parent::live_bytes(context.repo, &measured, &target.commit);
    if let Some(why) = measured.too_much(max_layers, keep_chain, alive)? {
        let keep = match why {
            ChainLimit::Engine(_) => "",
            _ => "; --keep-chain makes it a layer",
        };
        let name = &parent.tag;
        let why = Some(format!(
            "not on {name}: {why}: this update is a create{keep}"
        ));
        let sources = context.sources.clone().asked(&parent.labels.asked);
        let context = BuildContext {
            sources: &sources,
            ..context
        };
        let plan = plan(context, target, tag, None, Vec::new())?;
        return Ok(BuildAction::Build(Box::new(BuildPlan { why, ..plan })));
    }
    let mut remarks = Vec::new();
    let old = &parent.labels.commit;
    if History::open(context.repo).distance(old, &target.commit)? == Distance::Diverged {
        let why = if parent.labels.branch_from == target.branch_from {
            "history was rewritten".to_owned()
        } else {
            format!("the image followed {}", parent.labels.branch_from)
        };
        remarks.push(format!(
            "{why}: {} is not in {}; the image is updated to {} anyway",
            old.short(),
            target.branch_from,
            target.commit.short()
        ));
    }
    let bottom = Some(measured.bottom());
    let parent = parent.clone();
    let plan = plan(context, target, tag, Some(parent), remarks)?;
    let plan = BuildPlan { bottom, ..plan };
    Ok(BuildAction::Build(Box::new(plan)))
}

fn plan(
    context: BuildContext,
    target: Target,
    tag: String,
    parent: Option<Image>,
    mut remarks: Vec<String>,
) -> Result<BuildPlan> {
    let text = context.repo.file_at(&target.commit, conf::FILE)?;
    let conf = parse_conf(context, &target.commit, text.as_deref())?;
    remarks.extend(uncommitted(context, &target, text.as_deref())?);
    remarks.extend(scope::absent(context.repo, &target.commit, &conf)?);
    let (conf, tool_layers) = match parent {
        None => tool_layers::resolve_base_image(context, conf, &target.commit)?,
        Some(_) => (conf, None),
    };
    remarks.extend(
        tool_layers
            .as_ref()
            .and_then(|tool_layers| tool_layers.remark.clone()),
    );
    let ca = context.host.ca_bundle.is_some();
    let (dockerfile, manifest) = match &parent {
        None => {
            let shallow = context.repo.shallow_boundary()?;
            let clone = clone(context, shallow.as_deref());
            if clone.objects == Objects::All && context.repo.is_partial()? {
                bail!(
                    Failure::new("this is a partial clone, which has no packs that are all of it")
                        .hint("leave --objects (dkr.objects) out: what is missing is fetched then")
                );
            }
            let marks = context.repo.marks(clone.objects)?;
            let text = dockerfile::create(&conf, &target, clone, &marks, ca)?;
            (
                text,
                inputs::of_create(context, &conf, &target, clone, tool_layers.as_ref())?,
            )
        }
        Some(parent) => {
            remarks.extend(settings_not_applied_by_update(context, parent, &conf));
            let text = dockerfile::update(&conf, &target, &parent.tag, ImageKind::Update, ca)?;
            let manifest = inputs::of_update(context, &conf, &target, parent)?;
            (text, Some(manifest))
        }
    };
    Ok(BuildPlan {
        commit: context.repo.commit(&target.commit)?,
        target,
        conf,
        tag,
        kind: match parent {
            None => ImageKind::Base,
            Some(_) => ImageKind::Update,
        },
        parent,
        bottom: None,
        why: None,
        tool_layers,
        dockerfile,
        manifest,
        remarks,
    })
}

/// What the commit does not tell of its clone.
pub fn clone<'a>(context: BuildContext, shallow: Option<&'a str>) -> CloneOptions<'a> {
    CloneOptions {
        shallow,
        objects: context.host.objects.value,
    }
}

/// The settings at a commit.
pub fn settings_at(context: BuildContext, commit: &ObjectId) -> Result<Conf> {
    let text = context.repo.file_at(commit, conf::FILE)?;
    parse_conf(context, commit, text.as_deref())
}

/// The text of `.dkr.conf` at a commit, under the stronger settings.
fn parse_conf(context: BuildContext, commit: &ObjectId, text: Option<&str>) -> Result<Conf> {
    Conf::read(text, context.sources)
        .with_context(|| format!("the settings at {} have problems", commit.short()))
}

/// Settings that the user wrote and did not commit: they do nothing yet.
fn uncommitted(
    context: BuildContext,
    target: &Target,
    committed: Option<&str>,
) -> Result<Option<String>> {
    let in_main_worktree = context.repo.git_dir == context.repo.common_dir;
    let written = crate::fs::read_text(context.repo.path.join(conf::FILE)).ok();
    if !in_main_worktree || written.is_none() || written.as_deref() == committed {
        return Ok(None);
    }
    let at_head = context.repo.commits(&["HEAD"])? == [Some(target.commit.clone())];
    Ok(at_head.then(|| {
        let file = conf::FILE;
        format!("{file} has changes that are not committed; an image takes it from the commit")
    }))
}

/// What an update cannot bring, as it stands on an image made by older settings.
fn settings_not_applied_by_update(
    context: BuildContext,
    parent: &Image,
    conf: &Conf,
) -> Option<String> {
    let commit = &parent.labels.commit;
    let old = settings_at(context, commit).ok()?;
    let changed: Vec<&str> = [
        ("base_image", old.base_image.value != conf.base_image.value),
        ("stack", old.stack.value != conf.stack.value),
        ("agent", old.agent.value != conf.agent.value),
        ("layers", old.layers.value != conf.layers.value),
        (
            "toolchains",
            conf.has_layers() && old.toolchains.value != conf.toolchains.value,
        ),
        ("packages", old.packages.value != conf.packages.value),
        ("caches", old.caches.value != conf.caches.value),
        ("ca_bundle", old.ca_bundle.value != conf.ca_bundle.value),
        ("lfs", old.lfs.value != conf.lfs.value),
        ("filter", old.filter.value != conf.filter.value),
        ("[pre_clone]", old.pre_clone.text != conf.pre_clone.text),
    ]
    .into_iter()
    .filter_map(|(name, changed)| changed.then_some(name))
    .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "{} changed since {} was created, which an update does not bring: git dkr create-image does",
            changed.join(", "),
            parent.tag
        )
    })
}

/// The name of the branch's image: that of the newest, unless somebody else gave it.
fn tag(context: BuildContext, target: &Target, newest: Option<&Image>) -> Result<String> {
    match newest.filter(|image| image.has_our_name()) {
        Some(image) => Ok(image.tag.clone()),
        None => free_tag(context, target),
    }
}

/// The plain tag, or one with a hash when the plain one is another's.
fn free_tag(context: BuildContext, target: &Target) -> Result<String> {
    let plain = names::tag(&context.repo.name(), &target.branch);
    let taken = context.engine.inspect_one(&plain)?.is_some_and(|found| {
        match Labels::parse(&found.labels) {
            Ok(labels) => labels.repo_path != context.repo.path || labels.branch != target.branch,
            Err(_) => true,
        }
    });
    Ok(if taken {
        names::tag_apart(&context.repo.name(), &context.repo.path, &target.branch)
    } else {
        plain
    })
}
