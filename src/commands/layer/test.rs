//! `git dkr layer test`

use anyhow::Result;
use clap::Args;

use super::super::OutputFormat;
use super::args::{CatalogArgs, LayerContext};
use crate::layers::build;
use crate::layers::check::{self, CheckResult, LayerCheck, checks};
use crate::layers::compose::Recipe;
use crate::layers::compose::make::{TempImage, make};
use crate::layers::layer::Layer;
use crate::report::report;
use crate::ui::{self, Printer};

/// Try layers: that all of [provides] and [aliases] is in their images, and starts
///
/// Images that are not there are built first; one that cannot be built stops none of the others. Then the
/// layers are composed into one image, where there are several or one has a [runtime], and tried again in it.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The layers to try
    names: Vec<String>,
    /// Try all layers but the built-in ones
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Do not compose them
    #[arg(long)]
    no_compose: bool,
    #[command(flatten)]
    catalog: CatalogArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Test {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let context = self.catalog.open(printer)?;
        let layers = context.chosen(&self.names, self.all, "try")?;
        let (mut tried, all_built) = apart(&context, &layers)?;
        if !self.no_compose && !all_built {
            printer.warn("they are not tried in one image, as some could not be built");
        } else if !self.no_compose {
            tried.extend(together(&context, &layers)?);
        }
        self.print(&tried, layers.len())
    }

    fn print(&self, tried: &[CheckResult], layers: usize) -> Result<u8> {
        let failed = tried.iter().filter(|tried| !tried.ok).count();
        if self.format == OutputFormat::Json {
            ui::result(serde_json::to_string_pretty(tried)?)?;
            return Ok(u8::from(failed > 0));
        }
        let rows = tried.iter().map(|tried| {
            vec![
                tried.layer.clone(),
                tried.check.to_owned(),
                tried.what.clone(),
                if tried.ok { "ok" } else { "FAILED" }.to_owned(),
                tried.detail.clone(),
            ]
        });
        let header = ["layer", "check", "what", "result", ""];
        if !tried.is_empty() {
            ui::result(ui::table(&header, rows.collect()))?;
        }
        let of = format!(
            "{} in {}",
            count(tried.len(), "check"),
            count(layers, "layer")
        );
        ui::result(match (failed, tried.len()) {
            (_, 0) => "nothing to try: no [provides], no [aliases]".to_owned(),
            (0, _) => format!("all well: {of}"),
            (failed, _) => format!("{failed} failed: {of}"),
        })?;
        Ok(u8::from(failed > 0))
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Each layer in its own image; and whether all of them could be built.
fn apart(context: &LayerContext, layers: &[&Layer]) -> Result<(Vec<CheckResult>, bool)> {
    let engine = &context.engine;
    let mut images = engine.all_images()?;
    let mut failures = context.pull_absent(layers, &mut images)?;
    let (plan, places) = context.plan(layers, &images)?;
    let unbuilt = build::build_what_can_be(context.for_builds(), &plan, &[])?;
    build::name_plainly(engine, &plan)?;
    failures.extend(unbuilt.failures);
    for (_, error) in &failures {
        report(error, context.printer);
    }
    let missing = |name: &str| {
        let own = failures.iter().find(|(failed, _)| failed == name);
        match own {
            Some((_, error)) => Some(format!("{error:#}")),
            None if unbuilt.untried.iter().any(|untried| untried == name) => {
                Some("what it stands on could not be built".to_owned())
            }
            None => None,
        }
    };
    let mut tried = Vec::new();
    for (layer, at) in layers.iter().zip(places) {
        let tag = &plan.nodes[at].tag;
        if let Some(detail) = missing(layer.name()) {
            tried.push(CheckResult {
                layer: layer.name().to_owned(),
                check: "image",
                what: tag.clone(),
                ok: false,
                detail,
            });
            continue;
        }
        let line = context
            .printer
            .progress(&format!("trying {}", layer.name()));
        let checks = checks(&layer.definition);
        tried.extend(check::run(engine, layer.name(), tag, &checks)?);
        drop(line);
    }
    Ok((tried, failures.is_empty()))
}

/// All of them in one image, which is removed again.
fn together(context: &LayerContext, layers: &[&Layer]) -> Result<Vec<CheckResult>> {
    let provides = |layer: &&&Layer| {
        let definition = &layer.definition;
        !definition.binaries.is_empty()
            || !definition.paths.is_empty()
            || !definition.libraries.is_empty()
    };
    let named: Vec<&Layer> = layers.iter().filter(provides).copied().collect();
    let has_runtime = |layer: &&Layer| !layer.definition.runtime.is_empty();
    if named.is_empty() || (named.len() == 1 && !named.iter().any(has_runtime)) {
        return Ok(Vec::new());
    }
    let names: Vec<String> = named.iter().map(|layer| layer.name().to_owned()).collect();
    let recipe = Recipe::new(&context.catalog, &names)?;
    let scrap = TempImage::new(&context.engine);
    let made = make(
        context.for_builds(),
        &context.catalog,
        &context.settings,
        &recipe,
        scrap.tag(),
    );
    if let Err(error) = made {
        // The step's own words were shown; a layer that does not compose is a result.
        crate::proc::check_interrupted()?;
        return Ok(vec![CheckResult {
            layer: "composed".to_owned(),
            check: "image",
            what: names.join(" "),
            ok: false,
            detail: format!("{:#}", error),
        }]);
    }
    let mut all: Vec<LayerCheck> = Vec::new();
    for check in named.iter().flat_map(|layer| checks(&layer.definition)) {
        if !all.contains(&check) {
            all.push(check);
        }
    }
    check::run(&context.engine, "composed", scrap.tag(), &all)
}
