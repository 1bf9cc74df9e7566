//! Why an image has its key, and what changed since: its inputs, those of the images below it, and
//! how they differ from the present state or from another image's.

use anyhow::Result;

use super::find_image::{by_name, find_image};
use super::record_chain::RecordChain;
use super::target::{self, FetchMode};
use crate::git::{Distance, History, ObjectId, Repo};
use crate::image::model::Image;
use crate::image::model::input_table::InputChange;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::staleness::commits;
use crate::ui::Printer;

/// What an image is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub name: String,
    /// What it depends on; `None` when that cannot be made out.
    pub manifest: Option<KeyManifest>,
    /// Whether all of that is known.
    pub is_complete: bool,
}

impl Comparison {
    /// Another image, or the present state of a branch, which `present` makes out; of the image's
    /// own branch when nothing is typed.
    pub(crate) fn find(
        repo: &Repo,
        images: &[Image],
        image: &Image,
        typed: Option<&str>,
        present: impl FnOnce(&str) -> Option<KeyManifest>,
        printer: Printer,
    ) -> Result<Self> {
        let now = |branch_from: &str| Self {
            name: format!("{branch_from} now"),
            manifest: present(branch_from),
            is_complete: true,
        };
        let Some(typed) = typed else {
            return Ok(now(&image.labels.branch_from));
        };
        match find_image(images, repo, typed) {
            // A branch whose image this is: what it would be made of now.
            Ok(same) if same.id == image.id && by_name(images, typed).is_none() => Ok(now(typed)),
            Ok(found) => {
                let chain = RecordChain::of(repo, found, printer)?;
                Ok(Self {
                    name: found.tag.clone(),
                    manifest: Some(chain.whole()),
                    is_complete: chain.is_complete(),
                })
            }
            Err(error) => match target::resolve(repo, Some(typed), FetchMode::No) {
                Ok(_) => Ok(now(typed)),
                Err(_) => Err(error),
            },
        }
    }
}

/// What differs between an image and what it is compared with; `None` when that is not known. Where
/// `complete` is false only what an update brings is compared: of what is not known nothing is said.
pub(crate) fn compare(
    repo: &Repo,
    chain: &RecordChain,
    other: Comparison,
    complete: bool,
) -> Result<Option<Vec<(InputChange, String)>>> {
    let known = |manifest: KeyManifest| match complete {
        true => manifest,
        false => manifest.brought(),
    };
    let other = other.manifest.map(known);
    other
        .map(|other| differences(repo, &known(chain.whole()), &other))
        .transpose()
}

/// What differs, the most telling first, each with a sentence.
fn differences(
    repo: &Repo,
    old: &KeyManifest,
    new: &KeyManifest,
) -> Result<Vec<(InputChange, String)>> {
    let ends = (commit_of(old), commit_of(new));
    old.changes(new)
        .into_iter()
        .map(|change| {
            let more = match &ends {
                (Some(a), Some(b)) if change.name == "commit" => Some(distance(repo, a, b)?),
                (Some(a), Some(b)) => commits_of_change(repo, &change, a, b),
                _ => None,
            };
            let sentence = more.unwrap_or_else(|| change.sentence(new.get("base_image")));
            Ok((change, sentence))
        })
        .collect()
}

fn commit_of(manifest: &KeyManifest) -> Option<ObjectId> {
    ObjectId::parse(manifest.get("commit")?)
}

fn distance(repo: &Repo, old: &ObjectId, new: &ObjectId) -> Result<String> {
    let arrow = format!("{} -> {}", old.short(), new.short());
    let history = History::open(repo);
    let (there, back) = (history.distance(old, new)?, history.distance(new, old)?);
    Ok(match (there, back) {
        (Distance::Behind(count), _) => format!("{}: {arrow}", commits(count)),
        (_, Distance::Behind(count)) => format!("{} behind: {arrow}", commits(count)),
        (Distance::Missing, _) => format!("another commit: {arrow}"),
        _ => format!("another line of history: {arrow}"),
    })
}

/// In how many commits a key file changed; `None` where it was added or removed, or where a commit is not
/// here or lies behind.
fn commits_of_change(
    repo: &Repo,
    change: &InputChange,
    old: &ObjectId,
    new: &ObjectId,
) -> Option<String> {
    let path = change.key_file()?;
    change.old.as_ref().and(change.new.as_ref())?;
    match repo.commits_touching(old, new, path) {
        Ok(count @ 1..) => Some(format!("{path} changed in {}", commits(count))),
        _ => None,
    }
}
