//! The layers under a repository: what its settings ask for, at one commit.

use anyhow::Result;

use super::request::Reuse;
use crate::conf::{Conf, Stack};
use crate::git::{ObjectId, Repo};
use crate::image::context::BuildContext;
use crate::layers::catalog::LayerSettings;
use crate::layers::detect;
use crate::layers::plan::{LayerNode, LayerPlan, LayerState, Planner};
use crate::layers::sources::{self, RepositoryFiles};
use crate::layers::stack::{self, StackRequest};

/// What a repository's image stands on, when that is made of layers.
#[derive(Debug, Clone)]
pub(crate) struct ToolLayers {
    plan: LayerPlan,
    /// The uppermost among the plan's nodes.
    top: usize,
    /// The coding agent in it.
    pub agent: Option<String>,
    /// What the user should hear of languages that no layer brings tools for.
    pub remark: Option<String>,
}

impl ToolLayers {
    fn top(&self) -> &LayerNode {
        &self.plan.nodes[self.top]
    }

    /// The layers by name, from the bottom.
    pub(crate) fn names(&self) -> Vec<String> {
        self.top().chain().map(str::to_owned).collect()
    }

    /// The name of the uppermost image.
    pub(crate) fn tag(&self) -> &str {
        &self.top().tag
    }

    /// The key over all of it; `None` while an image that it stands on is not here.
    pub(crate) fn key(&self) -> Option<&str> {
        self.top().key.as_deref()
    }

    /// The images and how they are built.
    pub(crate) fn plan(&self) -> &LayerPlan {
        &self.plan
    }

    /// Images that are to be fetched before it can be built.
    pub(crate) fn absent(&self) -> &[String] {
        &self.plan.absent
    }

    /// The image at the very bottom; none below a layer that is made from scratch.
    pub(crate) fn bottom(&self) -> Option<&str> {
        let bottom = self.plan.nodes.iter().find(|node| node.below.is_empty());
        let from = bottom.and_then(|node| node.layer.text.froms.first());
        from.map(|from| from.image.as_str())
    }

    /// Those of the images that are built whatever there is: places among the plan's nodes.
    pub(crate) fn forced(&self, reuse: Reuse) -> Vec<usize> {
        match reuse {
            Reuse::Images => Vec::new(),
            Reuse::Steps | Reuse::Nothing => (0..self.plan.nodes.len()).collect(),
        }
    }

    /// How many of the images are to be built.
    pub(crate) fn to_build(&self, reuse: Reuse) -> usize {
        let is_there =
            |node: &&LayerNode| matches!(node.state, LayerState::Built { named: true, .. });
        let there = match reuse {
            Reuse::Images => self.plan.nodes.iter().filter(is_there).count(),
            Reuse::Steps | Reuse::Nothing => 0,
        };
        self.plan.nodes.len() - there
    }
}

/// Plans the layers that the settings at a commit ask for, if they do.
pub(super) fn plan(
    context: BuildContext,
    conf: &Conf,
    commit: &ObjectId,
) -> Result<Option<ToolLayers>> {
    if !conf.has_layers() {
        return Ok(None);
    }
    let settings = LayerSettings::of(conf);
    let files = RepositoryFiles::Commit(context.repo, commit);
    let catalog = sources::gather(&[], files, &settings)?;
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
    Ok(Some(ToolLayers {
        plan: planner.finish(),
        top,
        agent: conf.agent.value.clone(),
        remark,
    }))
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
