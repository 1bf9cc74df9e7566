//! Settings, each with where it came from: flag, environment (`DKR_*`), git config (`dkr.*`),
//! `.dkr.conf` in the commit, default; the strongest first.

mod caches;
mod engine;
mod file;
mod host;
mod instructions;
mod problem;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};

pub use caches::Cache;
pub use engine::{docker_socket, engine};
pub use file::Section;
pub use host::Host;
pub use instructions::{Instruction, split};
pub use problem::{Place, Problem, Problems};

/// The file's name, at the top of the repository.
pub const FILE: &str = ".dkr.conf";

/// A setting and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<T> {
    /// What it is.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

impl<T> Value<T> {
    fn default_of(value: T) -> Self {
        let origin = Origin::Default;
        Self { value, origin }
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Env(String),
    /// A key of git's config.
    GitConfig(String),
    /// A line of `.dkr.conf`.
    File(Place),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "{name}"),
            Self::Env(name) => write!(f, "{name} in the environment"),
            Self::GitConfig(key) => write!(f, "git config {key}"),
            Self::File(place) => write!(f, "{place}"),
            Self::Default => write!(f, "default"),
        }
    }
}

/// The settings outside of `.dkr.conf`, by the name of the setting (`base_image`).
#[derive(Debug, Clone, Default)]
pub struct Sources {
    env: BTreeMap<String, String>,
    git: BTreeMap<String, String>,
}

impl Sources {
    /// From the variables of the environment and the `dkr.*` entries of git's config, whose keys
    /// git gives in lower case.
    pub fn new(
        env: impl IntoIterator<Item = (String, String)>,
        git: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            env: env.into_iter().collect(),
            git: git.into_iter().collect(),
        }
    }

    /// The strongest word outside of `.dkr.conf` on the setting of this name.
    pub fn get(&self, name: &str) -> Option<(&str, Origin)> {
        let variable = format!("DKR_{}", name.to_uppercase());
        if let Some(value) = self.env.get(&variable).filter(|value| !value.is_empty()) {
            return Some((value, Origin::Env(variable)));
        }
        let value = self.git.get(&format!("dkr.{}", name.replace('_', "")))?;
        Some((value, Origin::GitConfig(format!("dkr.{}", camel(name)))))
    }
}

/// `base_image` as git's config spells it: `baseImage`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

/// The `DKR_*` variables of the environment.
pub fn environment() -> Vec<(String, String)> {
    #[expect(
        clippy::disallowed_methods,
        reason = "settings come from the environment"
    )]
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("DKR_"))
        .collect()
}

/// A variable of the environment that is no setting of ours (`HOME`, `HTTP_PROXY`).
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where caches of this tool live: `$XDG_CACHE_HOME/git-dkr` or `~/.cache/git-dkr`.
pub fn cache_dir() -> Result<PathBuf> {
    let root = match variable("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(variable("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(root.join("git-dkr"))
}

/// What becomes of the extra CA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaBundle {
    /// They are there while the image is built and while a container runs, and do not stay.
    Mount,
    /// They are also put into the image's own trust store.
    Install,
}

/// `.dkr.conf` at one commit, with what stands above it.
#[derive(Debug, Clone)]
pub struct Conf {
    /// The image the build starts from.
    pub base_image: Value<String>,
    /// Packages besides those that are always there.
    pub packages: Value<Vec<String>>,
    /// For `start-image`, as docker's `-v` takes them.
    pub volumes: Value<Vec<String>>,
    /// Caches shared by all of the user's containers.
    pub caches: Value<Vec<Cache>>,
    /// How many commits behind before one is asked to update.
    pub stale_after: Value<u64>,
    /// Patterns of files whose change matters more than any commit.
    pub key_files: Value<Vec<String>>,
    /// What becomes of the extra CA certificates.
    pub ca_bundle: Value<CaBundle>,
    /// Raw Dockerfile lines before the clone.
    pub pre_clone: Section,
    /// And after it, on create and on update.
    pub post_clone: Section,
}

impl Conf {
    /// Reads `.dkr.conf` (`None` when the commit has none) under the stronger sources. A pure
    /// function of its arguments; reports every problem there is.
    pub fn read(text: Option<&str>, sources: &Sources) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut file = file::parse(text.unwrap_or_default(), &mut problems);
        let pre_clone = file.take_section("pre_clone", &mut problems);
        let post_clone = file.take_section("post_clone", &mut problems);
        let mut pick = values::Picker {
            file: &file,
            sources,
            problems: &mut problems,
        };
        let conf = Self {
            base_image: pick.value("base_image", values::image).unwrap_or_else(|| {
                // Fedora has every toolchain at a recent version; DESIGN names it.
                Value::default_of("fedora:43".to_owned())
            }),
            packages: pick.list("packages", values::package),
            volumes: pick.list("volumes", values::volume),
            caches: pick
                .value("caches", caches::parse)
                .unwrap_or_else(|| Value::default_of(vec![Cache::Bazel])),
            stale_after: pick
                .value("stale_after", values::number)
                .unwrap_or_else(|| Value::default_of(50)),
            key_files: pick.list("key_files", values::pattern),
            ca_bundle: pick
                .file_only("ca_bundle", values::ca_bundle)
                .unwrap_or_else(|| Value::default_of(CaBundle::Mount)),
            pre_clone,
            post_clone,
        };
        Problems::none_or(problems)?;
        Ok(conf)
    }
}

#[cfg(test)]
mod tests;
