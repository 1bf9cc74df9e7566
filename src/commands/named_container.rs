//! The container that a command is about.

use anyhow::Result;
use clap::Args;

use super::EngineArgs;
use crate::container::find::{check_running, find};
use crate::container::inventory::{Container, Containers};
use crate::container::{ContainerDirectory, Keeping, is_at_work, save};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::image::settings::sources;
use crate::ui::Printer;

/// What clap calls the argument; completions offer names for it.
pub(super) const CONTAINER: &str = "container";

#[derive(Debug, Args)]
pub(super) struct NamedContainer {
    /// The container's name, or a beginning of it that no other container has
    #[arg(id = CONTAINER, value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    engine: EngineArgs,
}

impl NamedContainer {
    /// The containers of the repository that one stands in; outside of any, all.
    fn ask(&self, repo: Option<&Repo>, printer: Printer) -> Result<(Containers, Result<Engine>)> {
        let sources = sources(repo)?;
        self.engine.wanted(&sources)?;
        let engine = self.engine.find(&sources, printer);
        let (containers, engine) = ask_all(repo, engine, printer)?;
        for warning in containers.strange(repo.map(|repo| &*repo.path)) {
            printer.warn(warning);
        }
        Ok((containers, engine))
    }

    /// One that the engine has, and the engine.
    pub(super) fn in_engine(&self, printer: Printer) -> Result<(Engine, Container)> {
        let repo = Repo::here()?;
        let (containers, engine) = self.ask(repo.as_ref(), printer)?;
        let engine = engine?;
        Ok((engine, find(&containers, &self.name)?.clone()))
    }

    /// One that the engine has and that is kept connected from now on, and its repository.
    pub(super) fn kept(&self, printer: Printer) -> Result<(Engine, Repo, Container)> {
        let (engine, container) = self.in_engine(printer)?;
        if container.live.is_none() {
            return Err(ended(&container.name));
        }
        let repo = Repo::find(container.repo_path())?;
        Keeping::ensure(&engine, &repo, &container.name)?;
        Ok((engine, repo, container))
    }

    /// One whose work may be saved, its repository, and the engine.
    pub(super) fn saved(&self, printer: Printer) -> Result<(Repo, Engine, Container)> {
        let repo = Repo::find(None)?;
        let (containers, engine) = self.ask(Some(&repo), printer)?;
        let container = find(&containers, &self.name)?.clone();
        Ok((repo, engine?, container))
    }

    /// The name of one that the engine has or whose work is saved, its repository, and the engine if it has
    /// it.
    pub(super) fn anywhere(&self, printer: Printer) -> Result<(Repo, Option<Engine>, String)> {
        let here = Repo::here()?;
        let (containers, engine) = self.ask(here.as_ref(), printer)?;
        let container = find(&containers, &self.name)?.clone();
        let repo = match (container.repo_path(), here) {
            (Some(path), _) => Repo::find(Some(path))?,
            (None, Some(here)) => here,
            (None, None) => Repo::find(None)?,
        };
        let engine = Some(engine?).filter(|_| container.live.is_some());
        Ok((repo, engine, container.name))
    }

    /// One in which a command can be run.
    pub(super) fn running(&self, printer: Printer) -> Result<(Engine, Container)> {
        let (engine, container) = self.in_engine(printer)?;
        check_running(&container, engine.kind())?;
        // It runs once more, to be saved.
        let repo = Repo::find(container.repo_path()).ok();
        let directory = repo.map(|repo| ContainerDirectory::of(&repo, &container.name));
        if directory.is_some_and(|directory| directory.saves_only()) {
            return Err(ended(&container.name));
        }
        Ok((engine, container))
    }

    /// One whose work is looked at, and the commit that it began at. What is saved can be had without an
    /// engine.
    pub(super) fn with_work(&self, printer: Printer) -> Result<(Repo, Container)> {
        let repo = Repo::find(None)?;
        let (mut containers, mut engine) = self.ask(Some(&repo), printer)?;
        if let (Ok(there), Ok(container)) = (&engine, find(&containers, &self.name))
            && is_at_work(there, &repo, &container.name)
        {
            let name = &container.name;
            let saved = Keeping::ensure(there, &repo, name).and_then(|()| save(there, name));
            if let Err(error) = saved {
                printer.warn(format_args!(
                    "this is the work as it was last saved: {error:#}"
                ));
            }
            (containers, engine) = self.ask(Some(&repo), printer)?;
        }
        match (find(&containers, &self.name), engine) {
            (Ok(container), engine) => {
                if let Err(trouble) = engine {
                    printer.warn(format_args!(
                        "this is the work as it was last saved, as the engine does not answer: {trouble:#}"
                    ));
                }
                let container = container.clone();
                Ok((repo, container))
            }
            // It may be there after all.
            (Err(_), Err(trouble)) => Err(trouble),
            (Err(failure), Ok(_)) => Err(failure.into()),
        }
    }
}

/// Which containers there are, once those that were left alone are kept again: see [`Containers::ask`].
pub(super) fn ask_all(
    repo: Option<&Repo>,
    engine: Result<Engine>,
    printer: Printer,
) -> Result<(Containers, Result<Engine>)> {
    if let (Some(repo), Ok(engine)) = (repo, &engine) {
        // What does not answer is told by what follows.
        let _ = Keeping::revive_all(engine, repo, printer);
    }
    Containers::ask(repo, engine)
}

fn ended(name: &str) -> anyhow::Error {
    let failure = Failure::new(format!("the container {name} has ended"));
    let hint = format!("its work is saved: git dkr resume {name}");
    failure.hint(hint).into()
}
