//! `git dkr explain --candidates`: which images a create can stand on.

use anyhow::Result;
use serde::Serialize;

use super::OutputFormat;
use crate::git::Divergence;
use crate::image::Image;
use crate::image::context::BuildContext;
use crate::image::parent::candidates;
use crate::image::parent::cost::{self, Candidate};
use crate::image::plan::{FullClone, Reuse};
use crate::image::query::find_image::by_name;
use crate::image::query::target::{self, FetchMode};
use crate::ui;

/// All of them, as programs read it.
#[derive(Debug, Serialize)]
struct Candidates<'a> {
    branch_from: &'a str,
    commit: &'a str,
    /// What a full create costs, in bytes; `cost` below is compared with it.
    full_cost: u64,
    /// The first is taken when it costs less than that.
    candidates: Vec<CandidateRow<'a>>,
}

#[derive(Debug, Serialize)]
struct CandidateRow<'a> {
    image: &'a str,
    tag: &'a str,
    /// Commits of the target that the image lacks.
    commits: Option<u64>,
    /// Commits of the image that the target lacks.
    back: Option<u64>,
    bytes: Option<u64>,
    key_files: u64,
    cost: Option<u64>,
    /// Why it is not one to stand on.
    reason: Option<String>,
}

impl<'a> CandidateRow<'a> {
    fn new(candidate: &'a Candidate, full: u64) -> Self {
        let (commits, back) = match candidate.divergence {
            Some(Divergence::Shared {
                ahead,
                behind: back,
            }) => (Some(ahead), Some(back)),
            _ => (None, None),
        };
        Self {
            image: &candidate.image.id,
            tag: &candidate.image.tag,
            commits,
            back,
            bytes: candidate.bytes,
            key_files: candidate.key_files,
            cost: candidate.cost(full),
            reason: candidate.reason.as_ref().map(ToString::to_string),
        }
    }

    fn line(candidate: &Candidate, full: u64) -> Vec<String> {
        vec![candidate.image.tag.clone(), candidate.verdict(full)]
    }
}

/// Prints them for a create of the branch, or of that of an image that is named.
pub(super) fn print(
    context: BuildContext,
    images: &[Image],
    typed: Option<&str>,
    format: OutputFormat,
) -> Result<()> {
    let here = |image: &&Image| image.labels.repo_path == context.repo.path;
    let image = typed.and_then(|name| by_name(images, name)).filter(here);
    let typed = image.map_or(typed, |image| Some(&image.labels.branch_from));
    let target = target::resolve(context.repo, typed, FetchMode::No)?;
    let clone = FullClone::plan(context, target, Reuse::Images)?;
    let full = cost::full(context.repo.size()?);
    let found = candidates(clone.parent_query(context), images, full)?;
    let target = clone.target();
    if format == OutputFormat::Json {
        return ui::result(serde_json::to_string_pretty(&Candidates {
            branch_from: &target.branch_from,
            commit: target.commit.as_str(),
            full_cost: full,
            candidates: found
                .iter()
                .map(|one| CandidateRow::new(one, full))
                .collect(),
        })?);
    }
    if clone.manifest().is_none() {
        context.printer.warn(
            "the base image is not on this machine, so no image can be compared with a create",
        );
    }
    if found.is_empty() {
        return ui::result("there is no image to stand on: a create is a full clone");
    }
    let lines = found
        .iter()
        .map(|one| CandidateRow::line(one, full))
        .collect();
    ui::result(ui::table(&["IMAGE", "WAY"], lines).trim_end())
}
