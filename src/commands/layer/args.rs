//! What commands on layers take, and what they work with.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::super::{EngineArgs, HostArgs};
use crate::conf::{self, Conf, Host, Sources};
use crate::engine::{Engine, EngineImage};
use crate::error::Failure;
use crate::fs::read_written_text;
use crate::git::Repo;
use crate::image::settings::sources;
use crate::layers::build::{LayerBuildContext, pull_what_can_be};
use crate::layers::catalog::{LayerCatalog, LayerSettings};
use crate::layers::layer::{Layer, LayerOrigin};
use crate::layers::plan::{LayerPlan, Planner};
use crate::layers::sources::{self, RepositoryFiles};
use crate::ui::Printer;

/// Where layers are and what they are called.
#[derive(Debug, Args)]
pub(in crate::commands) struct CatalogArgs {
    /// A directory of layers to look into first; can be given more than once
    #[arg(long = "dir", value_name = "DIRECTORY")]
    directories: Vec<PathBuf>,
    /// How the names of the layers' images begin [default: dkr-layer, or layer_prefix of .dkr.conf]
    #[arg(long)]
    prefix: Option<String>,
    /// What the lowest layers stand on, instead of what their Dockerfiles say
    #[arg(long, value_name = "IMAGE")]
    stack_base: Option<String>,
    /// A build argument of a layer, as in golang.GO_VERSION=1.23.4; can be given more than once
    #[arg(long = "arg", value_name = "LAYER.NAME=VALUE")]
    args: Vec<String>,
    /// Which toolchains built-in layers hold: pinned versions of their makers, or the distribution's
    #[arg(long, value_name = "upstream|distribution")]
    toolchains: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What a command on layers works with.
pub(in crate::commands) struct LayerContext {
    pub catalog: LayerCatalog,
    pub settings: LayerSettings,
    pub engine: Engine,
    pub host: Host,
    pub printer: Printer,
}

impl CatalogArgs {
    /// Reads all layers under the settings of the worktree one stands in, if one does: somebody
    /// who works on layers has not committed them yet.
    pub(in crate::commands) fn open(&self, printer: Printer) -> Result<LayerContext> {
        let repo = Repo::look(None).ok();
        let mut sources = sources(repo.as_ref())?;
        if let Some(prefix) = &self.prefix {
            sources = sources.with_flag("layer_prefix", prefix.clone(), "--prefix");
        }
        if let Some(base) = &self.stack_base {
            sources = sources.with_flag("stack_base", base.clone(), "--stack-base");
        }
        if let Some(toolchains) = &self.toolchains {
            sources = sources.with_flag("toolchains", toolchains.clone(), "--toolchains");
        }
        if !self.args.is_empty() {
            let args = shlex::try_join(self.args.iter().map(String::as_str))?;
            sources = sources.with_flag("layer_args", args, "--arg");
        }
        let conf = conf_of(repo.as_ref(), &sources)?;
        let settings = LayerSettings::of(&conf);
        let from = repo
            .as_ref()
            .map_or(RepositoryFiles::Nowhere, RepositoryFiles::Worktree);
        let catalog = sources::gather(&self.directories, from, &settings)?;
        for remark in &catalog.remarks {
            printer.warn(remark);
        }
        Ok(LayerContext {
            catalog,
            settings,
            engine: self.engine.find(&sources, printer)?,
            host: self.host.read(&sources)?,
            printer,
        })
    }
}

/// `.dkr.conf` of a worktree as it stands there, under what is stronger.
pub(super) fn conf_of(repo: Option<&Repo>, sources: &Sources) -> Result<Conf> {
    let text = match repo {
        Some(repo) => read_written_text(&repo.path.join(conf::FILE))?,
        None => None,
    };
    Ok(Conf::read(text.as_deref(), sources)?)
}

impl LayerContext {
    pub(in crate::commands) fn for_builds(&self) -> LayerBuildContext<'_> {
        LayerBuildContext {
            engine: &self.engine,
            host: &self.host,
            printer: self.printer,
        }
    }

    /// The layers that are meant, each once: those that are named, or all but the built-in ones.
    /// `verb` is what would be done to them.
    pub(super) fn chosen(&self, names: &[String], all: bool, verb: &str) -> Result<Vec<&Layer>> {
        let mut chosen: Vec<&Layer> = Vec::new();
        if all {
            let own = self.catalog.layers.values();
            chosen.extend(own.filter(|layer| layer.origin != LayerOrigin::BuiltIn));
        }
        for name in names {
            let layer = self.catalog.get(name)?;
            if !chosen.iter().any(|other| other.name() == layer.name()) {
                chosen.push(layer);
            }
        }
        if chosen.is_empty() {
            let message = if all {
                format!("there is no layer to {verb} but the built-in ones")
            } else {
                format!("no layer to {verb}")
            };
            bail!(
                Failure::new(message)
                    .hint("name some, or --all; git dkr layer list shows those there are")
            );
        }
        Ok(chosen)
    }

    /// Plans the images of these layers; the plan, and where in it theirs are.
    pub(super) fn plan<'a>(
        &'a self,
        layers: &[&'a Layer],
        images: &'a [EngineImage],
    ) -> Result<(LayerPlan, Vec<usize>)> {
        let mut planner = Planner::new(&self.catalog, &self.settings, images);
        let own = layers.iter().map(|layer| planner.own(layer));
        let own = own.collect::<Result<Vec<usize>, _>>()?;
        Ok((planner.finish(), own))
    }

    /// Pulls what these layers stand on and what is not here: before that no key is known. Gives what could
    /// not be pulled, and brings `images` up to date.
    pub(super) fn pull_absent(
        &self,
        layers: &[&Layer],
        images: &mut Vec<EngineImage>,
    ) -> Result<Vec<(String, anyhow::Error)>> {
        let absent = self.plan(layers, images)?.0.absent;
        if absent.is_empty() {
            return Ok(Vec::new());
        }
        let failures = pull_what_can_be(&self.engine, &absent, self.printer)?;
        *images = self.engine.all_images()?;
        Ok(failures)
    }
}
