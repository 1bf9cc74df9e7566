//! What a build would come to, for those who only look.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::{ImageRow, OutputFormat};
use crate::image::Target;
use crate::image::plan::{BuildAction, BuildContext, BuildPlan, Reuse};
use crate::image::scope;
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

/// A step as programs read it.
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
    why: Option<&'a str>,
    /// The layers that a full clone stands on, and how many of them are not here yet.
    layers: &'a [String],
    layers_to_build: usize,
    dockerfile: &'a str,
}

impl<'a> PlannedAction<'a> {
    fn of(step: &'a BuildAction) -> Self {
        match step {
            BuildAction::Nothing(image) => Self::Nothing {
                tag: &image.tag,
                image: ImageRow::new(image, None),
            },
            BuildAction::Tag(image, tag) => Self::Tag {
                tag,
                image: ImageRow::new(image, None),
            },
            BuildAction::Build(plan) => Self::Build(PlannedBuild::of(plan)),
        }
    }
}

impl<'a> PlannedBuild<'a> {
    fn of(plan: &'a BuildPlan) -> Self {
        let tool_layers = plan.tool_layers.as_ref();
        Self {
            tag: &plan.tag,
            branch: &plan.target.branch,
            branch_from: &plan.target.branch_from,
            commit: plan.target.commit.as_str(),
            r#type: plan.kind.name(),
            base_image: &plan.conf.base_image.value,
            parent: plan.parent.as_ref().map(|parent| &*parent.tag),
            why: plan.why.as_deref(),
            layers: tool_layers.map_or(&[], |tool_layers| &tool_layers.layers),
            layers_to_build: tool_layers.map_or(0, |tool_layers| tool_layers.to_build),
            dockerfile: &plan.dockerfile,
        }
    }
}

impl PlanArgs {
    /// Whether nothing is to be done.
    pub(super) fn only_looks(&self) -> bool {
        self.dry_run || self.print_dockerfile
    }

    /// Prints what `plan` plans.
    pub(super) fn look(
        &self,
        context: BuildContext,
        target: Target,
        plan: impl Fn(BuildContext, Target) -> Result<BuildAction>,
        format: OutputFormat,
    ) -> Result<()> {
        let mut step = plan(context, target.clone())?;
        if self.print_dockerfile && !matches!(step, BuildAction::Build(_)) {
            // Of what is there already: the one by which it would be built.
            let reuse = Reuse::Steps;
            step = plan(BuildContext { reuse, ..context }, target)?;
        }
        if let BuildAction::Build(plan) = &step {
            scope::extras(context, plan)?;
            if self.print_dockerfile {
                return ui::result(plan.dockerfile.trim_end());
            }
            for remark in &plan.remarks {
                ui::warn(remark);
            }
        }
        if format == OutputFormat::Json {
            return ui::result(serde_json::to_string_pretty(&PlannedAction::of(&step))?);
        }
        match &step {
            BuildAction::Nothing(image) => ui::result(format_args!("{} is up to date", image.tag)),
            BuildAction::Tag(image, tag) => ui::result(format_args!(
                "{} is up to date, and becomes {tag}",
                image.tag
            )),
            BuildAction::Build(plan) => show(plan),
        }
    }
}

fn show(plan: &BuildPlan) -> Result<()> {
    ui::result(format_args!(
        "commit  {} {}",
        plan.commit.short, plan.commit.subject
    ))?;
    if let Some(tool_layers) = &plan.tool_layers {
        let layers = tool_layers.layers.join(" ");
        let count = tool_layers.to_build;
        ui::result(format_args!("layers  {layers} ({count} to build)"))?;
    }
    if let Some(why) = plan.why_full() {
        ui::result(format_args!("clone   {why}"))?;
    }
    ui::result(format_args!("build   {}", plan.describe()))
}
