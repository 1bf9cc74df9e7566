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

/// Rebuild an environment in place, without an engine
///
/// The steps of a Containerfile change the machine that they run on; what they changed is kept as a
/// snapshot. Another machine, or this one after a reset, gets it back in one go.
#[derive(Debug, Args)]
#[command(
    after_help = "To begin with: git dkr overlay restore-or-build, in a directory with a Containerfile"
)]
pub struct Overlay {
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
    pub fn run(&self) -> Result<u8> {
        match &self.command {
            Command::RestoreOrBuild(command) => command.run(),
            Command::Build(command) => command.run(),
            Command::Restore(command) => command.run(),
            Command::Push(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Env(command) => command.run(),
            Command::Prune(command) => command.run(),
            Command::Shim(command) => command.run(),
            Command::Adopt(command) => command.run(),
        }
    }
}
