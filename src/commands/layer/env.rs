//! `git dkr layer env`

use anyhow::{Result, bail};
use clap::Args;

use super::args::CatalogArgs;
use crate::conf::Shell;
use crate::error::Failure;
use crate::layers::compose::make::ready;
use crate::layers::env::{self, EnvContainer};
use crate::proc;
use crate::ui::{self, Printer};

/// Print functions for a shell that run a layer's commands in containers
///
/// Images that are not there are built first.
///
/// To use it: eval "$(git dkr layer env NAME)", or in fish: git dkr layer env NAME | source. Each
/// command of [provides] and [aliases] then runs on the current directory, as the current user.
#[derive(Debug, Args)]
pub(super) struct Env {
    /// The layer's name
    name: String,
    /// The shell that is to read it [default: $SHELL]
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    #[command(flatten)]
    catalog: CatalogArgs,
}

impl Env {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let shell = self.shell.map_or_else(Shell::of_user, Ok)?;
        let context = self.catalog.open(printer)?;
        let layer = context.catalog.get(&self.name)?;
        let definition = &layer.definition;
        let mut own = env::own_text(&layer.files);
        if own.is_some() && shell == Shell::Fish {
            printer.warn(format!("{} of {} is not for fish", env::OWN, self.name));
            own = None;
        }
        if own.is_none() && !env::has_commands(definition) {
            let message = format!("the layer `{}` has no commands", self.name);
            bail!(Failure::new(message).hint(format!(
                "binaries in [provides] of {}/layer.toml, and [aliases], become functions",
                layer.directory
            )));
        }
        let tag = ready(
            context.for_builds(),
            &context.catalog,
            &context.settings,
            |planner, catalog| planner.own(catalog.get(&self.name)?),
            |plan, at| Ok(plan.nodes[*at].tag.clone()),
        )?;
        if let Some(own) = own {
            ui::result(own)?;
            return Ok(0);
        }
        let user = proc::user();
        let caches = env::caches(definition).into_iter();
        let volumes: Vec<String> = caches.map(|cache| env::volume(cache, user.0)).collect();
        if user.0 != 0 {
            context.engine.give(&tag, &volumes, user)?;
        }
        let container = EnvContainer {
            engine: context.engine.program(),
            image: &tag,
            user,
        };
        ui::result(env::wrapper(definition, &container, shell).trim_end())?;
        Ok(0)
    }
}
