//! `git dkr overlay`

mod adopt;
mod shim;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Rebuild an environment in place, without an engine: what a Containerfile adds to this machine
#[derive(Debug, Args)]
pub struct Overlay {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Shim(shim::Shim),
    Adopt(adopt::Adopt),
}

impl Overlay {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        match &self.action {
            Action::Shim(command) => command.run(),
            Action::Adopt(command) => command.run(),
        }
    }
}
