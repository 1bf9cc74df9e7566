//! `git dkr record shim`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::conf::Shell;
use crate::error::Failure;
use crate::recording::shim;
use crate::ui;

/// Print functions for a shell that record what uv and pip install
///
/// To use it: eval "$(git dkr record shim)", or in fish: git dkr record shim --shell fish | source. The
/// tools then run as ever, and what they changed becomes RUN lines of the Containerfile.
#[derive(Debug, Args)]
pub(crate) struct Shim {
    /// The file that the lines are added to
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        default_value = "Containerfile"
    )]
    containerfile: PathBuf,
    /// The shell that is to read it [default: $SHELL]
    #[arg(long, value_enum)]
    shell: Option<Shell>,
}

impl Shim {
    /// Runs it; the exit code.
    pub(crate) fn run(&self) -> Result<u8> {
        let shell = self.shell.map_or_else(Shell::of_user, Ok)?;
        let file = std::path::absolute(&self.containerfile).context("--containerfile")?;
        let Some(file) = file
            .to_str()
            .filter(|path| !path.contains(char::is_control))
        else {
            bail!(
                Failure::new(format!("the path {} cannot be printed", file.display()))
                    .hint("name another file: --containerfile FILE")
            );
        };
        ui::result(shim::functions(shell, file).trim_end())?;
        Ok(0)
    }
}
