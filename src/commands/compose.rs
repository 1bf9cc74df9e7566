//! `git dkr compose`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::OutputFormat;
use super::layer::{CatalogArgs, LayerContext};
use crate::error::Failure;
use crate::fs::write_with_mode;
use crate::layers::compose::make::{make, tags};
use crate::layers::compose::text::{MARK, dockerfile};
use crate::layers::compose::{Recipe, check_tag};
use crate::layers::plan::Planner;
use crate::ui::{self, Printer};

/// Make one image of what several layers provide
///
/// What [provides] of each layer names is copied out of its image, with the shared libraries that
/// it needs, into an image of the layers that [runtime] names. What is there already stays as it is.
/// Prints the Dockerfile, unless -o or --build is given.
#[derive(Debug, Args)]
pub(crate) struct Compose {
    /// The layers
    #[arg(required = true)]
    names: Vec<String>,
    /// Write the Dockerfile to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite a file that is not of git dkr
    #[arg(long, requires = "output")]
    force: bool,
    /// Build it, and the images of its layers, and give the result this name
    #[arg(long, value_name = "TAG")]
    build: Option<String>,
    #[command(flatten)]
    catalog: CatalogArgs,
    /// How to print the result of --build
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Compose {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let context = self.catalog.open(printer)?;
        let recipe = Recipe::new(&context.catalog, &self.names)?;
        if let Some(tag) = &self.build {
            check_tag(tag, &context.settings, &context.catalog)?;
        }
        let file = self
            .output
            .as_deref()
            .filter(|file| *file != Path::new("-"));
        if let Some(file) = file {
            self.check_file(file)?;
        }
        for remark in &recipe.remarks {
            printer.warn(remark);
        }
        if file.is_some() || self.build.is_none() {
            let text = text(&context, &recipe)?;
            match file {
                Some(file) => {
                    write_with_mode(file, text.as_bytes(), 0o644)?;
                    printer.status("wrote", &file.display().to_string());
                }
                None => ui::result(text.trim_end())?,
            }
        }
        if let Some(tag) = &self.build {
            self.build(&context, &recipe, tag)?;
        }
        Ok(0)
    }

    fn build(&self, context: &LayerContext, recipe: &Recipe, tag: &str) -> Result<()> {
        let (catalog, settings) = (&context.catalog, &context.settings);
        let made = make(context.for_builds(), catalog, settings, recipe, tag)?;
        for said in &made.said {
            context.printer.warn(said);
        }
        let size = ui::bytes(made.size);
        let apart = ui::bytes(made.apart);
        context.printer.status(
            "composed",
            &format!("{tag}  {size}; the images of its layers: {apart}"),
        );
        let names: Vec<&str> = recipe.layers.iter().map(|layer| layer.name()).collect();
        let remarks = [&recipe.remarks[..], &made.said[..]].concat();
        match self.format {
            OutputFormat::Json => ui::result(serde_json::to_string_pretty(&serde_json::json!({
                "tag": tag,
                "id": made.id,
                "layers": names,
                "size": made.size,
                "size_of_layers": made.apart,
                "remarks": remarks,
            }))?),
            OutputFormat::Text if !ui::stdout_is_terminal() => ui::result(tag),
            OutputFormat::Text => Ok(()),
        }
    }

    /// Somebody else's file is not ours to overwrite.
    fn check_file(&self, file: &Path) -> Result<()> {
        let shown = file.display();
        if file.is_dir() {
            bail!(
                Failure::new(format!("{shown} is a directory"))
                    .hint(format!("-o {shown}/Dockerfile"))
            );
        }
        if self.force || !file.exists() {
            return Ok(());
        }
        let old = crate::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        if !old.starts_with(MARK.as_bytes()) {
            bail!(
                Failure::new(format!(
                    "{shown} exists, and git dkr compose did not write it"
                ))
                .hint("--force overwrites it")
            );
        }
        Ok(())
    }
}

/// The Dockerfile, whether its images are there or not.
fn text(context: &LayerContext, recipe: &Recipe) -> Result<String> {
    let images = context.engine.all_images()?;
    let mut planner = Planner::new(&context.catalog, &context.settings, &images);
    let places = recipe.plan(&mut planner, &context.catalog)?;
    let plan = planner.finish();
    Ok(dockerfile(recipe, &tags(recipe, &plan, &places)?))
}
