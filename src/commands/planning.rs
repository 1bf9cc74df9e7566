//! What a build would come to, for those who only look.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::{ImageRow, OutputFormat};
use crate::image::Target;
use crate::image::context::BuildContext;
use crate::image::plan::{self, BuildAction, BuildPlan, BuildRequest, Foundation, ToolLayers};
use crate::ui;

/// What to do with a plan.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the Dockerfile, and do nothing
    #[arg(long, conflicts_with = "format")]
    print_dockerfile: bool,
}

/// An action as programs read it.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum PlannedAction<'a> {
    /// This image is what is wanted.
    Nothing { tag: &'a str, image: ImageRow<'a> },
    /// This image is, and gets the name.
    Tag { tag: &'a str, image: ImageRow<'a> },
    /// An image is to be built.
    Build(PlannedBuild<'a>),
}

#[derive(Debug, Serialize)]
struct PlannedBuild<'a> {
    tag: &'a str,
    branch: &'a str,
    branch_from: &'a str,
    commit: &'a str,
    r#type: &'static str,
    base_image: &'a str,
    /// The image that it is put on; `null` for a full clone.
    parent: Option<&'a str>,
    /// How far it is from there, or why it is a full clone, where there is something to tell.
    why: Option<String>,
    /// The layers that a full clone stands on, and how many of them are not here yet.
    layers: Vec<String>,
    layers_to_build: usize,
    dockerfile: &'a str,
}

impl<'a> PlannedAction<'a> {
    fn of(action: &'a BuildAction) -> Self {
        match action {
            BuildAction::UpToDate(image) => Self::Nothing {
                tag: &image.tag,
                image: ImageRow::new(image, None),
            },
            BuildAction::Retag(image, tag) => Self::Tag {
                tag,
                image: ImageRow::new(image, None),
            },
            BuildAction::Build(plan) => Self::Build(PlannedBuild::of(plan)),
        }
    }
}

impl<'a> PlannedBuild<'a> {
    fn of(plan: &'a BuildPlan) -> Self {
        let foundation = &plan.foundation;
        let tool_layers = foundation.tool_layers();
        Self {
            tag: &plan.tag,
            branch: &plan.target.branch,
            branch_from: &plan.target.branch_from,
            commit: plan.target.commit.as_str(),
            r#type: foundation.kind().name(),
            base_image: &plan.conf.base_image.value,
            parent: foundation.parent().map(|(image, _)| &*image.tag),
            why: match foundation {
                Foundation::Nearest(nearest) => Some(nearest.distance.clone()),
                _ => foundation.full_clone_reason().map(ToString::to_string),
            },
            layers: tool_layers.map(ToolLayers::names).unwrap_or_default(),
            layers_to_build: tool_layers.map_or(0, |layers| layers.to_build(plan.reuse)),
            dockerfile: &plan.dockerfile,
        }
    }
}

impl PlanArgs {
    /// Whether nothing is to be done.
    pub(super) fn only_looks(&self) -> bool {
        self.dry_run || self.print_dockerfile
    }

    /// Prints what a request comes to.
    pub(super) fn look(
        &self,
        context: BuildContext,
        target: Target,
        request: BuildRequest,
        format: OutputFormat,
    ) -> Result<()> {
        let action = plan::plan(context, target.clone(), request)?;
        if self.print_dockerfile {
            // Of what is there already: the one by which it would be built.
            let build = match action {
                BuildAction::Build(build) => *build,
                _ => plan::plan_build(context, target, request)?,
            };
            plan::extras(context, &build)?;
            return ui::result(build.dockerfile.trim_end());
        }
        if let BuildAction::Build(build) = &action {
            plan::extras(context, build)?;
            for remark in &build.remarks {
                context.printer.warn(remark);
            }
        }
        if format == OutputFormat::Json {
            return ui::result(serde_json::to_string_pretty(&PlannedAction::of(&action))?);
        }
        match &action {
            BuildAction::UpToDate(image) => ui::result(format_args!("{} is up to date", image.tag)),
            BuildAction::Retag(image, tag) => ui::result(format_args!(
                "{} is up to date, and becomes {tag}",
                image.tag
            )),
            BuildAction::Build(plan) => show(plan),
        }
    }
}

fn show(plan: &BuildPlan) -> Result<()> {
    let commit = &plan.commit;
    ui::result(format_args!("commit  {} {}", commit.short, commit.subject))?;
    if let Some(layers) = plan.foundation.tool_layers() {
        let (names, count) = (layers.names().join(" "), layers.to_build(plan.reuse));
        ui::result(format_args!("layers  {names} ({count} to build)"))?;
    }
    if let Some(reason) = plan.foundation.full_clone_reason() {
        ui::result(format_args!("clone   {reason}"))?;
    }
    ui::result(format_args!("build   {}", plan.describe()))
}
