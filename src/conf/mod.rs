//! Settings, each with where it came from: flag, environment (`DKR_*`), git config (`dkr.*`),
//! `.dkr.conf` in the commit, default; the strongest first.

pub mod ca;
mod caches;
mod directories;
mod engine;
mod file;
mod host;
mod instructions;
mod keys;
mod overlay;
mod problem;
mod scope;
mod shell;
mod stack;
mod values;
mod web;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

pub use caches::ToolCache;
pub use directories::{cache_dir, cache_directory, check_cache_dir, layers_dir, state_dir};
pub use engine::{docker_socket, engine};
pub use file::{Section, nearest};
pub use host::{Host, expand};
pub use keys::{SETTINGS, Scope, Setting};
pub use overlay::{overlay_cache, overlay_cache_dir};
pub use problem::{Position, Problem, Problems};
pub use scope::{Filter, Submodules};
pub use shell::Shell;
pub use stack::{Stack, Toolchains, is_layer_name, is_prefix};
pub use web::{github_api, github_token, network, part_size};

/// The file's name, at the top of the repository.
pub const FILE: &str = ".dkr.conf";

/// A setting and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<T> {
    /// What it is.
    pub value: T,
    /// Who said so.
    pub origin: ValueOrigin,
}

impl<T> Value<T> {
    fn default_of(value: T) -> Self {
        let origin = ValueOrigin::Default;
        Self { value, origin }
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// A flag on the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Env(String),
    /// A key of git's config.
    GitConfig(String),
    /// A line of `.dkr.conf`.
    File(Position),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for ValueOrigin {
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
    flags: BTreeMap<&'static str, (String, &'static str)>,
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
            flags: BTreeMap::new(),
            env: env.into_iter().collect(),
            git: git.into_iter().collect(),
        }
    }

    /// The same under a flag of the command line, which is stronger than all else.
    #[must_use]
    pub fn with_flag(mut self, name: &'static str, value: String, flag: &'static str) -> Self {
        self.flags.insert(name, (value, flag));
        self
    }

    /// The same under flags that were typed when an image was made; present ones are stronger.
    #[must_use]
    pub fn asked(mut self, flags: &BTreeMap<String, String>) -> Self {
        for (name, value) in flags {
            if let Some(name) = keys::in_file().chain(["objects"]).find(|key| key == name) {
                let flag = (value.clone(), "the command that made the image");
                self.flags.entry(name).or_insert(flag);
            }
        }
        self
    }

    /// What was typed on the command line, by the name of the setting.
    pub fn flags(&self) -> BTreeMap<String, String> {
        let flag = |(name, (value, _)): (&&str, &(String, _))| ((*name).to_owned(), value.clone());
        self.flags.iter().map(flag).collect()
    }

    /// The strongest word outside of `.dkr.conf` on the setting of this name.
    pub fn get(&self, name: &str) -> Option<(&str, ValueOrigin)> {
        if let Some((value, flag)) = self.flags.get(name) {
            return Some((value, ValueOrigin::Flag(flag)));
        }
        let variable = format!("DKR_{}", name.to_uppercase());
        if let Some(value) = self.env.get(&variable).filter(|value| !value.is_empty()) {
            return Some((value, ValueOrigin::Env(variable)));
        }
        let value = self.git.get(&format!("dkr.{}", name.replace('_', "")))?;
        Some((
            value,
            ValueOrigin::GitConfig(format!("dkr.{}", camel(name))),
        ))
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

/// The user's home directory: `HOME`, or what a login would set where a service has none.
pub fn home() -> Option<PathBuf> {
    let by_user = || std::env::home_dir().filter(|home| home.is_absolute());
    variable("HOME").map(PathBuf::from).or_else(by_user)
}

/// Variables by which programs find a proxy: passed to the steps of a build and to containers,
/// never baked.
const PROXIES: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];

/// The proxy settings of our environment, by name.
pub fn proxies() -> Vec<String> {
    PROXIES
        .into_iter()
        .filter(|name| variable(name).is_some())
        .map(str::to_owned)
        .collect()
}

/// `PF_TMP_DIR`: where archives of the images of profiles are kept, if not in the repository.
pub fn profile_tmp_dir() -> Option<PathBuf> {
    variable("PF_TMP_DIR").map(PathBuf::from)
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
    pub caches: Value<Vec<ToolCache>>,
    /// Languages whose tools are under the repository.
    pub stack: Value<Stack>,
    /// The coding agent that is in the image, by name.
    pub agent: Value<Option<String>>,
    /// More tool layers, by name.
    pub layers: Value<Vec<String>>,
    /// What the lowest layer stands on.
    pub stack_base: Option<Value<String>>,
    /// How the names of layers' images begin.
    pub layer_prefix: Option<Value<String>>,
    /// Build arguments of layers: layer, argument, value.
    pub layer_args: Value<Vec<(String, String, String)>>,
    /// Where the toolchains in built-in layers come from.
    pub toolchains: Value<Toolchains>,
    /// How many commits behind before one is asked to update.
    pub stale_after: Value<u64>,
    /// Patterns of files whose change matters more than any commit.
    pub key_files: Value<Vec<String>>,
    /// Whether an image may be put on one of another branch that has commits of its own.
    pub siblings: Value<bool>,
    /// How many layers of updates lie over a clone at most.
    pub max_layers: Value<u64>,
    /// What becomes of the extra CA certificates.
    pub ca_bundle: Value<CaBundle>,
    /// The directories that are checked out, beside the files at the top; all when there is none.
    pub sparse: Value<Vec<String>>,
    /// Which objects of the history are left out.
    pub filter: Value<Filter>,
    /// Which submodules are in the image.
    pub submodules: Value<Submodules>,
    /// Whether files that git-lfs keeps are in the image.
    pub lfs: Value<bool>,
    /// Raw Dockerfile lines before the clone.
    pub pre_clone: Section,
    /// And after it, on create and on update.
    pub post_clone: Section,
}

impl Conf {
    /// Whether the base image is made of layers.
    pub fn has_layers(&self) -> bool {
        self.stack.value != Stack::None
            || self.agent.value.is_some()
            || !self.layers.value.is_empty()
    }

    /// The patterns of key files; the settings themselves are always one.
    pub fn key_file_patterns(&self) -> Vec<String> {
        let mut patterns = self.key_files.value.clone();
        patterns.push(FILE.to_owned());
        patterns
    }

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
                // Fedora has every toolchain at a recent version.
                Value::default_of("fedora:43".to_owned())
            }),
            packages: pick.list("packages", values::package),
            volumes: pick.list("volumes", values::volume),
            caches: pick
                .value("caches", caches::parse)
                .unwrap_or_else(|| Value::default_of(vec![ToolCache::Bazel])),
            stack: pick
                .value("stack", stack::stack)
                .unwrap_or_else(|| Value::default_of(Stack::None)),
            agent: pick
                .value("agent", stack::agent)
                .unwrap_or_else(|| Value::default_of(None)),
            layers: pick.list("layers", stack::layer),
            stack_base: pick.value("stack_base", values::image),
            layer_prefix: pick.value("layer_prefix", stack::prefix),
            layer_args: pick
                .value("layer_args", stack::args)
                .unwrap_or_else(|| Value::default_of(Vec::new())),
            toolchains: pick
                .value("toolchains", stack::toolchains)
                .unwrap_or_else(|| Value::default_of(Toolchains::default())),
            stale_after: pick
                .value("stale_after", values::number)
                .unwrap_or_else(|| Value::default_of(50)),
            key_files: pick.list("key_files", values::pattern),
            siblings: pick
                .value("siblings", values::yes_or_no)
                .unwrap_or_else(|| Value::default_of(true)),
            max_layers: pick
                .value("max_layers", values::number)
                .unwrap_or_else(|| Value::default_of(20)),
            ca_bundle: pick
                .file_only("ca_bundle", values::ca_bundle)
                .unwrap_or_else(|| Value::default_of(CaBundle::Mount)),
            sparse: pick.list("sparse", scope::directory),
            filter: pick
                .value("filter", scope::filter)
                .unwrap_or_else(|| Value::default_of(Filter::None)),
            submodules: pick
                .value("submodules", scope::submodules)
                .unwrap_or_else(|| Value::default_of(Submodules::No)),
            lfs: pick
                .value("lfs", values::yes_or_no)
                .unwrap_or_else(|| Value::default_of(false)),
            pre_clone,
            post_clone,
        };
        Problems::none_or(problems)?;
        Ok(conf)
    }
}

#[cfg(test)]
mod tests;
