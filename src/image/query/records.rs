//! Reading records back. What is broken is skipped with a word, and never deleted.

use anyhow::Result;

use crate::git::{ObjectId, Repo};
use crate::image::Image;
use crate::image::model::record::{NoteLine, Record, read};
use crate::ui::Printer;

/// The records on one commit, the newest first.
pub(crate) fn of(repo: &Repo, commit: &ObjectId, printer: Printer) -> Result<Vec<Record>> {
    let note = repo.note(commit)?.unwrap_or_default();
    let mut records = understood(commit, &note, printer);
    records.sort_by_key(|record| std::cmp::Reverse(record.created_at));
    Ok(records)
}

/// Whether there is a record of this very image.
pub(crate) fn has(repo: &Repo, image: &Image) -> Result<bool> {
    let note = repo.note(&image.labels.commit)?.unwrap_or_default();
    Ok(note.contains(&image.id))
}

/// All records of the repository with their commits, the newest first.
pub(crate) fn all(repo: &Repo, printer: Printer) -> Result<Vec<(ObjectId, Record)>> {
    let mut all = Vec::new();
    for (commit, note) in repo.notes()? {
        let records = understood(&commit, &note, printer);
        all.extend(records.into_iter().map(|record| (commit.clone(), record)));
    }
    all.sort_by_key(|(_, record)| std::cmp::Reverse(record.created_at));
    Ok(all)
}

/// The records among the lines of a note; one warning for all the others.
fn understood(commit: &ObjectId, note: &str, printer: Printer) -> Vec<Record> {
    let mut records = Vec::new();
    let (mut strange, mut newer) = (Vec::new(), None);
    for line in read(note) {
        match line {
            NoteLine::Record(record) => records.push(*record),
            NoteLine::Newer(version) => newer = Some(version),
            NoteLine::Strange(reason) => strange.push(reason),
        }
    }
    let mut reasons = Vec::new();
    if let Some(version) = newer {
        reasons.push(format!("is of a later git dkr (version {version})"));
    }
    if let Some(reason) = strange.first() {
        reasons.push(match strange.len() {
            1 => format!("has a line that is not a record ({reason})"),
            more => format!("has {more} lines that are not records ({reason}, …)"),
        });
    }
    if !reasons.is_empty() {
        printer.warn(format_args!(
            "the note on {} {}; it stays as it is",
            commit.short(),
            reasons.join(", and ")
        ));
    }
    records
}
