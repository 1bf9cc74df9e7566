//! The layers under a repository: what its settings ask for, at one commit.

use anyhow::{Result, bail};

use super::plan::{BuildContext, Reuse};
use crate::conf::{Conf, Stack};
use crate::error::Failure;
use crate::git::{ObjectId, Repo};
use crate::layers::build;
use crate::layers::catalog::{LayerCatalog, LayerSettings};
use crate::layers::detect;
use crate::layers::plan::{LayerPlan, LayerState, Planner};
use crate::layers::sources::{self, RepositoryFiles};
use crate::layers::stack::{self, StackRequest};

/// What a repository's image stands on, when that is made of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolLayers {
    /// What the lowest layer stands on, when the settings say so.
    pub base: Option<String>,
    /// The layers, from the bottom.
    pub layers: Vec<String>,
    /// The agent in it.
    pub agent: Option<String>,
    /// The name of the uppermost image.
    pub tag: String,
    /// The key over all of it; `None` while an image that it stands on is not here.
    pub key: Option<String>,
    /// How many of the images are to be built.
    pub to_build: usize,
    /// Images that are to be fetched before it can be built.
    pub absent: Vec<String>,
    /// The image at the very bottom; none below a layer that is made from scratch.
    pub bottom: Option<String>,
    /// What the user should hear of languages that no layer brings tools for.
    pub remark: Option<String>,
}

impl Conf {
    /// Whether the base image is made of layers.
    pub fn has_layers(&self) -> bool {
        self.stack.value != Stack::None
            || self.agent.value.is_some()
            || !self.layers.value.is_empty()
    }
}

/// Languages by their layers, and what is to be said of those without one.
fn languages(repo: &Repo, conf: &Conf, commit: &ObjectId) -> Result<(Vec<String>, Option<String>)> {
    Ok(match &conf.stack.value {
        Stack::None => (Vec::new(), None),
        Stack::Names(names) => (names.clone(), None),
        Stack::Auto => {
            let detected = detect::languages(repo, commit)?;
            let layers = detected.iter().filter_map(|found| found.layer);
            let layers = layers.map(str::to_owned).collect();
            (layers, detect::without_layer(&detected))
        }
    })
}

/// Plans the layers and hands the plan on, with the place of the uppermost.
fn planned<T>(
    context: BuildContext,
    conf: &Conf,
    base: Option<String>,
    commit: &ObjectId,
    then: impl FnOnce(&LayerPlan, usize, Option<String>) -> Result<T>,
) -> Result<T> {
    let settings = LayerSettings {
        base,
        ..LayerSettings::of(conf)
    };
    let catalog: LayerCatalog = sources::gather(
        &[],
        RepositoryFiles::Commit(context.repo, commit),
        &settings,
    )?;
    let (languages, remark) = languages(context.repo, conf, commit)?;
    let wanted = StackRequest {
        languages: &languages,
        layers: &conf.layers.value,
        agent: conf.agent.value.as_deref(),
    };
    let order = stack::order(&catalog, wanted)?;
    let images = context.engine.all_images()?;
    let mut planner = Planner::new(&catalog, &settings, &images);
    let top = planner.stack(&order)?;
    then(&planner.finish(), top, remark)
}

/// The settings at a commit with the base image that they come to: the uppermost of the layers
/// that they ask for, if they do.
pub fn resolve_base_image(
    context: BuildContext,
    mut conf: Conf,
    commit: &ObjectId,
) -> Result<(Conf, Option<ToolLayers>)> {
    let tool_layers = tool_layers(context, &conf, commit)?;
    if let Some(tool_layers) = &tool_layers {
        conf.base_image.value.clone_from(&tool_layers.tag);
    }
    Ok((conf, tool_layers))
}

fn tool_layers(
    context: BuildContext,
    conf: &Conf,
    commit: &ObjectId,
) -> Result<Option<ToolLayers>> {
    if !conf.has_layers() {
        return Ok(None);
    }
    let base = LayerSettings::of(conf).base;
    planned(context, conf, base.clone(), commit, |plan, top, remark| {
        let missing = |state: &LayerState| {
            context.reuse != Reuse::Images
                || !matches!(state, LayerState::Built { named: true, .. })
        };
        let node = &plan.nodes[top];
        let bottom = plan.nodes.iter().find(|node| node.below.is_empty());
        let bottom = bottom.and_then(|node| node.layer.text.froms.first());
        Ok(Some(ToolLayers {
            base,
            layers: node.chain().map(str::to_owned).collect(),
            agent: conf.agent.value.clone(),
            tag: node.tag.clone(),
            key: node.key.clone(),
            to_build: plan
                .nodes
                .iter()
                .filter(|node| missing(&node.state))
                .count(),
            absent: plan.absent.clone(),
            bottom: bottom.map(|from| from.image.clone()),
            remark,
        }))
    })
}

/// Builds whatever of it is not there, and all of it where no image is to be used again.
pub fn make(
    context: BuildContext,
    conf: &Conf,
    commit: &ObjectId,
    expected: &ToolLayers,
) -> Result<()> {
    planned(
        context,
        conf,
        expected.base.clone(),
        commit,
        |plan, top, _| {
            // What is cloned onto must be what the cache key was made of.
            if plan.nodes[top].key != expected.key {
                bail!(
                    Failure::new("an image under the layers changed while they were planned")
                        .hint("try again")
                );
            }
            let force: Vec<usize> = match context.reuse {
                Reuse::Images => Vec::new(),
                Reuse::Steps | Reuse::Nothing => (0..plan.nodes.len()).collect(),
            };
            let context = build::LayerBuildContext {
                engine: context.engine,
                host: context.host,
            };
            build::build(context, plan, &force)
        },
    )
}
