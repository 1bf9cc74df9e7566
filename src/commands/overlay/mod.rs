//! `git dkr overlay`: rebuild an environment in place, without an engine.

mod adopt;
mod env;
mod key;
mod shim;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::git::Repo;
use crate::overlay::parts::{self, Part};

/// Rebuild an environment in place, without an engine
///
/// The steps of a Containerfile change the machine that they run on; what they changed is kept as a
/// snapshot. Another machine, or this one after a reset, gets it back in one go.
#[derive(Debug, Args)]
#[command(
    after_help = "To begin with: git dkr overlay restore-or-build, in a folder with a Containerfile"
)]
pub struct Overlay {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Key(key::Key),
    Env(env::Env),
    Shim(shim::Shim),
    Adopt(adopt::Adopt),
}

impl Overlay {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        match &self.command {
            Command::Key(command) => command.run(),
            Command::Env(command) => command.run(),
            Command::Shim(command) => command.run(),
            Command::Adopt(command) => command.run(),
        }
    }
}

/// Which Containerfiles.
#[derive(Debug, Args)]
struct Files {
    /// A Containerfile; each further one stands on those before it [default: Containerfile, here or
    /// at the top of the repository]
    #[arg(short = 'f', long = "containerfile", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A name for what comes of it, where one Containerfile gives several: on other machines, say
    #[arg(long)]
    name: Option<String>,
}

impl Files {
    fn read(&self) -> Result<Vec<Part>> {
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
    let top = Repo::look(None)
        .ok()
        .map(|repo| repo.path.join(parts::FILE));
    top.filter(|file: &PathBuf| Path::new(file).exists())
        .unwrap_or(here)
}
