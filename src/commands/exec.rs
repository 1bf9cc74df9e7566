//! `git dkr exec`

use std::ffi::OsString;

use anyhow::{Context, Result};
use clap::Args;

use super::named_container::NamedContainer;
use crate::ui::{self, Printer};

/// Run a command in a container
///
/// As the container's own user, in /workspace, with a terminal where standard input and output are one. The
/// exit code is CMD's own.
#[derive(Debug, Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    container: NamedContainer,
    /// The command to run
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Where the clone is.
const WORKSPACE: &str = "/workspace";

impl Exec {
    /// Runs it; the exit code is the command's.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let (engine, container) = self
            .container
            .running(printer)
            .with_context(|| format!("cannot run a command in {}", self.container.name))?;
        let terminal = ui::on_terminal();
        let command = engine.exec_in(&container.name, WORKSPACE, terminal, &self.command);
        Ok(u8::try_from(command.attached()?).unwrap_or(1))
    }
}
