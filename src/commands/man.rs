//! `git dkr man`

use anyhow::{Context, Result};
use clap::Args;

use crate::{cli, ui};

/// Print the manual page
#[derive(Debug, Args)]
pub struct Man {}

impl Man {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let mut page = Vec::new();
        let mut grammar = cli::grammar();
        grammar.build();
        clap_mangen::Man::new(grammar.clone())
            .render(&mut page)
            .context("cannot render the manual page")?;
        // One page for all: `git dkr create-image --help` is for a terminal, this is for reading.
        for command in grammar.get_subcommands().filter(|c| c.get_name() != "help") {
            let man = clap_mangen::Man::new(command.clone());
            let mut part = Vec::new();
            man.render_synopsis_section(&mut part)
                .and_then(|()| man.render_description_section(&mut part))
                .and_then(|()| man.render_options_section(&mut part))
                .context("cannot render the manual page")?;
            page.extend(part);
        }
        ui::result(String::from_utf8_lossy(&page).trim_end());
        Ok(0)
    }
}
