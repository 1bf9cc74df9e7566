//! The table of inputs: all that a key manifest may name, what an update makes of each, and how a change
//! of it is told.

use serde::Serialize;

use crate::conf::Conf;

/// How names of key files begin.
pub(super) const KEY_FILE: &str = "key_file:";
/// How names of git dkr's own scripts begin.
pub(super) const SCRIPT: &str = "script:";

/// What an update makes of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnUpdate {
    /// It stays as it was when the image below was created.
    Stays,
    /// It is as it is now, and nothing is left of what it was.
    Replaced,
    /// The same; but where there is none any more, traces of the former are left.
    ReplacedUnlessGone,
    /// It runs as it is now, on what the former left.
    Added,
}

/// How a change is told.
#[derive(Debug, Clone, Copy)]
enum Wording {
    /// Both values: `another base image: debian:11 -> debian:12`.
    Values(&'static str),
    /// Both values, which are digests: the beginnings can be compared by eye.
    Digests(&'static str),
    /// A sentence without them.
    Sentence(&'static str),
    /// Words that were added and removed.
    Packages,
    /// The digest of the base image, which is named.
    BaseDigest,
    /// A file of the commit.
    KeyFile,
    /// A file of git dkr.
    Script,
    /// What another git dkr knows.
    Unknown,
}

/// A setting that decides on an input: its name in `.dkr.conf`, and whether it differs.
type DecidingSetting = (&'static str, fn(&Conf, &Conf) -> bool);

/// One input, or all whose names begin alike.
#[derive(Debug)]
struct Input {
    /// The name; the beginning of many where it ends in a colon.
    name: &'static str,
    on_update: OnUpdate,
    wording: Wording,
    /// The settings that decide on it, where they are worth a warning when an update leaves them out.
    settings: &'static [DecidingSetting],
}

const fn input(name: &'static str, on_update: OnUpdate, wording: Wording) -> Input {
    Input {
        name,
        on_update,
        wording,
        settings: &[],
    }
}

impl Input {
    const fn by(mut self, settings: &'static [DecidingSetting]) -> Self {
        self.settings = settings;
        self
    }
}

/// The most telling first.
const INPUTS: &[Input] = {
    use OnUpdate::{Added, Replaced, ReplacedUnlessGone, Stays};
    use Wording::{BaseDigest, Digests, KeyFile, Packages, Script, Sentence, Values};
    &[
        input(
            "schema",
            Stays,
            Sentence("git dkr itself builds differently"),
        ),
        input("layers", Stays, Values("other layers")).by(&[
            ("stack", |a, b| a.stack.value != b.stack.value),
            ("agent", |a, b| a.agent.value != b.agent.value),
            ("layers", |a, b| a.layers.value != b.layers.value),
            ("toolchains", |a, b| {
                b.has_layers() && a.toolchains.value != b.toolchains.value
            }),
        ]),
        input("base_image", Stays, Values("another base image")).by(&[("base_image", |a, b| {
            a.base_image.value != b.base_image.value
        })]),
        input("base_digest", Stays, BaseDigest),
        input("layers_key", Stays, Digests("the layers below it changed")),
        input("platform", Stays, Values("another platform")),
        input(KEY_FILE, Replaced, KeyFile),
        input("packages", Stays, Packages)
            .by(&[("packages", |a, b| a.packages.value != b.packages.value)]),
        input(
            "pre_clone",
            Stays,
            Sentence("[pre_clone] of .dkr.conf changed"),
        )
        .by(&[("[pre_clone]", |a, b| a.pre_clone.text != b.pre_clone.text)]),
        input(
            "post_clone",
            Added,
            Sentence("[post_clone] of .dkr.conf changed"),
        ),
        input("filter", Stays, Values("another filter"))
            .by(&[("filter", |a, b| a.filter.value != b.filter.value)]),
        input("lfs", Stays, Values("another lfs"))
            .by(&[("lfs", |a, b| a.lfs.value != b.lfs.value)]),
        input(
            "submodules",
            ReplacedUnlessGone,
            Values("another submodules"),
        ),
        input("sparse", ReplacedUnlessGone, Values("another sparse")),
        input("caches", Stays, Values("other caches"))
            .by(&[("caches", |a, b| a.caches.value != b.caches.value)]),
        input(
            "ca_bundle",
            Stays,
            Sentence("the installed CA certificates changed"),
        )
        .by(&[("ca_bundle", |a, b| a.ca_bundle.value != b.ca_bundle.value)]),
        input("branch", Replaced, Values("another branch")),
        input("ref", Replaced, Values("another ref")),
        input("commit", Replaced, Digests("another commit")),
        input("shallow", Stays, Sentence("history is cut off elsewhere")),
        input(
            "objects",
            Stays,
            Sentence("the clone has other objects (--objects)"),
        ),
        input("parent", Stays, Digests("another image below")),
        input(
            "dockerfile",
            Stays,
            Sentence("git dkr's own Dockerfile changed"),
        ),
        input("script:entrypoint", Replaced, Script),
        input(SCRIPT, Stays, Script),
    ]
};

/// The inputs that say what a clone needs beside the objects of its commit.
pub(crate) const BESIDE_THE_COMMIT: [&str; 3] = ["submodules", "lfs", "sparse"];

/// The row of a name; `None` for one that an earlier or later git dkr knows.
fn row(name: &str) -> Option<(usize, &'static Input)> {
    let fits = |input: &Input| match input.name.ends_with(':') {
        true => name.starts_with(input.name),
        false => name == input.name,
    };
    INPUTS.iter().enumerate().find(|(_, input)| fits(input))
}

/// The lower, the more a change of it tells.
pub(super) fn rank(name: &str) -> usize {
    row(name).map_or(INPUTS.len(), |(place, _)| place)
}

/// Whether an update takes it to its present value.
pub(super) fn is_updatable(name: &str) -> bool {
    row(name).is_some_and(|(_, input)| input.on_update != OnUpdate::Stays)
}

/// The settings that differ and that an update does not apply, by their names in `.dkr.conf`.
pub(crate) fn settings_not_applied_by_update(old: &Conf, new: &Conf) -> Vec<&'static str> {
    let stays = INPUTS
        .iter()
        .filter(|input| input.on_update == OnUpdate::Stays);
    stays
        .flat_map(|input| input.settings)
        .filter(|(_, differs)| differs(old, new))
        .map(|(name, _)| *name)
        .collect()
}

/// An input that is not the same in two manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputChange {
    pub name: String,
    /// What it was; `None` when it was not there.
    pub old: Option<String>,
    /// What it is; `None` when it is no more.
    pub new: Option<String>,
}

impl InputChange {
    /// Whether an image that was made before the change can never give, by an update, the same as a full build.
    pub(super) fn is_incompatible(&self) -> bool {
        let on_update = row(&self.name).map_or(OnUpdate::Stays, |(_, input)| input.on_update);
        match on_update {
            OnUpdate::Stays | OnUpdate::Added => true,
            OnUpdate::ReplacedUnlessGone => self.new.is_none(),
            OnUpdate::Replaced => false,
        }
    }

    /// What it comes to, in a sentence, where the image after it is on this base image.
    pub fn sentence(&self, base_image: Option<&str>) -> String {
        let name = self.name.as_str();
        let wording = row(name).map_or(Wording::Unknown, |(_, input)| input.wording);
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        let arrow = |cut: fn(&str) -> &str| {
            let show = |value: Option<&str>| value.map_or("nothing", cut).to_owned();
            format!("{} -> {}", show(old), show(new))
        };
        match wording {
            Wording::Values(text) => format!("{text}: {}", arrow(|value| value)),
            Wording::Digests(text) => format!("{text}: {}", arrow(short_digest)),
            Wording::Sentence(text) => text.to_owned(),
            Wording::Packages => packages(old.unwrap_or_default(), new.unwrap_or_default()),
            Wording::BaseDigest => {
                let base = base_image
                    .map(|base| format!(" {base}"))
                    .unwrap_or_default();
                format!("base image{base} has a new digest: {}", arrow(short_digest))
            }
            Wording::KeyFile => {
                let what = match (old, new) {
                    (None, _) => "was added",
                    (_, None) => "was removed",
                    _ => "changed",
                };
                format!("{} {what}", self.key_file().unwrap_or(name))
            }
            Wording::Script => {
                let script = name.strip_prefix(SCRIPT).unwrap_or(name);
                format!("git dkr's own script {script} changed")
            }
            Wording::Unknown => format!("{name}: {}", arrow(short_digest)),
        }
    }

    /// The path, when it is a key file.
    pub fn key_file(&self) -> Option<&str> {
        self.name.strip_prefix(KEY_FILE)
    }
}

/// A digest, short enough to be compared by eye.
pub(crate) fn short_digest(text: &str) -> &str {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, old: Option<&str>, new: Option<&str>) -> String {
        let change = InputChange {
            name: name.to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        };
        change.sentence(None)
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
