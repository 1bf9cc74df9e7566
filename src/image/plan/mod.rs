//! The build plan: everything decided before any side effect.

mod build_plan;
mod create;
mod gather_inputs;
mod request;
mod scope;
mod subject;
mod tag;
mod tool_layers;
mod update;

use anyhow::Result;

use super::context::BuildContext;
use super::model::Target;

pub(crate) use build_plan::{BuildAction, BuildPlan, Foundation, PlannedKey};
pub(crate) use create::{FullClone, present_manifest};
pub(crate) use request::{BuildRequest, Reuse};
pub(crate) use scope::extras;
pub(crate) use tool_layers::ToolLayers;

/// Decides what is to be done for a request.
pub(crate) fn plan(
    context: BuildContext,
    target: Target,
    request: BuildRequest,
) -> Result<BuildAction> {
    match request {
        BuildRequest::Create { parent, reuse } => create::plan(context, target, parent, reuse),
        BuildRequest::Update { keep_chain } => update::plan(context, target, keep_chain),
    }
}

/// The build by which the image of a request would be made, were there none.
pub(crate) fn plan_build(
    context: BuildContext,
    target: Target,
    request: BuildRequest,
) -> Result<BuildPlan> {
    match request {
        BuildRequest::Create { parent, .. } => {
            create::plan_build(context, target, parent, Reuse::Steps)
        }
        BuildRequest::Update { keep_chain } => update::plan_build(context, target, keep_chain),
    }
}
