//! What a create comes to: a full clone, or a layer on the nearest image that gives the same.

use anyhow::{Result, bail};

use super::build_plan::{BuildAction, BuildPlan, Foundation, PlannedKey};
use super::request::Reuse;
use super::subject::Subject;
use super::tool_layers::{self, ToolLayers};
use super::{gather_inputs, tag};
use crate::conf::Conf;
use crate::error::Failure;
use crate::git::{ObjectId, Objects};
use crate::image::context::BuildContext;
use crate::image::model::dockerfile::{self, CloneOptions};
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::labels::ImageKind;
use crate::image::model::{Image, Target};
use crate::image::parent::{
    self, FullCloneReason, NearestImage, ParentChoice, ParentQuery, SelectedParent,
};
use crate::image::query::target::{self, FetchMode};
use crate::image::query::{inventory, records};

/// A create, with all that it is decided by.
struct Create<'a> {
    context: BuildContext<'a>,
    choice: ParentChoice<'a>,
    images: Vec<Image>,
    /// The name of the image.
    tag: String,
    clone: FullClone,
}

/// Plans an image of the target, if there is none that is up to date.
pub(super) fn plan(
    context: BuildContext,
    target: Target,
    choice: ParentChoice,
    reuse: Reuse,
) -> Result<BuildAction> {
    let create = Create::gather(context, target, choice, reuse)?;
    if reuse == Reuse::Images
        && let Some(action) = create.up_to_date()?
    {
        return Ok(action);
    }
    Ok(BuildAction::Build(Box::new(create.build()?)))
}

/// Plans the build, whatever images there are.
pub(super) fn plan_build(
    context: BuildContext,
    target: Target,
    choice: ParentChoice,
    reuse: Reuse,
) -> Result<BuildPlan> {
    Create::gather(context, target, choice, reuse)?.build()
}

impl<'a> Create<'a> {
    fn gather(
        context: BuildContext<'a>,
        target: Target,
        choice: ParentChoice<'a>,
        reuse: Reuse,
    ) -> Result<Self> {
        let path = &context.repo.path;
        let images = inventory::all_for(context.engine, path, context.printer)?;
        let newest = inventory::newest_of(&images, path, &target.branch);
        let tag = tag::tag(context, &target, newest)?;
        let clone = FullClone::plan(context, target, reuse)?;
        Ok(Self {
            context,
            choice,
            images,
            tag,
            clone,
        })
    }

    /// The image that is what the clone would be, if there is one.
    fn up_to_date(&self) -> Result<Option<BuildAction>> {
        let Some(manifest) = self.clone.manifest() else {
            return Ok(None);
        };
        let repo = self.context.repo;
        let (query, key) = (self.clone.parent_query(self.context), Some(manifest.key()));
        let mut same = Vec::new();
        for image in &self.images {
            if image.is_of(&repo.path, &self.clone.target().branch)
                && image.labels.cache_key == key
                && parent::is_asked(query, &self.images, image, self.choice)?
            {
                same.push(image);
            }
        }
        if let Some(image) = same.iter().find(|image| image.tag == self.tag) {
            return Ok(Some(BuildAction::UpToDate(Box::new((*image).clone()))));
        }
        // Under another name it may be what somebody built on ours, which inherits the labels; what
        // has a record is ours.
        let ours = |image: &&&Image| records::has(repo, image).unwrap_or(false);
        let found = same.iter().find(ours);
        Ok(found.map(|image| BuildAction::Retag(Box::new((*image).clone()), self.tag.clone())))
    }

    fn build(self) -> Result<BuildPlan> {
        let (context, clone) = (self.context, self.clone);
        let selected = match (self.choice, clone.reuse) {
            // Who insists on building wants all of it built.
            (ParentChoice::Cheapest, Reuse::Steps | Reuse::Nothing) => SelectedParent::None(None),
            (choice, _) => parent::select(clone.parent_query(context), &self.images, choice)?,
        };
        match selected {
            SelectedParent::Nearest(nearest) => clone.on_nearest(context, self.tag, *nearest),
            SelectedParent::None(reason) => clone.into_plan(context, self.tag, reason),
        }
    }
}

/// What a full clone of the target would be.
#[derive(Debug, Clone)]
pub(crate) struct FullClone {
    subject: Subject,
    tool_layers: Option<ToolLayers>,
    options: CloneOptions,
    key: PlannedKey,
    reuse: Reuse,
}

impl FullClone {
    /// Plans it as if there was no other image of the repository.
    pub(crate) fn plan(context: BuildContext, target: Target, reuse: Reuse) -> Result<Self> {
        let mut subject = Subject::read(context, target)?;
        let options = context.clone_options()?;
        if options.objects == Objects::All && context.repo.is_partial()? {
            bail!(
                Failure::new("this is a partial clone, which has no packs that are all of it")
                    .hint("leave --objects (dkr.objects) out: what is missing is fetched then")
            );
        }
        let tool_layers = with_tool_layers(context, &mut subject.conf, &subject.target.commit)?;
        if let Some(remark) = tool_layers.as_ref().and_then(|l| l.remark.clone()) {
            subject.remarks.push(remark);
        }
        let Subject { conf, target, .. } = &subject;
        let found =
            gather_inputs::of_create(context, conf, target, &options, tool_layers.as_ref())?;
        let key = found.map_or_else(
            || PlannedKey::AfterPull(to_pull(conf, tool_layers.as_ref())),
            PlannedKey::Known,
        );
        Ok(Self {
            subject,
            tool_layers,
            options,
            key,
            reuse,
        })
    }

    /// What it would hold.
    pub(crate) fn target(&self) -> &Target {
        &self.subject.target
    }

    /// What it would depend on; `None` while the base image is not here.
    pub(crate) fn manifest(&self) -> Option<&KeyManifest> {
        self.key.manifest()
    }

    /// For the image that it can be built on in place of a clone.
    pub(crate) fn parent_query<'a>(&'a self, context: BuildContext<'a>) -> ParentQuery<'a> {
        ParentQuery {
            context,
            commit: &self.subject.target.commit,
            conf: &self.subject.conf,
            manifest: self.key.manifest(),
        }
    }

    /// The plan of the clone itself.
    pub(super) fn into_plan(
        mut self,
        context: BuildContext,
        tag: String,
        reason: Option<FullCloneReason>,
    ) -> Result<BuildPlan> {
        let Subject { conf, target, .. } = &self.subject;
        let ca = context.host.ca_bundle.is_some();
        let marks = context.repo.marks(self.options.objects)?;
        let text = dockerfile::create(conf, target, &self.options, &marks, ca)?;
        let foundation = match self.tool_layers.take() {
            Some(layers) => Foundation::ToolLayers { layers, reason },
            None => Foundation::BaseImage { reason },
        };
        Ok(self.built_on(foundation, context, tag, text))
    }

    fn on_nearest(
        self,
        context: BuildContext,
        tag: String,
        nearest: NearestImage,
    ) -> Result<BuildPlan> {
        let Subject { conf, target, .. } = &self.subject;
        let (parent, ca) = (&nearest.image.tag, context.host.ca_bundle.is_some());
        let text = dockerfile::update(conf, target, parent, ImageKind::Base, ca)?;
        Ok(self.built_on(Foundation::Nearest(nearest), context, tag, text))
    }

    fn built_on(
        self,
        foundation: Foundation,
        context: BuildContext,
        tag: String,
        dockerfile: String,
    ) -> BuildPlan {
        BuildPlan {
            target: self.subject.target,
            commit: self.subject.commit,
            conf: self.subject.conf,
            tag,
            foundation,
            reuse: self.reuse,
            objects: self.options.objects,
            asked: context.sources.flags(),
            key: self.key,
            dockerfile,
            remarks: self.subject.remarks,
        }
    }
}

/// Images that must be fetched before the cache key is known.
fn to_pull(conf: &Conf, tool_layers: Option<&ToolLayers>) -> Vec<String> {
    match tool_layers {
        Some(layers) => layers.absent().to_vec(),
        None => vec![conf.base_image.value.clone()],
    }
}

/// The layers that the settings ask for; the uppermost becomes the base image.
fn with_tool_layers(
    context: BuildContext,
    conf: &mut Conf,
    commit: &ObjectId,
) -> Result<Option<ToolLayers>> {
    let layers = tool_layers::plan(context, conf, commit)?;
    if let Some(layers) = &layers {
        layers.tag().clone_into(&mut conf.base_image.value);
    }
    Ok(layers)
}

/// What a create of a branch would depend on now; `None` while the base image is not here.
pub(crate) fn present_manifest(
    context: BuildContext,
    branch_from: &str,
) -> Result<Option<KeyManifest>> {
    let target = target::resolve(context.repo, Some(branch_from), FetchMode::No)?;
    let mut conf = context.settings_at(&target.commit)?;
    let layers = with_tool_layers(context, &mut conf, &target.commit)?;
    let options = context.clone_options()?;
    gather_inputs::of_create(context, &conf, &target, &options, layers.as_ref())
}
