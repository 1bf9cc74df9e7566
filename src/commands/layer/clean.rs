//! `git dkr layer clean`

use anyhow::{Result, bail};
use clap::Args;

use super::args::CatalogArgs;
use crate::error::Failure;
use crate::layers::catalog::parse_layer_tag;
use crate::layers::plan::KEY;
use crate::ui::{self, Printer};

/// Remove the images of layers
///
/// Images that others stand on keep their content until those are gone too.
#[derive(Debug, Args)]
pub(super) struct Clean {
    /// The layers whose images go
    names: Vec<String>,
    /// Remove the images of all layers
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    catalog: CatalogArgs,
}

impl Clean {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        if self.names.is_empty() && !self.all {
            bail!(Failure::new("no layer to clean").hint("name some, or --all"));
        }
        let context = self.catalog.open(printer)?;
        for name in &self.names {
            context.catalog.get(name)?;
        }
        let prefix = &context.settings.prefix;
        let images = context.engine.all_images()?;
        let tags = images
            .iter()
            .filter(|image| image.labels.contains_key(KEY))
            .flat_map(|image| &image.names)
            .filter(|tag| {
                let name = parse_layer_tag(tag, prefix).map(|(name, _)| name);
                name.is_some_and(|name| self.all || self.names.iter().any(|n| n == name))
            });
        let tags: Vec<&String> = tags.collect();
        for tag in &tags {
            if self.dry_run {
                ui::result(tag)?;
            } else {
                context.engine.untag(tag)?;
                printer.status("removed", tag);
            }
        }
        if tags.is_empty() {
            printer.status("nothing", "no image of these layers is there");
        }
        Ok(0)
    }
}
