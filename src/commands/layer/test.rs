//! `git dkr layer test`

use anyhow::Result;
use clap::Args;

use super::super::Format;
use super::{ShelfArgs, Workshop};
use crate::layers::check::{self, Check, Tried, checks};
use crate::layers::compose::Recipe;
use crate::layers::compose::make::{Scrap, make, ready};
use crate::layers::shelf::Layer;
use crate::ui;

/// Try layers: that all of [provides] and [aliases] is in their images, and starts
///
/// Images that are not there are built first. Then the layers are composed into one image, where
/// there are several or one has a [runtime], and tried again in it.
#[derive(Debug, Args)]
pub struct Test {
    /// The layers to try
    names: Vec<String>,
    /// Try all layers but the built-in ones
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Do not compose them
    #[arg(long)]
    no_compose: bool,
    #[command(flatten)]
    shelf: ShelfArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Test {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let workshop = self.shelf.open()?;
        let layers = workshop.chosen(&self.names, self.all, "try")?;
        let mut tried = apart(&workshop, &layers)?;
        if !self.no_compose {
            tried.extend(together(&workshop, &layers)?);
        }
        self.print(&tried, layers.len())
    }

    fn print(&self, tried: &[Tried], layers: usize) -> Result<u8> {
        let failed = tried.iter().filter(|tried| !tried.ok).count();
        if self.format == Format::Json {
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

/// Each layer in its own image.
fn apart(workshop: &Workshop, layers: &[&Layer]) -> Result<Vec<Tried>> {
    let tags = ready(
        workshop.site(),
        &workshop.shelf,
        &workshop.settings,
        |planner, shelf| {
            let own = layers
                .iter()
                .map(|layer| planner.own(shelf.get(layer.name())?));
            own.collect::<Result<Vec<usize>, _>>()
        },
        |plan, places| {
            Ok(places
                .iter()
                .map(|at| plan.nodes[*at].tag.clone())
                .collect())
        },
    )?;
    let tags: Vec<String> = tags;
    let mut tried = Vec::new();
    for (layer, tag) in layers.iter().zip(&tags) {
        let line = ui::Progress::start(&format!("trying {}", layer.name()));
        let checks = checks(&layer.definition);
        tried.extend(check::run(&workshop.engine, layer.name(), tag, &checks)?);
        drop(line);
    }
    Ok(tried)
}

/// All of them in one image, which is removed again.
fn together(workshop: &Workshop, layers: &[&Layer]) -> Result<Vec<Tried>> {
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
    let recipe = Recipe::new(&workshop.shelf, &names)?;
    let scrap = Scrap::new(&workshop.engine);
    let made = make(
        workshop.site(),
        &workshop.shelf,
        &workshop.settings,
        &recipe,
        scrap.tag(),
    );
    if let Err(error) = made {
        // The step's own words were shown; a layer that does not compose is a result.
        crate::proc::check_interrupted()?;
        return Ok(vec![Tried {
            layer: "composed".to_owned(),
            check: "image",
            what: names.join(" "),
            ok: false,
            detail: format!("{:#}", error),
        }]);
    }
    let mut all: Vec<Check> = Vec::new();
    for check in named.iter().flat_map(|layer| checks(&layer.definition)) {
        if !all.contains(&check) {
            all.push(check);
        }
    }
    check::run(&workshop.engine, "composed", scrap.tag(), &all)
}
