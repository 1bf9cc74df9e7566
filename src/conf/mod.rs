//! Settings, each with where it came from: flag, environment (`DKR_*`), git config (`dkr.*`),
//! `.dkr.conf` in the commit, default; the strongest first.

pub(crate) mod ca;
mod caches;
mod container;
mod directories;
mod engine;
mod environment;
mod file;
mod host;
mod instructions;
mod keys;
mod overlay;
mod ports;
mod run_args;
mod scope;
mod shell;
mod sources;
mod stack;
mod value;
mod values;
mod web;

pub(crate) use caches::ToolCache;
pub(crate) use container::{ContainerConf, EnvVar, User};
pub(crate) use directories::{cache_dir, cache_directory, check_cache_dir, layers_dir, state_dir};
pub(crate) use engine::{docker_socket, engine};
pub(crate) use environment::{
    environment, home, is_set, loopback_proxies, profile_tmp_dir, proxies, variable,
};
pub(crate) use file::Section;
pub(crate) use host::{Host, expand};
pub use keys::{SETTINGS, Setting};
pub(crate) use overlay::{overlay_cache, overlay_cache_dir};
pub(crate) use scope::{Filter, Submodules};
pub(crate) use shell::Shell;
pub use sources::Sources;
pub(crate) use stack::{Stack, Toolchains, is_layer_name, is_prefix};
pub(crate) use value::{FILE, Value, ValueOrigin};
pub(crate) use values::CaBundle;
pub(crate) use web::upstream_proxies;
pub(crate) use web::{github_api, github_token, network, part_size};

use crate::error::Diagnostics;

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
    /// What a container is given and held to.
    pub container: ContainerConf,
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
    pub fn read(text: Option<&str>, sources: &Sources) -> Result<Self, Diagnostics> {
        let mut diagnostics = Vec::new();
        let mut file = file::parse(text.unwrap_or_default(), &mut diagnostics);
        let pre_clone = file.take_section("pre_clone", &mut diagnostics);
        let post_clone = file.take_section("post_clone", &mut diagnostics);
        let mut pick = values::Picker {
            file: &file,
            sources,
            diagnostics: &mut diagnostics,
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
            container: ContainerConf::read(&mut pick),
            pre_clone,
            post_clone,
        };
        Diagnostics::none_or(diagnostics, value::ADVICE)?;
        Ok(conf)
    }
}

#[cfg(test)]
mod tests;
