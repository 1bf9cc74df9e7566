//! What is written down of a build: a record in git's notes, and the watch list for the hooks.
//! The image is there by then, so that what goes wrong here is worth a warning and no more: the
//! image's labels say what the record does, and the next command that looks at it writes it.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::engine::Engine;
use crate::error::Interrupted;
use crate::git::{NOTES, ObjectId, Repo};
use crate::image::Image;
use crate::image::build::lock;
use crate::image::context::BuildContext;
use crate::image::model::chain_limits::ChainStats;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::record::{self, NoteLine, Record};
use crate::image::query::inventory::Inventory;
use crate::image::query::watch_list;

/// How long those who only look wait for others who write.
const SHORT_WAIT: Duration = Duration::from_millis(200);

/// Writes the record of an image that was made of this.
pub(crate) fn record(context: BuildContext, image: &Image, manifest: &KeyManifest) {
    let BuildContext { repo, engine, .. } = context;
    let write = || repo.append_note(&image.labels.commit, &line(engine, image, manifest)?);
    match write() {
        // Who asked us to stop is told so.
        Err(error) if !error.is::<Interrupted>() => context.printer.warn(format_args!(
            "{} has no record in {NOTES}: {error:#}",
            image.tag
        )),
        _ => {}
    }
}

fn line(engine: &Engine, image: &Image, manifest: &KeyManifest) -> Result<String> {
    let line = of(engine, image, manifest)?.to_line();
    line.context("cannot write it as JSON")
}

fn of(engine: &Engine, image: &Image, manifest: &KeyManifest) -> Result<Record> {
    let labels = &image.labels;
    let found = engine.inspect_one(&image.id)?.context("it is gone")?;
    let measured = ChainStats::of(labels, &found);
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
        over: measured.map(|measured| measured.bytes_over_base()),
        parent: labels.parent.clone(),
        platform: found.platform.unwrap_or_default(),
        size: found.size,
        tag: image.tag.clone(),
        r#type: labels.kind,
        v: record::VERSION,
    })
}

/// Writes the records of those of these images of the repository that have none: a build may have been
/// stopped before it wrote one, and notes may be lost. All that look at an image call this. `ours` is the
/// branch whose turn to build is ours (see `build_lock`). Who may not write here, or would
/// have to wait for it, gets what they asked for anyway.
pub(crate) fn write_missing_records(
    repo: &Repo,
    engine: &Engine,
    images: &[Image],
    ours: Option<&str>,
) {
    let ours_here = |image: &&Image| image.labels.repo_path == repo.path && image.has_our_name();
    let here: Vec<&Image> = images.iter().filter(ours_here).collect();
    let commits: Vec<&ObjectId> = here.iter().map(|image| &image.labels.commit).collect();
    let Ok(notes) = repo.notes_on(&commits) else {
        return;
    };
    let has_record = |image: &Image| {
        let note = notes.get(&image.labels.commit);
        note.is_some_and(|note| tells_of(note, image))
    };
    let lacking = here.into_iter().filter(|image| !has_record(image));
    let lacking: Vec<(&Image, KeyManifest)> = lacking
        .filter_map(|image| Some((image, KeyManifest::of_label(&image.labels)?)))
        .collect();
    if lacking.is_empty() {
        return;
    }
    let commits = lacking.iter().map(|(i, _)| i.labels.commit.as_str());
    let Ok(found) = repo.commits(&commits.collect::<Vec<_>>()) else {
        return;
    };
    for ((image, manifest), commit) in lacking.into_iter().zip(found) {
        // What git has thrown away has no notes.
        if commit.is_none() {
            continue;
        }
        let branch = image.labels.branch.as_str();
        // A build that is under way writes its own.
        let turn = match ours == Some(branch) {
            true => None,
            false => match lock::try_take(repo, branch) {
                Ok(Some(turn)) => Some(turn),
                _ => continue,
            },
        };
        if let Ok(line) = line(engine, image, &manifest) {
            let _ = repo.append_note_within(SHORT_WAIT, &image.labels.commit, &line);
        }
        drop(turn);
    }
}

/// Whether a note has the record of an image, or of the one that somebody built it on: labels are
/// inherited, the time of the build too.
fn tells_of(note: &str, image: &Image) -> bool {
    let key = image.labels.cache_key.as_ref();
    // To read a line takes longer than to see that it is of something else.
    let may_tell = |line: &&str| {
        line.contains(&image.id) || key.is_some_and(|key| line.contains(key.as_str()))
    };
    let mut lines = note.lines().filter(may_tell).flat_map(record::read);
    lines.any(|line| match line {
        NoteLine::Record(record) => {
            record.image == image.id
                || record.created_at == image.labels.created_at && Some(&record.cache_key) == key
        }
        NoteLine::Newer(_) | NoteLine::Strange(_) => false,
    })
}

/// Brings the watch list up to date.
pub(crate) fn watch(context: BuildContext) {
    let write = || watch_list::write(context.repo, &Inventory::list(context.engine)?.images);
    match write() {
        Err(error) if !error.is::<Interrupted>() => context.printer.warn(format_args!(
            "the hooks' watch list is not up to date: {error:#}"
        )),
        _ => {}
    }
}
