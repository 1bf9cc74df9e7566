//! `git dkr check`

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::{EngineArgs, OutputFormat, RepoArgs};
use crate::git::Repo;
use crate::image::build::record_build;
use crate::image::model::staleness::{Remedy, Staleness};
use crate::image::query::inventory::Inventory;
use crate::image::query::report::{ImageLocation, ImageStatus, report};
use crate::image::query::target::{self, FetchMode};
use crate::image::query::watch_list;
use crate::proc::join;
use crate::ui::{self, Printer};

/// Say how stale the images of a repository are
///
/// A line an image: its state, how far it is behind, which key files changed since, and the
/// command that helps. Nothing is fetched: a remote's branch is where the last fetch saw it.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    place: RepoArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Every record of the repository, also of images that are not on this machine
    #[arg(long)]
    all: bool,
    /// Exit with 1 when an image on this machine is stale
    #[arg(long)]
    exit_code: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// A finding as programs read it.
#[derive(Debug, Serialize)]
struct StatusRow<'a> {
    tag: &'a str,
    image: &'a str,
    branch: &'a str,
    branch_from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_with: Option<&'a str>,
    commit: &'a str,
    created_at: String,
    here: bool,
    /// The other clone that it was built of; only with `here`.
    #[serde(skip_serializing_if = "Option::is_none")]
    repo_path: Option<String>,
    staleness: &'a Staleness,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let findings = self.findings(printer).context("cannot check the images")?;
        self.print(&findings, printer)?;
        let stale = findings
            .iter()
            .any(|found| found.location == ImageLocation::Here && found.staleness.is_stale());
        Ok(u8::from(self.exit_code && stale))
    }

    fn findings(&self, printer: Printer) -> Result<Vec<ImageStatus>> {
        let (path, typed) = self.place.split();
        let engine = self.engine.find_at(path, printer)?;
        let (inventory, repo) = join(|| Inventory::list(&engine), || Repo::look(path))?;
        let (inventory, repo) = (inventory?, repo?);
        inventory.warn(&engine, Some(&repo.path), printer);
        let images = inventory.images;
        // An image that was removed with the engine's own commands is no longer worth a hook's word.
        // Who may not write here gets the answer all the same.
        let _ = watch_list::write(&repo, &images);
        record_build::write_missing_records(&repo, &engine, &images, None);
        // A branch that is gone may still have an image.
        let target = typed.map(|typed| target::resolve(&repo, Some(typed), FetchMode::No));
        let found = target.as_ref().and_then(|target| target.as_ref().ok());
        let branch = found.map(|target| target.branch.as_str());
        let findings = report(
            &repo,
            &images,
            self.all,
            found,
            |subject| typed.is_none_or(|typed| subject.answers_to(typed, branch)),
            printer,
        )?;
        if findings.is_empty() {
            target.transpose()?;
        }
        Ok(findings)
    }

    fn print(&self, findings: &[ImageStatus], printer: Printer) -> Result<()> {
        if self.format == OutputFormat::Json {
            let rows: Vec<StatusRow> = findings.iter().map(|finding| self.row(finding)).collect();
            return ui::result(serde_json::to_string_pretty(&rows)?);
        }
        if findings.is_empty() {
            printer.status(
                "none",
                "no image of this repository yet; git dkr create-image makes one",
            );
        }
        for finding in findings {
            let compared_with = finding.compared_with();
            let mut sentence = finding.staleness.sentence(&finding.tag, compared_with);
            if compared_with != finding.branch_from {
                sentence.push_str(&format!(" (it follows {})", finding.branch_from));
            }
            let built = finding.created_at.strftime("%Y-%m-%d %H:%M");
            let place = match &finding.location {
                ImageLocation::Here => String::new(),
                ImageLocation::OfAnother(path) => format!(
                    " (an image of {}, built {built} UTC, on this machine)",
                    path.display()
                ),
                ImageLocation::Elsewhere => {
                    format!(" (an earlier image, built {built} UTC, not on this machine)")
                }
            };
            match self.mend(finding) {
                Some(command) => ui::result(format_args!("{sentence}{place}: {command}"))?,
                None => ui::result(format_args!("{sentence}{place}"))?,
            }
        }
        Ok(())
    }

    fn row<'a>(&self, finding: &'a ImageStatus) -> StatusRow<'a> {
        StatusRow {
            tag: &finding.tag,
            image: &finding.image,
            branch: &finding.branch,
            branch_from: &finding.branch_from,
            compared_with: finding.compared_with.as_deref(),
            commit: finding.commit.as_str(),
            created_at: finding.created_at.to_string(),
            here: finding.location != ImageLocation::Elsewhere,
            repo_path: match &finding.location {
                ImageLocation::OfAnother(path) => Some(path.to_string_lossy().into_owned()),
                _ => None,
            },
            staleness: &finding.staleness,
            mend: self.mend(finding),
        }
    }

    /// The command that mends it, as one would type it here.
    fn mend(&self, finding: &ImageStatus) -> Option<String> {
        let mend = match finding.location {
            ImageLocation::Here => finding.staleness.remedy(),
            _ => Remedy::Nothing,
        };
        let path = self
            .place
            .split()
            .0
            .map_or(".".into(), |p| p.to_string_lossy());
        let place = shlex::try_join([&*path, finding.compared_with()]).ok()?;
        mend.command(&place)
    }
}
