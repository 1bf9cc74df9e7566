//! `git dkr layer show`

use anyhow::Result;
use clap::Args;

use super::super::OutputFormat;
use super::args::CatalogArgs;
use crate::layers::report::{LayerRow, rows, tree};
use crate::ui::{self, Printer};

/// Show a layer: what it requires and provides, and why its image would be rebuilt
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The layer's name
    name: String,
    #[command(flatten)]
    catalog: CatalogArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Show {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let context = self.catalog.open(printer)?;
        let layer = context.catalog.get(&self.name)?;
        let definition = &layer.definition;
        let images = context.engine.all_images()?;
        let (plan, _) = context.plan(&[layer], &images)?;
        let rows: Vec<LayerRow> = rows(&plan).into_iter().filter(|row| row.own).collect();
        if self.format == OutputFormat::Json {
            let (this, below): (Vec<&LayerRow>, Vec<&LayerRow>) =
                rows.iter().partition(|row| row.name == self.name);
            let mut value = serde_json::to_value(this.first())?;
            value["below"] = serde_json::to_value(below)?;
            value["provides"] = serde_json::json!({
                "binaries": definition.binaries,
                "libraries": definition.libraries,
                "paths": definition.paths,
            });
            value["environment"] = serde_json::to_value(&definition.environment)?;
            value["aliases"] = serde_json::to_value(&definition.aliases)?;
            value["args"] = serde_json::to_value(&definition.args)?;
            ui::result(serde_json::to_string_pretty(&value)?)?;
            return Ok(0);
        }
        let Some(row) = rows.iter().find(|row| row.name == self.name) else {
            return Ok(1);
        };
        let say = |name: &str, text: &str| match text {
            "" => Ok(()),
            text => ui::result(format_args!("{name:<12} {text}")),
        };
        let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join("  ")
        };
        say("layer", &format!("{} {}", row.name, row.version))?;
        say("", row.description)?;
        say("from", &format!("{} ({})", row.directory, row.origin))?;
        say("versions", &row.versions.join(", "))?;
        say("image", row.tag)?;
        say("state", &state(row))?;
        say("binaries", &definition.binaries.join(" "))?;
        say("libraries", &definition.libraries.join(" "))?;
        say("paths", &definition.paths.join(" "))?;
        say("arguments", &pairs(&definition.args))?;
        say("environment", &pairs(&definition.environment))?;
        say("aliases", &pairs(&definition.aliases))?;
        ui::result("")?;
        ui::result(
            tree(&context.catalog, &plan, &self.name)?
                .to_string()
                .trim_end(),
        )?;
        Ok(0)
    }
}

fn state(row: &LayerRow) -> String {
    match row.size {
        Some(size) => format!("built, {}", ui::bytes(size)),
        None => format!("{}: {}", row.state, row.reasons.join("; ")),
    }
}
