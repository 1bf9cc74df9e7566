//! Building what is composed, and the images of layers that somebody wants to be there.

use anyhow::{Context, Result};

use super::recipe::{Recipe, RecipeImages, Runtime};
use super::text::{self, RecipeTags, SourceTag};
use crate::engine::{BuildEvent, BuildSpec, Engine, EngineImage};
use crate::error::Failure;
use crate::fs::{TempDir, write_private};
use crate::layers::build::{self, LayerBuildContext};
use crate::layers::catalog::{LayerCatalog, LayerSettings};
use crate::layers::plan::{LayerNode, LayerPlan, Planner};

/// The label of a composed image: the layers in it.
pub(crate) const COMPOSED: &str = "dkr.composed";
/// How lines begin that are for the user, in a build that nobody watches.
const SAID: &str = "dkr: ";

/// Plans images and builds those that are not there. Gives what `read` makes of the plan.
pub(crate) fn ready<T, R>(
    context: LayerBuildContext,
    catalog: &LayerCatalog,
    settings: &LayerSettings,
    what: impl for<'p> Fn(&mut Planner<'p>, &'p LayerCatalog) -> Result<T, Failure>,
    read: impl Fn(&LayerPlan, &T) -> Result<R, Failure>,
) -> Result<R> {
    let mut pulled = false;
    loop {
        let images: Vec<EngineImage> = context.engine.all_images()?;
        let mut planner = Planner::new(catalog, settings, &images);
        let found = what(&mut planner, catalog)?;
        let plan = planner.finish();
        if pulled || plan.absent.is_empty() {
            let read = read(&plan, &found)?;
            build::build(context, &plan, &[])?;
            build::name_plainly(context.engine, &plan)?;
            return Ok(read);
        }
        // A key is not known before what is below is here.
        build::pull(context.engine, &plan.absent, context.printer)?;
        pulled = true;
    }
}

/// The names of a recipe's images.
pub(crate) fn tags(
    recipe: &Recipe,
    plan: &LayerPlan,
    images: &RecipeImages,
) -> Result<RecipeTags, Failure> {
    let used = || images.sources.iter().chain(&images.runtime);
    let nodes = || used().map(|at| &plan.nodes[*at]);
    if nodes().any(LayerNode::lacks_name) {
        let message = format!("{} is not here yet", plan.absent.join(" "));
        let hint = "names of images depend on it: pull it, or compose with --build";
        return Err(Failure::new(message).hint(hint));
    }
    let names: Vec<&str> = recipe.layers.iter().map(|layer| layer.name()).collect();
    let made_by = if nodes().all(LayerNode::is_own) {
        format!("git dkr layer build {}", recipe.parts().join(" "))
    } else {
        format!("git dkr compose {} --build TAG", names.join(" "))
    };
    let source = |at: &usize| {
        let node = &plan.nodes[*at];
        SourceTag {
            tag: node.tag.clone(),
            below: node.bottom().to_owned(),
        }
    };
    Ok(RecipeTags {
        sources: images.sources.iter().map(source).collect(),
        runtime: match (&recipe.runtime, images.runtime) {
            (Runtime::Image(image), _) => (*image).to_owned(),
            (Runtime::Layers(_), Some(at)) => plan.nodes[at].tag.clone(),
            (Runtime::Layers(_), None) => String::new(),
        },
        made_by,
    })
}

#[derive(Debug, Clone)]
pub(crate) struct ComposedImage {
    pub id: String,
    /// Bytes, all of it.
    pub size: u64,
    /// Bytes of the images of its layers, each by itself.
    pub apart: u64,
    /// What was found in the way.
    pub said: Vec<String>,
}

/// Builds it, and the images that it is made of where they are not there.
pub(crate) fn make(
    context: LayerBuildContext,
    catalog: &LayerCatalog,
    settings: &LayerSettings,
    recipe: &Recipe,
    tag: &str,
) -> Result<ComposedImage> {
    let tags = ready(
        context,
        catalog,
        settings,
        |planner, catalog| recipe.plan(planner, catalog),
        |plan, images| tags(recipe, plan, images),
    )?;
    let _turn = build::turn(tag, context.printer)?;
    let before = context.engine.inspect_one(tag)?;
    let temp_dir = TempDir::new()?;
    let file = temp_dir.path().join("Dockerfile");
    write_private(&file, text::dockerfile(recipe, &tags), 0o644)?;
    let names: Vec<&str> = recipe.layers.iter().map(|layer| layer.name()).collect();
    let spec = BuildSpec {
        context: temp_dir.directory("context")?,
        dockerfile: Some(file),
        tag: tag.to_owned(),
        labels: vec![(COMPOSED.to_owned(), names.join(" "))],
        // A step from the cache does not say again what it left out.
        no_cache: true,
        ..BuildSpec::default()
    };
    let line = context.printer.progress(tag);
    let mut said = Vec::new();
    let built = context
        .engine
        .build(&spec, |event| match event {
            BuildEvent::Output(output) => said.extend(remark(output)),
            event => {
                if let Some(step) = event.started() {
                    line.say(&format!("{tag}  {step}"));
                }
            }
        })
        .with_context(|| format!("cannot compose {}", names.join(" ")))?;
    drop(line);
    let built = built.tag(tag)?;
    let former = before.filter(|old| old.id != built.id && old.labels.contains_key(COMPOSED));
    if let Some(old) = former {
        context.engine.remove_if_nameless(&old.id, false)?;
    }
    let mut apart = 0;
    for (source, tag) in recipe.sources.iter().zip(&tags.sources) {
        let named = recipe
            .layers
            .iter()
            .any(|l| l.name() == source.layer.name());
        let image = named.then(|| context.engine.inspect_one(&tag.tag));
        let image = image.transpose()?;
        apart += image.flatten().map_or(0, |image| image.size);
    }
    Ok(ComposedImage {
        id: built.id,
        size: built.size,
        apart,
        said,
    })
}

/// A name for an image that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct TempImage<'a> {
    engine: &'a Engine,
    tag: String,
}

impl<'a> TempImage<'a> {
    /// A name that nobody else has.
    pub(crate) fn new(engine: &'a Engine) -> Self {
        let number: u64 = rand::random();
        let tag = format!("dkr-scrap:{number:016x}");
        Self { engine, tag }
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }
}

impl Drop for TempImage<'_> {
    fn drop(&mut self) {
        self.engine.discard(&self.tag);
    }
}

/// BuildKit puts the time before a line of a step.
fn remark(output: &str) -> Option<String> {
    let at = output.find(SAID)?;
    let before = &output[..at];
    let time = before
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | ' '));
    let said = &output[at + SAID.len()..];
    (time && !said.starts_with("error: ")).then(|| said.to_owned())
}
