//! `git dkr list-containers`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::EngineArgs;
use super::named_container::ask_all;
use crate::conf::Sources;
use crate::container::inventory::Containers;
use crate::container::list::{COLUMNS, ContainerRow, ahead};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::image::settings::sources;
use crate::ui::{self, LiveTable, Printer};

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
    /// Show them on the whole terminal, and their changes, until q is pressed
    #[arg(long, conflicts_with = "format")]
    watch: bool,
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

/// Said where there is none.
const NONE: &str = "no container yet; git dkr start-image starts one";

/// What there is at one time.
struct Listing {
    /// The name of the repository that it is of, and its path.
    repo: Option<(String, PathBuf)>,
    containers: Containers,
    /// How many commits each of this repository's has made.
    ahead: Vec<Option<u64>>,
    /// What could not be found out.
    warnings: Vec<String>,
    engine: Result<Engine>,
}

impl ListContainers {
    /// Runs it; the exit code.
    pub(crate) fn run(self, printer: Printer) -> Result<u8> {
        self.list(printer).context("cannot list the containers")?;
        Ok(0)
    }

    fn list(self, printer: Printer) -> Result<()> {
        let repo = match &self.repo {
            Some(path) => Some(Repo::look(Some(path))?),
            None => Repo::here()?,
        };
        let sources = sources(repo.as_ref())?;
        self.engine.wanted(&sources)?;
        if self.watch {
            return self.watch(repo, sources, printer);
        }
        let engine = self.engine.find(&sources, printer);
        let listing = self.ask(repo.as_ref(), engine, printer)?;
        for warning in &listing.warnings {
            printer.warn(warning);
        }
        let rows = self.rows(&listing);
        match self.format {
            ListFormat::Json => ui::result(serde_json::to_string_pretty(&rows)?),
            ListFormat::Names => rows.iter().try_for_each(|row| ui::result(row.name)),
            ListFormat::Text if rows.is_empty() && listing.engine.is_err() => Ok(()),
            ListFormat::Text if rows.is_empty() => {
                printer.status("none", NONE);
                Ok(())
            }
            ListFormat::Text => {
                let (header, cells) = table(&rows, self.with_repo(&listing));
                ui::result(ui::table(&header, cells))
            }
        }
    }

    /// Shows them in a live table. An engine that has gone is looked for again each time.
    fn watch(self, repo: Option<Repo>, sources: Sources, printer: Printer) -> Result<()> {
        if !ui::on_terminal() {
            let hint = "without --watch they are listed once; --format json is for programs";
            bail!(Failure::new("--watch needs a terminal").hint(hint));
        }
        if printer.verbose() {
            bail!(Failure::new(
                "--watch has no place for what --verbose shows"
            ));
        }
        let quiet = printer.silenced();
        let mut engine = None;
        ui::live_table(move || {
            let found = engine.take();
            let found = found.map_or_else(|| self.engine.find(&sources, quiet), Ok);
            let listing = match self.ask(repo.as_ref(), found, quiet) {
                Ok(listing) => listing,
                Err(trouble) => {
                    return LiveTable {
                        warnings: vec![format!("{trouble:#}")],
                        ..LiveTable::default()
                    };
                }
            };
            let (header, rows) = table(&self.rows(&listing), self.with_repo(&listing));
            engine = listing.engine.ok();
            LiveTable {
                header,
                rows,
                none: NONE,
                warnings: listing.warnings,
            }
        })
    }

    fn ask(
        &self,
        repo: Option<&Repo>,
        engine: Result<Engine>,
        printer: Printer,
    ) -> Result<Listing> {
        let (containers, engine) = ask_all(repo, engine, printer)?;
        let path = repo.map(|repo| &*repo.path).filter(|_| !self.all);
        let mut warnings: Vec<String> = containers
            .strange(path)
            .chain(containers.unreadable())
            .collect();
        if let Err(trouble) = &engine {
            warnings.push(format!(
                "only what is saved is listed, as the engine does not answer: {trouble:#}"
            ));
        }
        let ahead = match (repo, self.format) {
            (Some(repo), ListFormat::Text | ListFormat::Json) => ahead(repo, &containers.here)?,
            _ => vec![None; containers.here.len()],
        };
        Ok(Listing {
            repo: repo.map(|repo| (repo.name(), repo.path.clone())),
            containers,
            ahead,
            warnings,
            engine,
        })
    }

    fn rows<'a>(&self, listing: &'a Listing) -> Vec<ContainerRow<'a>> {
        let Containers {
            here, elsewhere, ..
        } = &listing.containers;
        let repo = listing.repo.as_ref();
        let repo = repo.map(|(name, path)| (name.as_str(), path.as_path()));
        let here = here.iter().zip(&listing.ahead);
        let here = here.map(|(one, ahead)| ContainerRow::new(one, repo, *ahead));
        let others = elsewhere.iter().filter(|_| self.all);
        let others = others.map(|one| ContainerRow::new(one, None, None));
        here.chain(others).collect()
    }

    /// The repositories are told where they are several.
    fn with_repo(&self, listing: &Listing) -> bool {
        self.all || listing.repo.is_none()
    }
}

/// The header and the rows for people.
fn table(rows: &[ContainerRow], with_repo: bool) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let now = Timestamp::now();
    let mut header = COLUMNS.to_vec();
    if with_repo {
        header.insert(1, "repo");
    }
    let cells = rows.iter().map(|row| {
        let mut cells = row.cells(now);
        if with_repo {
            cells.insert(1, row.repo().to_owned());
        }
        cells
    });
    (header, cells.collect())
}
