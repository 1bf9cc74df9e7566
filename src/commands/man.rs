//! `git dkr man`

use anyhow::{Context, Result};
use clap::Args;
use clap_mangen::Man as Page;

use crate::ui;

/// Print the manual page
#[derive(Debug, Args)]
pub(crate) struct Man {}

impl Man {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, grammar: clap::Command) -> Result<u8> {
        let page = page(grammar).context("cannot render the manual page")?;
        ui::result(String::from_utf8_lossy(&page).trim_end())?;
        Ok(0)
    }
}

/// One page for the whole tool, as git opens one for `git dkr --help`: the root's sections, then
/// a section for each command, whose own sections become subsections.
fn page(grammar: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let root = Page::new(grammar.clone());
    root.render_title(&mut page)?;
    root.render_name_section(&mut page)?;
    root.render_synopsis_section(&mut page)?;
    root.render_description_section(&mut page)?;
    root.render_options_section(&mut page)?;
    for command in grammar.get_subcommands() {
        let name = command.get_name();
        let part = Page::new(command.clone().bin_name(format!("git dkr {name}")));
        let mut text = Vec::new();
        part.render_synopsis_section(&mut text)?;
        part.render_description_section(&mut text)?;
        part.render_options_section(&mut text)?;
        let text = String::from_utf8_lossy(&text).replace(".SH ", ".SS ");
        page.extend(format!(".SH \"GIT DKR {}\"\n{text}", name.to_uppercase()).bytes());
    }
    Ok(page)
}
