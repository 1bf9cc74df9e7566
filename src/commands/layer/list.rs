//! `git dkr layer list`

use anyhow::Result;
use clap::Args;

use super::super::OutputFormat;
use super::args::CatalogArgs;
use crate::layers::report::{LayerRow, rows};
use crate::ui::{self, Printer};

/// List the layers there are, and whether their images are built
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    catalog: CatalogArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl List {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let context = self.catalog.open(printer)?;
        let images = context.engine.all_images()?;
        let (plan, _) = context.plan(
            &context.catalog.layers.values().collect::<Vec<_>>(),
            &images,
        )?;
        let rows: Vec<LayerRow> = rows(&plan).into_iter().filter(|row| row.own).collect();
        if self.format == OutputFormat::Json {
            ui::result(serde_json::to_string_pretty(&rows)?)?;
            return Ok(0);
        }
        let lines = rows.iter().map(|row| {
            let size = row.size.map_or(String::new(), ui::bytes);
            let requires = row.requires.join(" ");
            vec![
                row.name.to_owned(),
                row.version.to_owned(),
                row.origin.to_owned(),
                requires,
                row.state.to_owned(),
                size,
                row.versions.join(", "),
                row.description.to_owned(),
            ]
        });
        let header = [
            "layer",
            "version",
            "from",
            "requires",
            "state",
            "size",
            "versions",
            "description",
        ];
        ui::result(ui::table(&header, lines.collect()))?;
        Ok(0)
    }
}
