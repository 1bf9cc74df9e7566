//! Builds one part: carries its steps out and keeps what they changed.

use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::cache::{Folder, Index};
use super::parts::Part;
use super::profile;
use super::restore::record;
use super::site::Site;
use super::snapshot::{About, Before, Machine, Manifest, take};
use super::steps::{self, Place, State};
use crate::ui;

/// A part that was built.
#[derive(Debug)]
pub struct Built {
    /// What is in its snapshot.
    pub manifest: Manifest,
    /// Bytes of its archive.
    pub size: u64,
}

/// Carries out the steps of a part on the site and stores what they changed, in place of what was
/// stored under its tag. Nothing is stored when a step fails.
pub fn build(
    part: &Part,
    name: Option<&str>,
    site: &Site,
    own: &Folder,
    state: &mut State,
) -> Result<Built> {
    for remark in &part.containerfile.remarks {
        ui::warn(remark);
    }
    let begun = Instant::now();
    let machine = Machine::of(&site.root);
    // Before the first look, which then sees no change in the folder that it is in.
    own.make()?;
    let before = Before::scan(&site.root, &site.left_out)?;
    let place = Place {
        root: &site.root,
        file: &part.file,
    };
    steps::carry_out(&part.containerfile, &place, state)?;
    profile::leave(&site.root, &state.environment)
        .context("cannot leave what ENV sets for login shells")?;
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
    let date = steps::source_date(state)?;
    let taken = take(
        before,
        &site.root,
        &site.left_out,
        &also,
        about,
        date,
        &archive,
    )
    .with_context(|| format!("cannot take the snapshot of {}", part.file))?;
    for remark in &taken.remarks {
        ui::warn(remark);
    }
    let index = Index::new(name, &part.key, &taken.sha256, taken.size, Timestamp::now());
    own.take_in(archive, &index, true)
        .context("cannot store the snapshot")?;
    record(&site.state, &taken.manifest)?;
    let took = ui::seconds(begun.elapsed());
    ui::status(
        "built",
        &format!("{}  {} in {took}", part.file, ui::bytes(taken.size)),
    );
    Ok(Built {
        manifest: taken.manifest,
        size: taken.size,
    })
}
