//! Carries out the steps of a `Containerfile`, one after the other, up to the first that fails.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::containerfile::{Containerfile, DownloadSource, FetchStep, OverlayStep, StepAction};
use super::fetch::{FetchSpec, fetch};
use super::github::GitHubClient;
use super::inside::inside;
use crate::conf;
use crate::error::{Failure, PartialState};
use crate::grammar::{Piece, Word};
use crate::ui::{self, Printer};

mod command;
mod state;

pub use state::StepState;
pub(crate) use state::machine;

/// How much of a step's text stands in a line.
const SHOWN: usize = 100;

/// Where steps run, and what is said of them.
pub struct StepContext<'a> {
    /// The directory that is `/` to them.
    pub root: &'a Path,
    /// The file's name, for messages.
    pub file: &'a str,
    /// Says how it goes.
    pub printer: Printer,
}

/// Carries them all out.
pub fn carry_out(
    containerfile: &Containerfile,
    place: &StepContext<'_>,
    state: &mut StepState,
) -> Result<()> {
    let count = containerfile.steps.len();
    for (index, step) in containerfile.steps.iter().enumerate() {
        let number = format!("[{}/{count}]", index + 1);
        place
            .printer
            .status(&number, &ui::shortened(&step.text, SHOWN));
        let begun = Instant::now();
        one(step, place, state)
            .context(PartialState(
                "nothing was stored, and what was done so far is still on this machine",
            ))
            .with_context(|| {
                format!(
                    "step {} of {count} failed, {}:{}: {}",
                    index + 1,
                    place.file,
                    step.line,
                    ui::shortened(&step.text, SHOWN)
                )
            })?;
        if matches!(step.action, StepAction::Run(_) | StepAction::Fetch(_)) {
            place.printer.status(
                &number,
                &format!("done in {}", ui::seconds(begun.elapsed())),
            );
        }
    }
    Ok(())
}

fn one(step: &OverlayStep, place: &StepContext<'_>, state: &mut StepState) -> Result<()> {
    state.apply(&step.action)?;
    match &step.action {
        StepAction::Run(run) => command::run(run, place.root, state, place.printer),
        StepAction::Workdir(_) => {
            let directory = inside(place.root, &state.workdir)?;
            std::fs::create_dir_all(&directory)
                .with_context(|| format!("cannot make {}", directory.display()))
        }
        StepAction::Fetch(fetch) => get(fetch, place, state),
        StepAction::Env(_) | StepAction::Snapshot(_) => Ok(()),
    }
}

fn get(asked: &FetchStep, place: &StepContext<'_>, state: &StepState) -> Result<()> {
    let source = DownloadSource::parse(&state.expand(&asked.source)?).map_err(Failure::new)?;
    let dest = state.expand(&asked.dest)?;
    let is_directory = dest.ends_with('/');
    let mut dest = state.path(&dest)?.to_string_lossy().into_owned();
    dest.extend(is_directory.then_some('/'));
    let wanted = FetchSpec {
        source,
        dest,
        sha256: asked.sha256.clone(),
        chmod: asked.chmod,
    };
    let downloads = conf::cache_directory("downloads")?;
    let placed = fetch(
        &wanted,
        place.root,
        &GitHubClient::open(place.printer)?,
        &downloads,
    )?;
    let what = match placed.unpacked {
        Some(files) => format!("{files} files"),
        None => "one file".to_owned(),
    };
    let (from, size) = (placed.from, ui::bytes(placed.bytes));
    place.printer.status(
        "fetched",
        &format!("{from}  {size}, {what} at {}", placed.at.display()),
    );
    Ok(())
}

/// The time that stands for those that the run makes, if the steps were given one.
pub fn source_date(state: &StepState) -> Result<Option<i64>> {
    let own = Word(vec![Piece::Variable {
        name: command::SOURCE_DATE.to_owned(),
        otherwise: None,
    }]);
    let text = state.expand(&own)?;
    if text.is_empty() {
        return Ok(None);
    }
    let name = command::SOURCE_DATE;
    let seconds = text.parse().map_err(|_| {
        Failure::new(format!("{name} is `{text}`")).hint("it is a number of seconds since 1970")
    })?;
    Ok(Some(seconds))
}
