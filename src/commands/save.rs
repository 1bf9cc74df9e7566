//! `git dkr save`

use anyhow::{Context, Result};
use clap::Args;

use super::named_container::NamedContainer;
use crate::container::{ContainerEnd, is_at_work, save};
use crate::ui::Printer;

/// Save the work in a container on the host
///
/// Commits, also on branches that are not pushed, and what is not committed, as it is now. Running containers
/// are saved every half minute anyway (save_every). One that has ended and is still there is removed once its
/// work is saved.
#[derive(Debug, Args)]
pub(crate) struct Save {
    #[command(flatten)]
    container: NamedContainer,
}

impl Save {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let context = || format!("cannot save the work in {}", self.container.name);
        let (engine, repo, container) = self.container.kept(printer).with_context(context)?;
        let end = ContainerEnd::of(&engine, &repo, &container.name, printer);
        if !is_at_work(&engine, &repo, &container.name) {
            return Ok(u8::from(!end.tell_of_other().with_context(context)?));
        }
        save(&engine, &container.name)?;
        if end.tell_of_work()? {
            container.note_info(&repo).with_context(context)?;
        }
        Ok(0)
    }
}
