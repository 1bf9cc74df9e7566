//! `git dkr list-containers`

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::EngineArgs;
use crate::container::Keeping;
use crate::container::inventory::Containers;
use crate::container::list::{COLUMNS, ContainerRow, ahead};
use crate::git::Repo;
use crate::image::settings::sources;
use crate::ui::{self, Printer};

/// List containers and the work that is saved of them, newest first
///
/// Those of the repository, running, ended or gone with their work saved; outside of any repository, all that
/// the engine has. AHEAD counts the commits that the repository has of a container, beyond the one that it
/// began at; CHANGED the files that were not committed when its work was last saved; PUSHED names its
/// branches.
#[derive(Debug, Args)]
pub(crate) struct ListContainers {
    /// A repository, by its path
    #[arg(value_name = "REPO")]
    repo: Option<PathBuf>,
    /// List the engine's containers of other repositories, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    engine: EngineArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// How the list is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// Names alone
    Names,
}

impl ListContainers {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        self.list(printer).context("cannot list the containers")?;
        Ok(0)
    }

    fn list(&self, printer: Printer) -> Result<()> {
        let repo = match &self.repo {
            Some(path) => Some(Repo::look(Some(path))?),
            None => Repo::here()?,
        };
        let sources = sources(repo.as_ref())?;
        self.engine.wanted(&sources)?;
        let engine = self.engine.find(&sources, printer);
        if let (Some(repo), Ok(engine)) = (&repo, &engine) {
            // What does not answer is told below.
            let _ = Keeping::revive_all(engine, repo, printer);
        }
        let (containers, engine) = Containers::ask(repo.as_ref(), engine)?;
        let path = repo.as_ref().map(|repo| &*repo.path);
        containers.warn_of_strange(path.filter(|_| !self.all), printer);
        containers.warn_of_unreadable(printer);
        if let Err(trouble) = &engine {
            printer.warn(format_args!(
                "only what is saved is listed, as the engine does not answer: {trouble:#}"
            ));
        }
        let counts = match (&repo, self.format) {
            (Some(repo), ListFormat::Text | ListFormat::Json) => ahead(repo, &containers.here)?,
            _ => vec![None; containers.here.len()],
        };
        let here = containers.here.iter().zip(counts);
        let name = repo.as_ref().map(Repo::name).unwrap_or_default();
        let named = path.map(|path| (&*name, path));
        let here = here.map(|(one, ahead)| ContainerRow::new(one, named, ahead));
        let others = containers.elsewhere.iter().filter(|_| self.all);
        let others = others.map(|one| ContainerRow::new(one, None, None));
        let rows: Vec<ContainerRow> = here.chain(others).collect();
        match self.format {
            ListFormat::Json => ui::result(serde_json::to_string_pretty(&rows)?),
            ListFormat::Names => rows.iter().try_for_each(|row| ui::result(row.name)),
            ListFormat::Text if rows.is_empty() && engine.is_err() => Ok(()),
            ListFormat::Text if rows.is_empty() => {
                let what = "no container yet; git dkr start-image starts one";
                printer.status("none", what);
                Ok(())
            }
            ListFormat::Text => ui::result(table(&rows, self.all || repo.is_none())),
        }
    }
}

/// The repositories are told where they are several.
fn table(rows: &[ContainerRow], with_repo: bool) -> String {
    let now = Timestamp::now();
    let mut header = COLUMNS.to_vec();
    if with_repo {
        header.insert(1, "repo");
    }
    let cells = |row: &ContainerRow| {
        let mut cells = row.cells(now);
        if with_repo {
            cells.insert(1, row.repo().to_owned());
        }
        cells
    };
    ui::table(&header, rows.iter().map(cells).collect())
}
