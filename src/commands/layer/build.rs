//! `git dkr layer build`

use anyhow::{Result, bail};
use clap::Args;

use super::super::OutputFormat;
use super::args::CatalogArgs;
use crate::error::Failure;
use crate::layers::build;
use crate::layers::plan::LayerState;
use crate::layers::report::{LayerRow, rows};
use crate::report::report;
use crate::ui::{self, Printer};

/// Build the images of layers, and of all that they require
///
/// What is there and as it should be is left alone. Layers that do not stand on each other are
/// built at the same time. When one fails, those that do not stand on it are built all the same.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The layers to build
    names: Vec<String>,
    /// Build all layers but the built-in ones
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Build these layers even when they are there, and run each of their steps again
    #[arg(long)]
    force_rebuild: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    catalog: CatalogArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Build {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let context = self.catalog.open(printer)?;
        let layers = context.chosen(&self.names, self.all, "build")?;
        let mut images = context.engine.all_images()?;
        let mut failures = match self.dry_run {
            true => Vec::new(),
            false => context.pull_absent(&layers, &mut images)?,
        };
        let (plan, _) = context.plan(&layers, &images)?;
        let wanted = |name: &str| layers.iter().any(|layer| layer.name() == name);
        let force: Vec<usize> = (0..plan.nodes.len())
            .filter(|at| self.force_rebuild && wanted(plan.nodes[*at].layer.name()))
            .collect();
        if self.dry_run && self.format == OutputFormat::Json {
            // The states of before say what would be done.
            ui::result(serde_json::to_string_pretty(&rows(&plan))?)?;
            return Ok(0);
        }
        if self.dry_run {
            for (at, node) in plan.nodes.iter().enumerate() {
                let what = match &node.state {
                    _ if force.contains(&at) => "build".to_owned(),
                    LayerState::Built { named: true, .. } => continue,
                    LayerState::Built { .. } => "tag".to_owned(),
                    LayerState::Changed(reasons) => format!("build ({})", reasons.join("; ")),
                    LayerState::Missing => "build".to_owned(),
                };
                ui::result(format_args!("{}  {what}", node.tag))?;
            }
            return Ok(0);
        }
        let unbuilt = build::build_what_can_be(context.for_builds(), &plan, &force)?;
        build::name_plainly(&context.engine, &plan)?;
        failures.extend(unbuilt.failures);
        all_built(failures, &unbuilt.untried, printer)?;
        self.print(
            &plan.nodes.iter().map(|node| &*node.tag).collect::<Vec<_>>(),
            || {
                let images = context.engine.all_images()?;
                let (plan, _) = context.plan(&layers, &images)?;
                let rows: Vec<LayerRow> = rows(&plan);
                Ok(serde_json::to_string_pretty(&rows)?)
            },
            printer,
        )?;
        Ok(0)
    }

    /// The names of the images for a script, or all of them; a person has read them.
    fn print(
        &self,
        tags: &[&str],
        json: impl Fn() -> Result<String>,
        printer: Printer,
    ) -> Result<()> {
        match self.format {
            OutputFormat::Json => ui::result(json()?),
            OutputFormat::Text if !ui::stdout_is_terminal() => tags.iter().try_for_each(ui::result),
            OutputFormat::Text => {
                printer.status("fresh", &tags.join(" "));
                Ok(())
            }
        }
    }
}

/// An error when something was not built: each has its own story, and the last one names all.
fn all_built(
    failures: Vec<(String, anyhow::Error)>,
    untried: &[String],
    printer: Printer,
) -> Result<()> {
    let names: Vec<&str> = failures.iter().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut message = format!("some layers were not built; failed: {}", names.join(", "));
    if !untried.is_empty() {
        message += "; not tried, as they stand on those: ";
        message += &untried.join(", ");
    }
    for (_, error) in &failures {
        report(error, printer);
    }
    bail!(Failure::new(message).hint("run the same command again to build what is missing"))
}
