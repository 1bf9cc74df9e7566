//! `git dkr layer`

mod args;
mod build;
mod clean;
mod env;
mod list;
mod new;
mod show;
mod test;

use crate::ui::Printer;
use anyhow::Result;
use clap::{Args, Subcommand};

pub(super) use args::{CatalogArgs, LayerContext};

/// Build, look at and try layers: images of tools that stand on each other
///
/// A layer is a directory with a Dockerfile and a layer.toml. Layers are found in .dkr/layers of the
/// repository, in ~/.config/git-dkr/layers, and in git dkr itself; the first of a name wins.
#[derive(Debug, Args)]
pub(crate) struct Layer {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::List),
    Show(show::Show),
    Build(build::Build),
    New(new::New),
    Test(test::Test),
    Env(env::Env),
    Clean(clean::Clean),
}

impl Layer {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        match &self.action {
            Action::List(command) => command.run(printer),
            Action::Show(command) => command.run(printer),
            Action::Build(command) => command.run(printer),
            Action::New(command) => command.run(printer),
            Action::Test(command) => command.run(printer),
            Action::Env(command) => command.run(printer),
            Action::Clean(command) => command.run(printer),
        }
    }
}
