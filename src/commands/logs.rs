//! `git dkr logs`

use anyhow::{Context, Result};
use clap::Args;

use super::named_container::NamedContainer;
use crate::error::Failure;
use crate::proc::Cmd;
use crate::ui::Printer;

/// Show what a container has printed
#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    container: NamedContainer,
    /// Go on with what it prints from now on
    #[arg(short, long)]
    follow: bool,
}

impl Logs {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let find = || -> Result<Cmd> {
            let (engine, container) = self.container.in_engine(printer)?;
            let name = &container.name;
            match container.live {
                Some(_) => Ok(engine.logs_command(name, self.follow)),
                None => Err(Failure::new(format!(
                    "the container {name} is gone, and what it printed with it; its work is saved"
                ))
                .hint(format!("git dkr log {name} shows its commits"))
                .into()),
            }
        };
        let command = find()
            .with_context(|| format!("cannot show what {} has printed", self.container.name))?;
        Ok(u8::try_from(command.attached()?).unwrap_or(1))
    }
}
