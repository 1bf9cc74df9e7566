//! What commands on overlays take, and what they work with.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::super::OutputFormat;
use crate::conf::{self, Sources};
use crate::error::Failure;
use crate::git::{Repo, worktree_top};
use crate::image::settings::sources;
use crate::overlay::cache::{CacheLocation, DirectoryCache, SnapshotCache};
use crate::overlay::caches::Caches;
use crate::overlay::parts::{self, OverlayPart};
use crate::overlay::rebuild::{PartResult, RebuildJob};
use crate::overlay::root::OverlayRoot;
use crate::proc;
use crate::ui::{self, Printer};

#[derive(Debug, Args)]
pub(super) struct ContainerfileArgs {
    /// A Containerfile; each further one stands on those before it [default: Containerfile, here or
    /// at the top of the repository]
    #[arg(short = 'f', long = "containerfile", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// A name for what comes of it, where one Containerfile gives several: on other machines, say
    #[arg(long)]
    pub(super) name: Option<String>,
}

impl ContainerfileArgs {
    pub(super) fn read(&self, printer: Printer) -> Result<Vec<OverlayPart>> {
        if self.files.is_empty() {
            parts::read(&[default_file(printer)], self.name.as_deref())
        } else {
            parts::read(&self.files, self.name.as_deref())
        }
    }
}

/// `Containerfile` here, or at the top of the repository that we are in.
fn default_file(printer: Printer) -> PathBuf {
    let here = PathBuf::from(parts::FILE);
    if here.exists() {
        return here;
    }
    match worktree_top(None) {
        Ok(top) => Some(top.join(parts::FILE)).filter(|file| file.exists()),
        Err(error) => {
            // Git takes no worktree of somebody else's, and says what to do about that.
            if format!("{error:#}").contains("dubious ownership") {
                printer.warn(format_args!("{error:#}"));
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
pub(super) struct CacheArgs {
    /// The cache that is shared with other machines: github:OWNER/REPO, or dir:PATH
    #[arg(long, value_name = "CACHE")]
    pub(super) cache: Option<String>,
    /// This machine's own cache [default: ~/.cache/git-dkr/overlay]
    #[arg(long, value_name = "DIR")]
    pub(super) cache_dir: Option<String>,
}

impl CacheArgs {
    pub(super) fn open(&self, printer: Printer) -> Result<Caches> {
        let sources = self.sources()?;
        let shared = match conf::overlay_cache(&sources) {
            None => None,
            Some(text) => {
                let place = CacheLocation::parse(&text.value).map_err(|why| {
                    Failure::new(format!("{}: {why}", text.origin)).hint(SHARED_HINT)
                })?;
                Some((place.clone(), SnapshotCache::open(&place, printer)?))
            }
        };
        Ok(Caches {
            own: DirectoryCache::new(&conf::overlay_cache_dir(&sources)?, printer),
            shared,
            printer,
        })
    }

    pub(super) fn sources(&self) -> Result<Sources> {
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
pub(super) fn shared(caches: &Caches) -> Result<&SnapshotCache> {
    match &caches.shared {
        Some((_, cache)) => Ok(cache),
        None => Err(Failure::new("there is no shared cache")
            .hint(SHARED_HINT)
            .into()),
    }
}

/// What is rebuilt, and with which caches.
#[derive(Debug, Args)]
pub(super) struct OverlayArgs {
    /// The tree to work on
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(super) root: PathBuf,
    #[command(flatten)]
    pub(super) cache: CacheArgs,
}

/// A root and caches, ready to work with.
pub(super) struct OverlayContext {
    pub(super) overlay: OverlayRoot,
    pub(super) caches: Caches,
}

impl OverlayArgs {
    pub(super) fn open(&self, printer: Printer) -> Result<OverlayContext> {
        let caches = self.cache.open(printer)?;
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
pub(super) struct RebuildArgs {
    #[command(flatten)]
    pub(super) files: ContainerfileArgs,
    #[command(flatten)]
    pub(super) place: OverlayArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: OutputFormat,
}

impl RebuildArgs {
    /// Does it, and tells what was done; the exit code.
    pub(super) fn run(
        &self,
        work: impl FnOnce(&RebuildJob<'_>) -> Result<Vec<PartResult>>,
        printer: Printer,
    ) -> Result<u8> {
        let parts = self.files.read(printer)?;
        let workplace = self.place.open(printer)?;
        let done = work(&RebuildJob {
            parts: &parts,
            name: self.files.name.as_deref(),
            overlay: &workplace.overlay,
            caches: &workplace.caches,
            printer,
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
