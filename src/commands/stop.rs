//! `git dkr stop`

use anyhow::{Context, Result};
use clap::Args;

use super::named_container::NamedContainer;
use crate::container::{ContainerEnd, is_at_work};
use crate::ui::Printer;

/// Stop a container, and save the work in it
///
/// Its command is told to end, and killed after ten seconds.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    container: NamedContainer,
}

impl Stop {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let context = || format!("cannot stop {}", self.container.name);
        let (engine, repo, container) = self.container.kept(printer).with_context(context)?;
        if is_at_work(&engine, &repo, &container.name) {
            engine.stop(&container.name).with_context(context)?;
        }
        let end = ContainerEnd::of(&engine, &repo, &container.name, printer);
        Ok(u8::from(!end.tell_of_other().with_context(context)?))
    }
}
