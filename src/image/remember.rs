//! What is written down of a build: a record in git's notes, and the watch list for the hooks.
//! The image is there by then, so that what goes wrong here is worth a warning and no more: the
//! image's labels say what the record does, and the next command that looks at it writes it.

use anyhow::{Context, Result};

use super::find::Inventory;
use super::manifest::Manifest;
use super::over::Measured;
use super::plan::Site;
use super::record::{self, Line, Record};
use super::{Image, turn, watch};
use crate::engine::Engine;
use crate::error::Interrupted;
use crate::git::{NOTES, Repo};
use crate::ui;

/// Writes the record of an image that was made of this.
pub fn record(repo: &Repo, engine: &Engine, image: &Image, manifest: &Manifest) {
    match write(repo, engine, image, manifest) {
        // Who asked us to stop is told so.
        Err(error) if !error.is::<Interrupted>() => ui::warn(format_args!(
            "{} has no record in {NOTES}: {error:#}",
            image.tag
        )),
        _ => {}
    }
}

fn write(repo: &Repo, engine: &Engine, image: &Image, manifest: &Manifest) -> Result<()> {
    let line = of(engine, image, manifest)?.to_line();
    let line = line.context("cannot write it as JSON")?;
    repo.append_note(&image.labels.commit, &line)
}

fn of(engine: &Engine, image: &Image, manifest: &Manifest) -> Result<Record> {
    let labels = &image.labels;
    let found = engine.inspect_one(&image.id)?.context("it is gone")?;
    let measured = Measured::of(labels, &found);
    Ok(Record {
        branch: labels.branch.clone(),
        branch_from: labels.branch_from.clone(),
        cache_key: manifest.key(),
        created_at: labels.created_at,
        depth: measured.map(|measured| measured.depth()),
        digest: None,
        engine: engine.kind().to_string(),
        image: image.id.clone(),
        manifest: manifest.clone(),
        over: measured.map(|measured| measured.over()),
        parent: labels.parent.clone(),
        platform: found.platform.unwrap_or_default(),
        size: found.size,
        tag: image.tag.clone(),
        r#type: labels.kind,
        v: record::VERSION,
    })
}

/// Writes the records of those of these images that have none: a build may have been stopped before it
/// wrote one, and notes may be lost. `ours` is the branch whose turn to build is ours (see [`turn`]). Who
/// may not write here gets what they asked for all the same.
pub fn mend(repo: &Repo, engine: &Engine, images: &[Image], ours: Option<&str>) {
    let mut lacking: Vec<(&Image, Manifest)> = images
        .iter()
        .filter(|image| image.labels.repo_path == repo.path && image.has_our_name())
        .filter_map(|image| Some((image, Manifest::of_label(&image.labels)?)))
        .collect();
    if lacking.is_empty() {
        return;
    }
    let commits: Vec<&str> = lacking
        .iter()
        .map(|(i, _)| i.labels.commit.as_str())
        .collect();
    let (Ok(notes), Ok(found)) = (repo.notes(), repo.commits(&commits)) else {
        return;
    };
    // What git has thrown away has no notes.
    let mut found = found.iter();
    lacking.retain(|_| found.next().is_some_and(Option::is_some));
    lacking.retain(|(image, _)| {
        let here = |(commit, _): &&_| *commit == image.labels.commit;
        !notes
            .iter()
            .filter(here)
            .any(|(_, note)| tells_of(note, image))
    });
    for (image, manifest) in lacking {
        let branch = image.labels.branch.as_str();
        // A build that is under way writes its own.
        let turn = match ours == Some(branch) {
            true => None,
            false => match turn::try_take(repo, branch) {
                Ok(Some(turn)) => Some(turn),
                _ => continue,
            },
        };
        let _ = write(repo, engine, image, &manifest);
        drop(turn);
    }
}

/// Whether a note has the record of an image, or of the one that somebody built it on: labels are
/// inherited, the time of the build too.
fn tells_of(note: &str, image: &Image) -> bool {
    record::read(note).iter().any(|line| match line {
        Line::Record(record) => {
            record.image == image.id
                || record.created_at == image.labels.created_at
                    && Some(&record.cache_key) == image.labels.cache_key.as_ref()
        }
        Line::Newer(_) | Line::Strange(_) => false,
    })
}

/// Brings the watch list up to date.
pub fn watch(site: Site) {
    let write = || watch::write(site.repo, &Inventory::take(site.engine)?.images);
    match write() {
        Err(error) if !error.is::<Interrupted>() => ui::warn(format_args!(
            "the hooks' watch list is not up to date: {error:#}"
        )),
        _ => {}
    }
}
