//! What is written down of a build: a record in git's notes, and the watch list for the hooks.
//! The image is there by then, so that what goes wrong here is worth a warning and no more.

use anyhow::{Context, Result};

use super::manifest::Manifest;
use super::plan::Site;
use super::record::{self, Record};
use super::{Image, find, nearest, records, watch};
use crate::git::NOTES;
use crate::ui;

/// Writes the record of a new image.
pub fn record(site: Site, image: &Image, manifest: &Manifest, platform: &str) {
    let labels = &image.labels;
    let measured = nearest::measure(site, image).ok();
    let record = Record {
        branch: labels.branch.clone(),
        branch_from: labels.branch_from.clone(),
        cache_key: manifest.key(),
        created_at: labels.created_at,
        depth: measured.map(|measured| measured.depth()),
        digest: None,
        engine: site.engine.kind().to_string(),
        image: image.id.clone(),
        manifest: manifest.clone(),
        over: measured.map(|measured| measured.over()),
        parent: labels.parent.clone(),
        platform: platform.to_owned(),
        size: image.size,
        tag: image.tag.clone(),
        r#type: labels.kind,
        v: record::VERSION,
    };
    let write = || -> Result<()> {
        let line = record.to_line().context("cannot write it as JSON")?;
        site.repo.append_note(&labels.commit, &line)
    };
    if let Err(error) = write() {
        ui::warn(format_args!(
            "{} has no record in {NOTES}: {error:#}",
            image.tag
        ));
    }
}

/// The same of an image that was there already, if it has none: a write may have failed, and notes
/// may be lost.
pub fn again(site: Site, image: &Image, manifest: &Manifest) {
    if records::has(site.repo, image).is_ok_and(|has| !has) {
        record(
            site,
            image,
            manifest,
            manifest.get("platform").unwrap_or_default(),
        );
    }
}

/// Brings the watch list up to date.
pub fn watch(site: Site) {
    let write = || watch::write(site.repo, &find::all(site.engine)?);
    if let Err(error) = write() {
        ui::warn(format_args!(
            "the hooks' watch list is not up to date: {error:#}"
        ));
    }
}
