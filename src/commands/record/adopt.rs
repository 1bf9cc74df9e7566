//! `git dkr record adopt`

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::super::RepoArgs;
use crate::conf::FILE;
use crate::error::Failure;
use crate::fs;
use crate::git::{Repo, worktree_top};
use crate::recording::adopt::{adopt, diff};
use crate::ui::{self, Printer};

/// Where containers record, and where a user does.
const NAMES: [&str; 2] = ["Containerfile.recorded", "Containerfile"];

/// Take the RUN lines of a Containerfile into [post_clone] of .dkr.conf
///
/// Those that are not there yet, shown as a diff first. The Containerfile is read from the
/// worktree, or from BRANCH_FROM, such as the branch that a container pushed.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    #[command(flatten)]
    place: RepoArgs,
    /// The Containerfile, from the top of the repository on
    /// [default: Containerfile.recorded, else Containerfile]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write without asking
    #[arg(long)]
    yes: bool,
    /// Only show the diff
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

impl Adopt {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let (repo, branch_from) = self.place.split();
        let top = worktree_top(repo)?;
        let (name, recorded) = match branch_from {
            Some(branch_from) => self.of_commit(&top, branch_from)?,
            None => self.of_worktree(&top)?,
        };
        let path = top.join(FILE);
        let conf = fs::read_written_text(&path)?;
        let adopted = adopt(conf.as_deref().unwrap_or_default(), &recorded)
            .with_context(|| format!("cannot take {name} into {FILE}"))?;
        for remark in &adopted.remarks {
            printer.warn(format_args!("{name}: {remark}"));
        }
        if adopted.count == 0 {
            printer.status("adopt", &format!("{FILE} has every RUN of {name}"));
            return Ok(0);
        }
        let shown = diff(conf.as_deref(), &adopted.text);
        ui::result(shown.trim_end())?;
        if self.dry_run {
            return Ok(0);
        }
        if !self.yes {
            if !printer.interactive() {
                bail!(
                    Failure::new(format!(
                        "{FILE} was not changed: there is no terminal to ask on"
                    ))
                    .hint("use --yes to write it, or --dry-run to see the change")
                );
            }
            if !printer.confirm(&format!("Write it to {FILE}?"))? {
                printer.status("adopt", &format!("{FILE} was not changed"));
                return Ok(1);
            }
        }
        write(&path, &adopted.text)?;
        let lines = match adopted.count {
            1 => "1 RUN".to_owned(),
            count => format!("{count} RUNs"),
        };
        printer.status(
            "adopt",
            &format!("{lines} of {name} into {FILE}; commit it for the next image"),
        );
        Ok(0)
    }

    fn names(&self) -> Vec<&Path> {
        match &self.file {
            Some(file) => vec![file],
            None => NAMES.iter().map(Path::new).collect(),
        }
    }

    /// Of a commit: how the file is called, and its text.
    fn of_commit(&self, top: &Path, branch_from: &str) -> Result<(String, String)> {
        let repo = Repo::find(Some(top))?;
        let found = repo.commits(&[branch_from])?;
        let Some(Some(commit)) = found.first() else {
            bail!(
                Failure::new(format!("there is no {branch_from} in this repository"))
                    .hint("git branch --list shows the branches, those that containers pushed too")
            );
        };
        for name in self.names() {
            if let Some(text) = repo.file_at(commit, &name.to_string_lossy())? {
                return Ok((format!("{branch_from}:{}", name.display()), text));
            }
        }
        Err(self.none(branch_from))
    }

    fn of_worktree(&self, top: &Path) -> Result<(String, String)> {
        for name in self.names() {
            if let Some(text) = fs::read_written_text(&top.join(name))? {
                return Ok((name.display().to_string(), text));
            }
        }
        Err(self.none(&top.display().to_string()))
    }

    fn none(&self, place: &str) -> anyhow::Error {
        let names: Vec<_> = self
            .names()
            .iter()
            .map(|name| name.display().to_string())
            .collect();
        Failure::new(format!("there is no {} in {place}", names.join(" and no ")))
            .hint("-f FILE names another; in a container, . /run/dkr/shim records one")
            .into()
    }
}

/// Where a link leads it is written, and with the mode that it has.
fn write(path: &Path, text: &str) -> Result<()> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = std::fs::metadata(&path).map_or(0o644, |found| found.permissions().mode() & 0o7777);
    fs::write_with_mode(&path, text.as_bytes(), mode)
}
