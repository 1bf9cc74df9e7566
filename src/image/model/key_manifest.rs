//! The key manifest: all that a build depends on, as names and values, and the cache key over it.
//!
//! What does not shape the image is not in it: time, host, user, the repository's path, ports and
//! keys. The same inputs give the same key on two machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conf::{self, CaBundle, Conf, Submodules};
use crate::error::Failure;
use crate::git::Objects;
use crate::image::Target;
use crate::image::model::dockerfile::{self, CONTEXT, CloneOptions};
use crate::image::model::input_table::{self, InputChange, KEY_FILE, SCRIPT};
use crate::image::model::labels::{ImageKind, Labels};
use crate::{digest, ui};

/// Counts up when the same inputs begin to mean another image, or are told in another way.
const SCHEMA: &str = "2";
/// An argument of a command may have 128 KiB on Linux.
const LONGEST_LABEL: usize = 100_000;
/// The most bytes that key files may add, names and ids together: those of a hundred thousand files. Commands
/// that look at images read them again and again.
pub const LONGEST: usize = 16_000_000;

/// What a build depends on, by name. Short values stand for themselves, texts as their SHA-256.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyManifest(BTreeMap<String, String>);

/// What every build depends on.
#[derive(Debug, Clone, Copy)]
pub struct BuildInputs<'a> {
    /// Settings at the commit.
    pub conf: &'a Conf,
    /// What the image is to hold.
    pub target: &'a Target,
    /// The key files of the commit: path and blob.
    pub key_files: &'a [(String, String)],
}

/// What only an image of its own depends on.
#[derive(Debug, Clone, Copy)]
pub struct BaseInputs<'a> {
    /// The base image, or what the lowest layer stands on.
    pub image: &'a str,
    /// Its digest.
    pub digest: &'a str,
    /// The layers on it, from the bottom, and the key over them.
    pub layers: Option<(&'a [String], &'a str)>,
    /// What it runs on, `linux/amd64`.
    pub platform: &'a str,
    /// What the commit does not tell of the clone.
    pub clone: &'a CloneOptions,
    /// The CA certificates that are installed for good.
    pub ca: Option<&'a [u8]>,
}

impl KeyManifest {
    /// Of a full clone.
    pub fn of_create(inputs: BuildInputs, base: BaseInputs) -> Self {
        let conf = inputs.conf;
        let mut manifest = Self::of_both(inputs, ImageKind::Base);
        manifest.put("base_image", base.image.to_owned());
        if let Some((layers, key)) = base.layers {
            manifest.put("layers", layers.join(" "));
            manifest.put("layers_key", key.to_owned());
        }
        manifest.put("base_digest", base.digest.to_owned());
        manifest.put("platform", base.platform.to_owned());
        if !conf.packages.value.is_empty() {
            manifest.put("packages", conf.packages.value.join(" "));
        }
        if !conf.caches.value.is_empty() {
            let names: Vec<&str> = conf.caches.value.iter().map(|cache| cache.name()).collect();
            manifest.put("caches", names.join(" "));
        }
        if !conf.pre_clone.text.is_empty() {
            manifest.put("pre_clone", digest::of(conf.pre_clone.text.as_bytes()));
        }
        if let Some(filter) = conf.filter.value.spec() {
            manifest.put("filter", filter.to_owned());
        }
        manifest.put_scripts(&["clone", "entrypoint", "install-packages", "own", "scope"]);
        if let Some(cut) = &base.clone.shallow {
            manifest.put("shallow", digest::of(cut.as_bytes()));
        }
        if base.clone.objects == Objects::All {
            manifest.put("objects", Objects::All.name().to_owned());
        }
        if let Some(ca) = base
            .ca
            .filter(|_| conf.ca_bundle.value == CaBundle::Install)
        {
            manifest.put("ca_bundle", digest::of(ca));
            manifest.put_scripts(&["install-ca"]);
        }
        manifest
    }

    /// Of one more layer on the image with this key.
    pub fn of_update(inputs: BuildInputs, parent: &str) -> Self {
        let mut manifest = Self::of_both(inputs, ImageKind::Update);
        manifest.put("parent", parent.to_owned());
        manifest.put_scripts(&["entrypoint", "own", "scope", "update"]);
        manifest
    }

    /// The same of a create of the branch that `other` is of: for what a build of that branch would have in
    /// common with this one.
    pub fn of_branch(&self, other: &Self) -> Self {
        let mut manifest = self.clone();
        for name in ["branch", "ref"] {
            match other.get(name) {
                Some(value) => manifest.put(name, value.to_owned()),
                None => drop(manifest.0.remove(name)),
            }
        }
        manifest
    }

    /// What keeps an image that depends on this from becoming one that depends on `other`: all that
    /// differs, but for what comes with the commit. What another `[post_clone]` left would stay, and so would
    /// traces of submodules and of a sparse worktree where there are to be none.
    pub fn incompatible_inputs(&self, other: &Self) -> Vec<InputChange> {
        let mut changes = self.changes(other);
        changes.retain(InputChange::is_incompatible);
        changes
    }

    /// Another `[post_clone]`, as a difference.
    pub fn post_clone_change(&self, other: &Self) -> InputChange {
        let get = |manifest: &Self| manifest.get("post_clone").map(str::to_owned);
        InputChange {
            name: "post_clone".to_owned(),
            old: get(self),
            new: get(other),
        }
    }

    fn of_both(inputs: BuildInputs, kind: ImageKind) -> Self {
        let mut manifest = Self::default();
        let target = inputs.target;
        manifest.put("schema", SCHEMA.to_owned());
        manifest.put("type", kind.name().to_owned());
        manifest.put("commit", target.commit.to_string());
        manifest.put("branch", target.branch.clone());
        // A tag or a commit has none.
        if let Some(reference) = &target.reference {
            manifest.put("ref", reference.clone());
        }
        manifest.put("dockerfile", dockerfile::template_digest(kind));
        let post_clone = &inputs.conf.post_clone.text;
        if !post_clone.is_empty() {
            manifest.put("post_clone", digest::of(post_clone.as_bytes()));
        }
        let sparse = &inputs.conf.sparse.value;
        if !sparse.is_empty() {
            let words = sparse.iter().map(|path| shlex::try_quote(path));
            let words: Vec<_> = words.map(Result::unwrap_or_default).collect();
            manifest.put("sparse", words.join(" "));
        }
        match inputs.conf.submodules.value {
            Submodules::No => {}
            Submodules::Yes => manifest.put("submodules", "yes".to_owned()),
            Submodules::Recursive => manifest.put("submodules", "recursive".to_owned()),
        }
        if inputs.conf.lfs.value {
            manifest.put("lfs", "yes".to_owned());
        }
        for (path, blob) in inputs.key_files {
            // A name is shown, and stands in a record.
            let path = if path.chars().any(char::is_control) {
                path.escape_debug().to_string()
            } else {
                path.clone()
            };
            manifest.put(&format!("{KEY_FILE}{path}"), blob.clone());
        }
        manifest
    }

    fn put(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// The scripts of ours that a build runs or installs.
    fn put_scripts(&mut self, names: &[&str]) {
        for (name, text) in CONTEXT.iter().filter(|(name, _)| names.contains(name)) {
            self.put(&format!("{SCRIPT}{name}"), digest::of(text.as_bytes()));
        }
    }

    /// The value of one input.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All inputs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// As a label has it, unless it is longer than a label should be.
    pub fn to_label(&self) -> Option<String> {
        let text = serde_json::to_string(&self.0).ok()?;
        (text.len() <= LONGEST_LABEL).then_some(text)
    }

    /// What an image's labels say that it was made of, if that is what its key is of. What is longer than
    /// any label that we write is not ours.
    pub fn of_label(labels: &Labels) -> Option<Self> {
        let text = labels.manifest.as_deref()?;
        let fits = text.len() <= LONGEST_LABEL;
        let manifest: Self = fits.then(|| serde_json::from_str(text).ok())??;
        (Some(manifest.key()) == labels.cache_key).then_some(manifest)
    }

    /// The cache key (see [`digest::key`]).
    pub fn key(&self) -> String {
        digest::key(&self.0)
    }

    /// What an image depends on that was put on another by an update: the parent's inputs, and of
    /// its own those that an update brings. Comparable with the manifest of a create.
    pub fn on(self, parent: &Self) -> Self {
        let mut whole = parent.clone();
        let brought = self.brought();
        // Those that the update has not are no more.
        whole.0.retain(|name, _| !input_table::is_updatable(name));
        whole.0.extend(brought.0);
        whole
    }

    /// The inputs that an update brings.
    pub fn brought(mut self) -> Self {
        self.0.retain(|name, _| input_table::is_updatable(name));
        self
    }

    /// What is different in another, the most telling first.
    pub fn changes(&self, other: &Self) -> Vec<InputChange> {
        let added = other.0.keys().filter(|name| !self.0.contains_key(*name));
        let names = self.0.keys().chain(added);
        let mut changes: Vec<InputChange> = names
            .filter(|name| self.get(name) != other.get(name))
            .map(|name| InputChange {
                name: name.clone(),
                old: self.get(name).map(str::to_owned),
                new: other.get(name).map(str::to_owned),
            })
            .collect();
        changes.sort_by(|a, b| {
            (input_table::rank(&a.name), &a.name).cmp(&(input_table::rank(&b.name), &b.name))
        });
        if changes.iter().any(|change| change.name == "schema") {
            // An earlier schema told these in another way.
            changes.retain(|change| !["caches", "dockerfile"].contains(&&*change.name));
        }
        changes
    }
}

/// Refuses more key files than a record may hold.
pub fn check_key_files(files: &[(String, String)]) -> Result<(), Failure> {
    let size: usize = files.iter().map(|(p, blob)| p.len() + blob.len()).sum();
    if size <= LONGEST {
        return Ok(());
    }
    let (size, limit) = (ui::bytes(size as u64), ui::bytes(LONGEST as u64));
    let message = format!(
        "there are {} key files, whose names and ids take {size}: a record may hold {limit} of them",
        files.len()
    );
    Err(Failure::new(message).hint(format!(
        "make key_files in {} match fewer files: those that matter more than any commit",
        conf::FILE
    )))
}

#[cfg(test)]
mod tests;
