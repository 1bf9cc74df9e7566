//! `git dkr notes`

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::OutputFormat;
use crate::error::Failure;
use crate::git::{NOTES, Repo};
use crate::image::model::record::Record;
use crate::image::query::records;
use crate::ui::{self, Printer};

/// Show the records of images, and share them with a remote
///
/// Each create and update writes one into a git note on the image's commit (refs/notes/dkr).
#[derive(Debug, Args)]
pub(crate) struct Notes {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the records on a commit, or all of them
    Show {
        /// A commit, branch or tag
        commit: Option<String>,
        /// How to print the result
        #[arg(long, value_enum, default_value_t)]
        format: OutputFormat,
    },
    /// Fetch a remote's records and merge them with those that are here
    Pull {
        /// The remote
        remote: String,
    },
    /// Merge with a remote's records and push; never by force
    Push {
        /// The remote
        remote: String,
    },
}

impl Notes {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let repo = Repo::find(None)?;
        match &self.command {
            Command::Show { commit, format } => show(&repo, commit.as_deref(), *format, printer)
                .context("cannot show the records")?,
            Command::Pull { remote } => {
                let found = repo.pull_notes(remote).context("cannot pull the records")?;
                let (what, text) = if found {
                    ("merged", "the remote's records with those here")
                } else {
                    ("none", "the remote has no records")
                };
                printer.status(what, text);
            }
            Command::Push { remote } => {
                repo.push_notes(remote).context("cannot push the records")?;
                printer.status("pushed", NOTES);
            }
        }
        Ok(0)
    }
}

fn show(repo: &Repo, typed: Option<&str>, format: OutputFormat, printer: Printer) -> Result<()> {
    let found = match typed {
        None => records::all(repo, printer)?,
        Some(typed) => {
            let commit = repo.commits(&[typed])?.remove(0).ok_or_else(|| {
                Failure::new(format!("no commit is called {typed}"))
                    .hint("git dkr notes show prints all records")
            })?;
            let found = records::of(repo, &commit, printer)?;
            found.into_iter().map(|r| (commit.clone(), r)).collect()
        }
    };
    if format == OutputFormat::Json {
        let records: Vec<&Record> = found.iter().map(|(_, record)| record).collect();
        return ui::result(serde_json::to_string_pretty(&records)?);
    }
    if found.is_empty() {
        printer.status("none", "no record here; git dkr create-image writes one");
        return Ok(());
    }
    let rows = found
        .iter()
        .map(|(commit, record)| {
            vec![
                commit.short().to_owned(),
                record.tag.clone(),
                record.branch_from.clone(),
                record.created_at.strftime("%Y-%m-%d %H:%M").to_string(),
                record.r#type.name().to_owned(),
                record.platform.clone(),
                ui::bytes(record.size),
                record.cache_key.get(..12).unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    let header = [
        "commit", "tag", "branch", "created", "type", "platform", "size", "key",
    ];
    ui::result(ui::table(&header, rows))
}
