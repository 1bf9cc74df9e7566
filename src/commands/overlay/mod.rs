//! `git dkr overlay`: rebuild an environment in place, without an engine.

mod args;
mod build;
mod env;
mod inspect;
mod key;
mod prune;
mod push;
mod restore;
mod restore_or_build;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::record;
use crate::ui::Printer;

/// Rebuild an environment in place, without an engine
///
/// The steps of a Containerfile change the machine that they run on; what they changed is kept as a
/// snapshot. Another machine, or this one after a reset, gets it back in one go.
#[derive(Debug, Args)]
#[command(
    after_help = "To begin with: git dkr overlay restore-or-build, in a directory with a Containerfile"
)]
pub(crate) struct Overlay {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    RestoreOrBuild(restore_or_build::RestoreOrBuild),
    Build(build::Build),
    Restore(restore::Restore),
    Push(push::Push),
    Inspect(inspect::Inspect),
    Key(key::Key),
    Env(env::Env),
    Prune(prune::Prune),
    // Their old names: shells and scripts of users say them.
    #[command(hide = true)]
    Shim(record::Shim),
    #[command(hide = true)]
    Adopt(record::Adopt),
}

impl Overlay {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        match &self.command {
            Command::RestoreOrBuild(command) => command.run(printer),
            Command::Build(command) => command.run(printer),
            Command::Restore(command) => command.run(printer),
            Command::Push(command) => command.run(printer),
            Command::Inspect(command) => command.run(printer),
            Command::Key(command) => command.run(printer),
            Command::Env(command) => command.run(printer),
            Command::Prune(command) => command.run(printer),
            Command::Shim(command) => command.run(),
            Command::Adopt(command) => command.run(printer),
        }
    }
}
