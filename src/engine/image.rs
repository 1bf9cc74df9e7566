//! An image, as the engine knows it.

use std::collections::BTreeMap;

/// What the engine knows of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineImage {
    /// The full id, `sha256:…`.
    pub id: String,
    /// Bytes, all layers together, unpacked.
    pub size: u64,
    /// How many layers; a list does not say.
    pub layers: Option<usize>,
    pub labels: BTreeMap<String, String>,
    /// Its names at this moment, `repository:tag`.
    pub names: Vec<String>,
    /// Its names by digest, `repository@sha256:…`, when it came from a registry.
    pub digests: Vec<String>,
    /// What it runs on, `linux/amd64`; a list does not say.
    pub platform: Option<String>,
}

impl EngineImage {
    /// What identifies the content of this image on any machine, as far as anything does: the
    /// registry's digest under which `name` came, else that of another name, else the id.
    pub fn digest(&self, name: &str) -> &str {
        let mut found: Vec<(bool, &str)> = self
            .digests
            .iter()
            .filter_map(|by_digest| {
                let (repository, digest) = by_digest.split_once('@')?;
                let tag = name.strip_prefix(repository);
                let other = !tag.is_some_and(|tag| tag.is_empty() || tag.starts_with([':', '@']));
                Some((other, digest))
            })
            .collect();
        found.sort_unstable();
        found.first().map_or(&self.id, |(_, digest)| digest)
    }
}
