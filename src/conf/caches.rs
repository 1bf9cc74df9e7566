//! Caches of build tools, shared by all containers through named volumes.

use crate::suggest::nearest;

/// A tool whose cache is shared: the volume `<tool>-cache` at `/<tool>-cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ToolCache {
    Bazel,
    Cargo,
    Npm,
    Pip,
    Go,
    Ccache,
}

impl ToolCache {
    const ALL: [(&str, Self); 6] = [
        ("bazel", Self::Bazel),
        ("cargo", Self::Cargo),
        ("npm", Self::Npm),
        ("pip", Self::Pip),
        ("go", Self::Go),
        ("ccache", Self::Ccache),
    ];

    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|(_, cache)| *cache)
    }

    /// As `.dkr.conf` calls it.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, cache)| *cache == self)
            .map_or("", |(name, _)| name)
    }

    /// The named volume, as docker's `-v` takes it.
    pub fn volume(self) -> String {
        format!("{0}-cache:/{0}-cache", self.name())
    }

    /// The variables that tell the tool of it. Bazel has none: it reads `/root/.bazelrc`.
    pub fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Bazel => &[],
            Self::Cargo => &[("CARGO_HOME", "/cargo-cache")],
            Self::Npm => &[("npm_config_cache", "/npm-cache")],
            Self::Pip => &[("PIP_CACHE_DIR", "/pip-cache")],
            Self::Go => &[
                ("GOCACHE", "/go-cache/build"),
                ("GOMODCACHE", "/go-cache/mod"),
            ],
            Self::Ccache => &[("CCACHE_DIR", "/ccache-cache")],
        }
    }
}

/// `none`, or names.
pub(super) fn parse(text: &str) -> Result<Vec<ToolCache>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words == ["none"] {
        return Ok(Vec::new());
    }
    words.into_iter().map(one).collect()
}

fn one(word: &str) -> Result<ToolCache, String> {
    let names = ToolCache::ALL.map(|(name, _)| name);
    ToolCache::ALL
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, cache)| *cache)
        .ok_or_else(|| match nearest(word, &names) {
            Some(near) => format!("no cache is called `{word}`; did you mean `{near}`?"),
            None => format!(
                "no cache is called `{word}`; expected none, or some of {}",
                names.join(", ")
            ),
        })
}
