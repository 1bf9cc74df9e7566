//! `git dkr record`: record installs, and take what was recorded into `.dkr.conf`.

mod adopt;
mod shim;

use crate::ui::Printer;
use anyhow::Result;
use clap::{Args, Subcommand};

pub(crate) use adopt::Adopt;
pub(crate) use shim::Shim;

/// Record what uv and pip install, and take it into .dkr.conf
///
/// What was installed by hand becomes RUN lines, in a Containerfile or in the next image.
#[derive(Debug, Args)]
#[command(after_help = "To begin with: eval \"$(git dkr record shim)\"")]
pub(crate) struct Record {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Shim(Shim),
    Adopt(Adopt),
}

impl Record {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        match &self.command {
            Command::Shim(command) => command.run(),
            Command::Adopt(command) => command.run(printer),
        }
    }
}
