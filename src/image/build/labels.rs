//! The labels of the image that a plan gives.

use anyhow::Result;
use jiff::Timestamp;

use crate::image::context::BuildContext;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::labels::Labels;
use crate::image::plan::{BuildPlan, ToolLayers};

/// What is said of the image, now.
pub(super) fn labels(
    context: BuildContext,
    plan: &BuildPlan,
    manifest: &KeyManifest,
) -> Result<Labels> {
    let (parent, target) = (plan.foundation.parent(), &plan.target);
    let below = parent.map(|(image, _)| &image.labels);
    let tool_layers = plan.foundation.tool_layers();
    let (layers, agent) = match below {
        Some(below) => (below.layers.clone(), below.agent.clone()),
        None => (
            tool_layers.map(ToolLayers::names).unwrap_or_default(),
            tool_layers.and_then(|layers| layers.agent.clone()),
        ),
    };
    let base_size = match below {
        Some(below) => below.base_size,
        None => {
            let base = context.engine.inspect_one(&plan.conf.base_image.value)?;
            base.map(|base| base.size)
        }
    };
    Ok(Labels {
        repo_path: context.repo.path.clone(),
        repo_name: context.repo.name(),
        branch: target.branch.clone(),
        branch_from: target.branch_from.clone(),
        stays: target.reference.is_none(),
        commit: target.commit.clone(),
        created_at: Timestamp::now(),
        kind: plan.foundation.kind(),
        parent: parent.map(|(image, _)| image.id.clone()),
        base_size,
        bottom: parent.map(|(_, base)| base.clone()),
        layers,
        agent,
        asked: plan.asked.clone(),
        cache_key: Some(manifest.key()),
        manifest: manifest.to_label(),
    })
}
