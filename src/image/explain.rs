//! Why an image has its key, and what changed since: its inputs, those of the images below it, and
//! how they differ from the present state or from another image's.

use anyhow::{Context, Result};

use super::labels::ImageKind;
use super::manifest::{InputChange, KeyManifest};
use super::plan::BuildContext;
use super::record::Record;
use super::staleness::commits;
use super::target::{self, FetchMode};
use super::{Image, inputs, plan, records, tool_layers};
use crate::error::Failure;
use crate::git::{Distance, History, ObjectId, Repo};

/// The records of an image and of those below it, down to the one that was cloned.
#[derive(Debug, Clone)]
pub struct RecordChain(Vec<(ObjectId, Record)>);

impl RecordChain {
    /// Finds the records of an image. Those below are looked up by their keys, and may be missing.
    pub fn of(repo: &Repo, image: &Image) -> Result<Self> {
        Self::among(&records::all(repo)?, image)
    }

    /// The same among all records of the repository.
    pub fn among(all: &[(ObjectId, Record)], image: &Image) -> Result<Self> {
        let mut left: Vec<&(ObjectId, Record)> = all.iter().collect();
        let mut take = |fits: &dyn Fn(&Record) -> bool| {
            let place = left.iter().position(|(_, record)| fits(record))?;
            Some(left.remove(place).clone())
        };
        let key = image.labels.cache_key.as_deref();
        let first = take(&|record| record.image == image.id)
            .or_else(|| take(&|record| Some(&*record.cache_key) == key))
            .ok_or_else(|| {
                Failure::new(format!("{} has no record in this repository", image.tag)).hint(
                    "records are git notes: git dkr notes pull REMOTE gets those of others, git dkr create-image --force-rebuild writes one",
                )
            })?;
        let mut chain = vec![first];
        // Each record is taken once, so that forged parents cannot divergence in a circle.
        while let Some(parent) = chain.last().and_then(|(_, r)| r.manifest.get("parent")) {
            let parent = parent.to_owned();
            match take(&|record| record.cache_key == parent) {
                Some(record) => chain.push(record),
                None => break,
            }
        }
        Ok(Self(chain))
    }

    /// The records, the image's own first.
    pub fn records(&self) -> impl Iterator<Item = (&ObjectId, &Record)> {
        self.0.iter().map(|(commit, record)| (commit, record))
    }

    /// What the image depends on, all layers together, comparable with a create's manifest.
    pub fn whole(&self) -> KeyManifest {
        let mut records = self.0.iter().rev().map(|(_, record)| &record.manifest);
        let root = records.next().cloned().unwrap_or_default();
        records.fold(root, |below, update| update.clone().on(&below))
    }

    /// Whether it leads down to a clone.
    pub fn is_complete(&self) -> bool {
        self.0
            .last()
            .is_some_and(|(_, r)| r.r#type == ImageKind::Base)
    }
}

/// What a create of the same branch would depend on now; `None` when the base image is not here.
pub fn present(context: BuildContext, branch_from: &str) -> Result<Option<KeyManifest>> {
    let target = target::resolve(context.repo, Some(branch_from), FetchMode::No)?;
    let conf = plan::settings_at(context, &target.commit)?;
    let (conf, tool_layers) = tool_layers::resolve_base_image(context, conf, &target.commit)?;
    let shallow = context.repo.shallow_boundary()?;
    let clone = plan::clone(context, shallow.as_deref());
    inputs::of_create(context, &conf, &target, clone, tool_layers.as_ref())
}

/// What an image is compared with.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// For people.
    pub name: String,
    /// What it depends on; `None` when that cannot be made out.
    pub manifest: Option<KeyManifest>,
    /// Whether all of that is known.
    pub is_complete: bool,
}

impl Comparison {
    /// Another image, or the present state of a branch, which `present` makes out; of the image's
    /// own branch when nothing is typed.
    pub fn find(
        repo: &Repo,
        images: &[Image],
        image: &Image,
        typed: Option<&str>,
        present: impl FnOnce(&str) -> Option<KeyManifest>,
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
                let chain = RecordChain::of(repo, found)?;
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
pub fn compare(
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
            let sentence = match (change.name.as_str(), change.key_file(), &ends) {
                ("commit", _, (Some(a), Some(b))) => distance(repo, a, b)?,
                (_, Some(path), (Some(a), Some(b))) => key_file(repo, &change, path, a, b)?,
                _ => sentence(&change, new),
            };
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

fn key_file(
    repo: &Repo,
    change: &InputChange,
    path: &str,
    old: &ObjectId,
    new: &ObjectId,
) -> Result<String> {
    Ok(match (&change.old, &change.new) {
        (None, _) => format!("{path} was added"),
        (_, None) => format!("{path} was removed"),
        _ => match repo.commits_touching(old, new, path) {
            Ok(count @ 1..) => format!("{path} changed in {}", commits(count)),
            // A commit that is not here, or one that lies behind.
            _ => format!("{path} changed"),
        },
    })
}

/// Of an input that speaks for itself.
pub(super) fn sentence(change: &InputChange, new: &KeyManifest) -> String {
    let (old, now) = (change.old.as_deref(), change.new.as_deref());
    let arrow = |cut: fn(&str) -> &str| {
        let show = |value: Option<&str>| value.map_or("nothing", cut).to_owned();
        format!("{} -> {}", show(old), show(now))
    };
    if let Some(script) = change.script() {
        return format!("git dkr's own script {script} changed");
    }
    match change.name.as_str() {
        "layers" => format!("other layers: {}", arrow(|names| names)),
        "layers_key" => format!("the layers below it changed: {}", arrow(digest)),
        "base_image" => format!("another base image: {}", arrow(|name| name)),
        "base_digest" => {
            let base = new.get("base_image").map(|base| format!(" {base}"));
            let base = base.unwrap_or_default();
            format!("base image{base} has a new digest: {}", arrow(digest))
        }
        "platform" => format!("another platform: {}", arrow(|name| name)),
        "packages" => packages(old.unwrap_or_default(), now.unwrap_or_default()),
        "pre_clone" | "post_clone" => format!("[{}] of .dkr.conf changed", change.name),
        "ca_bundle" => "the installed CA certificates changed".to_owned(),
        "branch" => format!("another branch: {}", arrow(|name| name)),
        "filter" | "sparse" | "submodules" | "lfs" => {
            format!("another {}: {}", change.name, arrow(|text| text))
        }
        "ref" => format!("another ref: {}", arrow(|name| name)),
        "shallow" => "history is cut off elsewhere".to_owned(),
        "objects" => "the clone has other objects (--objects)".to_owned(),
        "schema" => "git dkr builds in another way".to_owned(),
        "dockerfile" => "the Dockerfile's text changed".to_owned(),
        name => format!("{name}: {}", arrow(digest)),
    }
}

/// A digest, short enough to be compared by eye.
pub(super) fn digest(text: &str) -> &str {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.get(..12).unwrap_or(hex)
}

fn packages(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split(' ').collect(), new.split(' ').collect());
    let only = |these: &[&str], those: &[&str], mark: char| -> Vec<String> {
        these
            .iter()
            .filter(|name| !name.is_empty() && !those.contains(name))
            .map(|name| format!("{mark}{name}"))
            .collect()
    };
    let mut words = only(&new, &old, '+');
    words.extend(only(&old, &new, '-'));
    if words.is_empty() {
        return "the packages are in another order".to_owned();
    }
    format!("packages: {}", words.join(" "))
}

/// The image that a name means: a tag, an id or its beginning; `None` when it is none of them.
pub fn by_name<'a>(images: &'a [Image], name: &str) -> Option<&'a Image> {
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    let is_id = id.len() >= 6 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    images.iter().find(|image| image.tag == name).or_else(|| {
        images.iter().find(|image| {
            let hex = image.id.trim_start_matches("sha256:");
            is_id && hex.starts_with(id)
        })
    })
}

/// An image by its name, or the newest of a branch of the repository.
pub fn find_image<'a>(images: &'a [Image], repo: &Repo, name: &str) -> Result<&'a Image> {
    if let Some(image) = by_name(images, name) {
        return Ok(image);
    }
    let target = target::resolve(repo, Some(name), FetchMode::No);
    let branch = target.as_ref().ok().map(|target| target.branch.as_str());
    let found = images
        .iter()
        .find(|image| image.labels.repo_path == repo.path && image.answers_to(name, branch));
    match found {
        Some(image) => Ok(image),
        None => {
            target.with_context(|| format!("no image is called {name}"))?;
            Err(Failure::new(format!("there is no image of {name} yet"))
                .hint(format!(
                    "git dkr list-images shows what there is, git dkr explain --candidates {name} what it would stand on"
                ))
                .into())
        }
    }
}

/// The newest image of the repository.
pub fn newest<'a>(images: &'a [Image], repo: &Repo) -> Result<&'a Image> {
    let found = images
        .iter()
        .find(|image| image.labels.repo_path == repo.path);
    found.ok_or_else(|| {
        Failure::new("there is no image of this repository yet")
            .hint("git dkr create-image makes one")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, old: Option<&str>, new: Option<&str>) -> String {
        let change = InputChange {
            name: name.to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        };
        sentence(&change, &KeyManifest::default())
    }

    #[test]
    fn sentences() {
        let (a, b) = (
            format!("sha256:{}", "0a".repeat(32)),
            format!("sha256:{}", "0b".repeat(32)),
        );
        let lines = [
            change("base_image", Some("debian:11"), Some("debian:12")),
            change("base_digest", Some(&a), Some(&b)),
            change("layers", Some("base rust"), Some("base nodejs rust")),
            change("layers_key", Some(&a), Some(&b)),
            change("packages", Some("make gcc"), Some("gcc clang")),
            change("packages", Some("a b"), Some("b a")),
            change("packages", Some(""), Some("a")),
            change("pre_clone", None, Some(&a)),
            change("script:clone", Some(&a), Some(&b)),
            change("shallow", Some(&a), None),
            change("unheard_of", Some(&a), None),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
