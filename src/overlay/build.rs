//! Builds one part: carries its steps out and keeps what they changed.

use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::cache::{DirectoryCache, Index};
use super::parts::OverlayPart;
use super::profile;
use super::restore::{applied_others, record};
use super::root::OverlayRoot;
use super::snapshot::{self, About, Baseline, Machine, SnapshotSubject};
use super::steps::{self, StepContext, StepState};
use crate::ui::{self, Printer};

/// Carries out the steps of a part on the overlay and stores what they changed, in place of what was
/// stored under its tag. Nothing is stored when a step fails. `below` are the keys of the parts that
/// it stands on.
pub(crate) fn build(
    part: &OverlayPart,
    name: Option<&str>,
    overlay: &OverlayRoot,
    own: &DirectoryCache,
    below: &[String],
    state: &mut StepState,
    printer: Printer,
) -> Result<()> {
    for remark in &part.containerfile.remarks {
        printer.warn(remark);
    }
    let begun = Instant::now();
    let machine = Machine::of(&overlay.root);
    // Sooner than after an hour of steps; and the directory of the cache is there before the first look,
    // which then sees no change in the directory that it is in.
    drop(own.unfinished()?);
    steps::source_date(state)?;
    let (mut before, resumed) = Baseline::build(&overlay.root, &overlay.left_out, &overlay.state)?;
    if resumed {
        printer.warn(
            "the last build here did not finish: what changed since it began is included, too",
        );
    }
    let earlier = applied_others(&overlay.state, below, printer)?;
    if !earlier.is_empty() {
        printer.warn(
            "an overlay was applied to this machine before: what it brought becomes part of this snapshot; \
             a build on a fresh machine would not have it",
        );
        before.forget(&earlier);
    }
    let place = StepContext {
        root: &overlay.root,
        file: &part.file,
        printer,
    };
    steps::carry_out(&part.containerfile, &place, state)?;
    if let Err(error) = profile::leave(&overlay.root, &state.environment) {
        let what = "login shells will not have what ENV sets; git dkr overlay env prints it";
        printer.warn(format_args!("{what}: {error:#}"));
    }
    let about = About {
        key: part.key.clone(),
        name: name.map(str::to_owned),
        arch: machine.arch,
        os: machine.os,
        env: state.environment.symbols(),
        workdir: state.workdir.to_string_lossy().into_owned(),
    };
    let archive = own.unfinished()?.into_temp_path();
    let also = std::mem::take(&mut state.snapshot);
    let subject = SnapshotSubject {
        root: &overlay.root,
        left_out: &overlay.left_out,
        also: &also,
        about,
        source_date: steps::source_date(state)?,
        printer,
    };
    let taken = snapshot::create(before, subject, &archive)
        .with_context(|| format!("cannot take the snapshot of {}", part.file))?;
    for remark in &taken.remarks {
        printer.warn(remark);
    }
    let index = Index::new(name, &part.key, &taken.sha256, taken.size, Timestamp::now());
    own.take_in(archive, &index, true)
        .context("cannot store the snapshot")?;
    record(&overlay.state, &taken.manifest, printer)?;
    Baseline::ended(&overlay.state)?;
    let took = ui::seconds(begun.elapsed());
    printer.status(
        "built",
        &format!("{}  {} in {took}", part.file, ui::bytes(taken.size)),
    );
    Ok(())
}
