//! `git dkr remove`

use anyhow::{Context, Result, bail};
use clap::Args;

use super::named_container::NamedContainer;
use crate::container::{ContainerDirectory, Keeping, WorkSummary, await_keeper, is_at_work};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::ui::Printer;

/// Remove a container and what is saved of it
///
/// What was pushed stays. Asks first when work would be gone for good.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    container: NamedContainer,
    /// Do not ask
    #[arg(long, short)]
    force: bool,
}

impl Remove {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        self.remove(printer)
            .with_context(|| format!("cannot remove {}", self.container.name))
    }

    fn remove(&self, printer: Printer) -> Result<u8> {
        let (repo, engine, name) = self.container.anywhere(printer)?;
        if !self.force
            && let Some(loss) = loss(&repo, engine.as_ref(), &name)?
        {
            printer.warn(format_args!("{loss}"));
            if !printer.interactive() {
                bail!(
                    Failure::new("its work would be gone for good").hint(format!(
                        "git dkr remove --force {name}, or first git dkr resume {name}"
                    ))
                );
            }
            if !printer.confirm("Remove it for good?")? {
                return Ok(1);
            }
        }
        if let Some(engine) = &engine {
            engine.remove_container(&name)?;
        }
        await_keeper(&repo, &name)?;
        ContainerDirectory::of(&repo, &name).remove();
        repo.drop_saved_work(&repo.saved_work(&name)?)?;
        repo.drop_work_of_submodules(&name)?;
        printer.status("removed", &name);
        Ok(0)
    }
}

/// What would be lost with it, in a sentence. The work in one that has ended is saved first, if nobody did.
fn loss(repo: &Repo, engine: Option<&Engine>, name: &str) -> Result<Option<String>> {
    let not_saved = |why: String| Ok(Some(format!("the work in {name} is not saved: {why}")));
    if let Some(engine) = engine {
        if is_at_work(engine, repo, name) {
            return Ok(Some(format!("{name} is running")));
        }
        if let Err(error) = Keeping::ensure(engine, repo, name) {
            return not_saved(format!("{error:#}"));
        }
        await_keeper(repo, name)?;
    }
    if let Some(why) = ContainerDirectory::of(repo, name).kept() {
        return not_saved(why);
    }
    let saved = WorkSummary::settle(repo, name)?;
    Ok(saved.map(|saved| format!("{name} has work that was not pushed: {saved}")))
}
