//! Whether an archive of `docker save` is what it should be: whole, with one image of one name,
//! and that image of one profile. Everything in it is hashed once, before an engine sees it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::labels;
use crate::digest;

/// Descriptions are small. Layers are not, and are not held in memory.
const SMALL: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ArchiveManifest {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct ImageDescription {
    #[serde(default)]
    config: ImageConfig,
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// What is in an archive, by path.
#[derive(Default)]
struct ArchiveContent {
    small: BTreeMap<PathBuf, Vec<u8>>,
    hashes: BTreeMap<PathBuf, String>,
    links: BTreeMap<PathBuf, PathBuf>,
}

/// Reads all of it; says why it is not an archive of this profile's image, if it is not.
pub(super) fn check(reader: impl Read, tag: &str, profile_id: &str) -> Result<(), String> {
    let content = read(reader)?;
    let json = content.small.get(Path::new("manifest.json"));
    let json = json.ok_or("it has no manifest.json")?;
    let entries: Vec<ArchiveManifest> = parse("manifest.json", json)?;
    let [entry] = entries.as_slice() else {
        return Err(format!("it holds {} images", entries.len()));
    };
    let names = entry.repo_tags.clone().unwrap_or_default();
    // As podman calls what comes from no registry.
    let local = format!("localhost/{tag}");
    if names != [tag] && names != [local] {
        return Err(format!("its image is called {}", names.join(", ")));
    }
    let path = Path::new(&entry.config);
    let json = content
        .small
        .get(path)
        .ok_or("the image's description is missing")?;
    let stem = path.file_name().unwrap_or_default().to_string_lossy();
    if stem.trim_end_matches(".json") != digest::of(json) {
        return Err("the image's description does not match its digest".to_owned());
    }
    let image: ImageDescription = parse("the image's description", json)?;
    let found = image.config.labels.unwrap_or_default();
    match found.get(labels::PROFILE) {
        Some(id) if id == profile_id => {}
        Some(id) => return Err(format!("its image is of the profile {id}")),
        None => return Err("its image was not made by git dkr".to_owned()),
    }
    if image.rootfs.diff_ids.len() != entry.layers.len() {
        return Err("layers are missing".to_owned());
    }
    for (layer, wanted) in entry.layers.iter().zip(&image.rootfs.diff_ids) {
        let path = content.resolve(Path::new(layer));
        let hash = content
            .hashes
            .get(&path)
            .ok_or_else(|| format!("the layer {layer} is missing"))?;
        // A packed layer is called by its hash.
        let by_name = path.starts_with("blobs/sha256") && path.ends_with(hash);
        if wanted.strip_prefix("sha256:") != Some(hash) && !by_name {
            return Err(format!("the layer {layer} does not match its digest"));
        }
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(what: &str, json: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| format!("{what} is malformed: {error}"))
}

fn read(reader: impl Read) -> Result<ArchiveContent, String> {
    let mut content = ArchiveContent::default();
    let mut archive = tar::Archive::new(reader);
    let broken = |error: std::io::Error| format!("it cannot be read: {error}");
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        if let Some(target) = entry.link_name().map_err(broken)? {
            content.links.insert(path, target.into_owned());
            continue;
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let size = entry.size();
        let (read, hash) = if size <= SMALL {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(broken)?;
            let found = (bytes.len() as u64, digest::of(&bytes));
            content.small.insert(path.clone(), bytes);
            found
        } else {
            digest::of_reader(&mut entry).map_err(broken)?
        };
        if read != size {
            return Err("it ends in the middle".to_owned());
        }
        content.hashes.insert(path, hash);
    }
    Ok(content)
}

impl ArchiveContent {
    /// Older engines save a layer that is there twice as a link, `../<id>/layer.tar`.
    fn resolve(&self, path: &Path) -> PathBuf {
        let Some(target) = self.links.get(path) else {
            return path.to_owned();
        };
        let mut found = path.parent().unwrap_or(Path::new("")).to_owned();
        for part in target.components() {
            match part {
                Component::Normal(name) => found.push(name),
                Component::ParentDir => {
                    found.pop();
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "patchfoundry/p:latest";

    /// As Docker 20.10 writes it: the image's description, a layer, and the list of both.
    fn files(tag: &str, profile: &str) -> Vec<(String, Vec<u8>)> {
        let layer = vec![7; 5 << 20];
        let diff_id = digest::of(&layer);
        let config = format!(
            r#"{{"config":{{"Labels":{{"dkr.profile_id":"{profile}"}}}},"rootfs":{{"type":"layers","diff_ids":["sha256:{diff_id}"]}}}}"#
        );
        let name = format!("{}.json", digest::of(&config));
        let manifest =
            format!(r#"[{{"Config":"{name}","RepoTags":["{tag}"],"Layers":["0a/layer.tar"]}}]"#);
        vec![
            ("0a/layer.tar".into(), layer),
            (name, config.into_bytes()),
            ("manifest.json".into(), manifest.into_bytes()),
        ]
    }

    fn packed(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder
                .append_data(&mut header, name, bytes.as_slice())
                .unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn only_the_whole_archive_of_this_profile_will_do() {
        let good = files(TAG, "p");
        let bytes = packed(&good);
        assert_eq!(check(&bytes[..], TAG, "p"), Ok(()));
        let wrong = |files: &[(String, Vec<u8>)]| check(&packed(files)[..], TAG, "p").unwrap_err();
        assert_eq!(
            wrong(&files("debian:latest", "p")),
            "its image is called debian:latest"
        );
        assert_eq!(wrong(&files(TAG, "q")), "its image is of the profile q");
        assert_eq!(wrong(&good[..2]), "it has no manifest.json");
        assert_eq!(wrong(&good[1..]), "the layer 0a/layer.tar is missing");
        let mut changed = good.clone();
        changed[0].1[9] = 8;
        assert_eq!(
            wrong(&changed),
            "the layer 0a/layer.tar does not match its digest"
        );
        let mut changed = good;
        changed[1].1.push(b' ');
        assert_eq!(
            wrong(&changed),
            "the image's description does not match its digest"
        );
        for end in [0, 100, 600, 1 << 20, bytes.len() - 2048] {
            assert!(check(&bytes[..end], TAG, "p").is_err(), "{end}");
        }
        assert!(check(&b"no archive at all"[..], TAG, "p").is_err());
    }
}
