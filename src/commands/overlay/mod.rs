//! `git dkr overlay`: rebuild an environment in place, without an engine.

mod build;
mod env;
mod inspect;
mod key;
mod prune;
mod push;
mod restore;
mod restore_or_build;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{OutputFormat, record};
use crate::conf::{self, Sources};
use crate::error::Failure;
use crate::git::{Repo, worktree_top};
use crate::image::settings::sources;
use crate::overlay::cache::{CacheLocation, DirectoryCache, SnapshotCache};
use crate::overlay::caches::Caches;
use crate::overlay::parts::{self, OverlayPart};
use crate::overlay::rebuild::{PartResult, RebuildJob};
use crate::overlay::root::OverlayRoot;
use crate::{proc, ui};

/// Rebuild an environment in place, without an engine
///
/// The steps of a Containerfile change the machine that they run on; what they changed is kept as a
/// snapshot. Another machine, or this one after a reset, gets it back in one go.
#[derive(Debug, Args)]
#[command(
    after_help = "To begin with: git dkr overlay restore-or-build, in a directory with a Containerfile"
)]
pub struct Overlay {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    RestoreOrBuild(restore_or_build::RestoreOrBuild),
    Build(build::Build),
    Restore(restore::Restore),
    Push(push::Push),
    Inspect(inspect::Inspect),
    Key(key::Key),
    Env(env::Env),
    Prune(prune::Prune),
    // Their old names: shells and scripts of users say them.
    #[command(hide = true)]
    Shim(record::Shim),
    #[command(hide = true)]
    Adopt(record::Adopt),
}

impl Overlay {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        match &self.command {
            Command::RestoreOrBuild(command) => command.run(),
            Command::Build(command) => command.run(),
            Command::Restore(command) => command.run(),
            Command::Push(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Env(command) => command.run(),
            Command::Prune(command) => command.run(),
            Command::Shim(command) => command.run(),
            Command::Adopt(command) => command.run(),
        }
    }
}

/// Which Containerfiles.
#[derive(Debug, Args)]
struct ContainerfileArgs {
    /// A Containerfile; each further one stands on those before it [default: Containerfile, here or
    /// at the top of the repository]
    #[arg(short = 'f', long = "containerfile", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A name for what comes of it, where one Containerfile gives several: on other machines, say
    #[arg(long)]
    name: Option<String>,
}

impl ContainerfileArgs {
    fn read(&self) -> Result<Vec<OverlayPart>> {
        if self.files.is_empty() {
            parts::read(&[default_file()], self.name.as_deref())
        } else {
            parts::read(&self.files, self.name.as_deref())
        }
    }
}

/// `Containerfile` here, or at the top of the repository that we are in.
fn default_file() -> PathBuf {
    let here = PathBuf::from(parts::FILE);
    if here.exists() {
        return here;
    }
    match worktree_top(None) {
        Ok(top) => Some(top.join(parts::FILE)).filter(|file| file.exists()),
        Err(error) => {
            // Git takes no worktree of somebody else's, and says what to do about that.
            if format!("{error:#}").contains("dubious ownership") {
                ui::warn(format_args!("{error:#}"));
            }
            None
        }
    }
    .unwrap_or(here)
}

const SHARED_HINT: &str =
    "name one: --cache github:OWNER/REPO, or dir:PATH; or git config dkr.overlayCache";

/// Where snapshots are kept.
#[derive(Debug, Args)]
struct CacheArgs {
    /// The cache that is shared with other machines: github:OWNER/REPO, or dir:PATH
    #[arg(long, value_name = "CACHE")]
    cache: Option<String>,
    /// This machine's own cache [default: ~/.cache/git-dkr/overlay]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<String>,
}

impl CacheArgs {
    fn open(&self) -> Result<Caches> {
        let sources = self.sources()?;
        let shared = match conf::overlay_cache(&sources) {
            None => None,
            Some(text) => {
                let place = CacheLocation::parse(&text.value).map_err(|why| {
                    Failure::new(format!("{}: {why}", text.origin)).hint(SHARED_HINT)
                })?;
                Some((place.clone(), SnapshotCache::open(&place)?))
            }
        };
        Ok(Caches {
            own: DirectoryCache::new(&conf::overlay_cache_dir(&sources)?),
            shared,
        })
    }

    fn sources(&self) -> Result<Sources> {
        // A machine that was just reset may have no git yet.
        let mut sources = if proc::on_path("git").is_empty() {
            Sources::new(conf::environment(), [])
        } else {
            sources(Repo::look(None).ok().as_ref())?
        };
        for (name, value, flag) in [
            ("overlay_cache", &self.cache, "--cache"),
            ("overlay_cache_dir", &self.cache_dir, "--cache-dir"),
        ] {
            if let Some(value) = value {
                sources = sources.with_flag(name, value.clone(), flag);
            }
        }
        Ok(sources)
    }
}

/// The cache that a command is about; an error where nobody has named one.
fn shared(caches: &Caches) -> Result<&SnapshotCache> {
    match &caches.shared {
        Some((_, cache)) => Ok(cache),
        None => Err(Failure::new("there is no shared cache")
            .hint(SHARED_HINT)
            .into()),
    }
}

/// What is rebuilt, and with which caches.
#[derive(Debug, Args)]
struct OverlayArgs {
    /// The tree to work on
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    #[command(flatten)]
    cache: CacheArgs,
}

/// A root and caches, ready to work with.
struct OverlayContext {
    overlay: OverlayRoot,
    caches: Caches,
}

impl OverlayArgs {
    fn open(&self) -> Result<OverlayContext> {
        let caches = self.cache.open()?;
        let mut own = vec![caches.own.path().to_owned()];
        if let Some((CacheLocation::Directory(directory), _)) = &caches.shared {
            own.push(std::path::absolute(directory)?);
        }
        Ok(OverlayContext {
            overlay: OverlayRoot::new(&self.root, &own)?,
            caches,
        })
    }
}

/// What brings a root to what Containerfiles ask for.
#[derive(Debug, Args)]
struct RebuildArgs {
    #[command(flatten)]
    files: ContainerfileArgs,
    #[command(flatten)]
    place: OverlayArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl RebuildArgs {
    /// Does it, and tells what was done; the exit code.
    fn run(&self, work: impl FnOnce(&RebuildJob<'_>) -> Result<Vec<PartResult>>) -> Result<u8> {
        let parts = self.files.read()?;
        let workplace = self.place.open()?;
        let done = work(&RebuildJob {
            parts: &parts,
            name: self.files.name.as_deref(),
            overlay: &workplace.overlay,
            caches: &workplace.caches,
        })?;
        tell(&parts, &done, self.format)
    }
}

/// What was done about each part, for programs; a person has read it. Gives the exit code.
fn tell(parts: &[OverlayPart], done: &[PartResult], format: OutputFormat) -> Result<u8> {
    match format {
        OutputFormat::Json => {
            let row = |(part, done): (&OverlayPart, &PartResult)| json!({"file": part.file, "key": part.key, "tag": part.tag, "done": done.name()});
            let rows: Vec<_> = parts.iter().zip(done).map(row).collect();
            ui::result(serde_json::to_string_pretty(&rows)?)?;
        }
        OutputFormat::Text if !ui::stdout_is_terminal() => {
            for part in parts {
                ui::result(&part.tag)?;
            }
        }
        OutputFormat::Text => {}
    }
    Ok(0)
}
