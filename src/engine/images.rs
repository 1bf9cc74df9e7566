//! Which images there are and what they carry.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::docker::socket;
use super::temp_name::is_temp_name;
use super::{Engine, EngineError, EngineImage, EngineKind, podman};
use crate::proc::Cmd;

/// Asks how large images are unpacked; daemons that know but one size do not look at it.
const MANIFESTS: (&str, &str) = ("manifests", "1");

/// As the daemon lists it (`GET /images/json`) and as `docker image inspect` prints it, which has
/// the labels elsewhere.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    id: String,
    /// All layers unpacked; in the containerd store that and what came over the network, in a list, and the
    /// latter alone in an inspection.
    #[serde(default)]
    size: u64,
    /// Of the containerd store, from API 1.47 on, where it was asked for.
    manifests: Option<Vec<RawManifest>>,
    graph_driver: Option<RawDriver>,
    #[serde(rename = "RootFS")]
    root_fs: Option<RawLayers>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    config: RawConfig,
    repo_tags: Option<Vec<String>>,
    /// What podman's list has instead.
    names: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    labels: Option<BTreeMap<String, String>>,
}

/// One of the images under a name, which has one for each platform, or what tells of such an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawManifest {
    image_data: Option<RawImageData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawImageData {
    size: RawUnpacked,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawUnpacked {
    unpacked: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawDriver {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawLayers {
    #[serde(default)]
    layers: Vec<String>,
}

impl Raw {
    /// Whether this inspection is of the containerd store, and so does not say how large it is unpacked.
    fn is_packed(&self) -> bool {
        let driver = self.graph_driver.as_ref();
        self.manifests.is_none() && driver.is_some_and(|driver| driver.name == "overlayfs")
    }
}

impl Engine {
    /// The tagged images that carry a label: one call, however many there are.
    ///
    /// A daemon with a local socket is asked itself: starting the client takes longer than all
    /// the rest of a listing. Where that does not work the client says why. Podman's list has all
    /// that an inspection would tell.
    pub fn images(&self, label: &str) -> Result<Vec<EngineImage>> {
        self.tagged(Some(label))
    }

    /// All tagged images, in one call.
    pub fn all_images(&self) -> Result<Vec<EngineImage>> {
        self.tagged(None)
    }

    fn tagged(&self, label: Option<&str>) -> Result<Vec<EngineImage>> {
        if let Some(answer) = self.socket.as_ref().and_then(|socket| list(socket, label)) {
            return Ok(answer);
        }
        let label = label.map(|label| format!("label={label}"));
        let list = |form: &[&str]| {
            let filters = std::iter::once("dangling=false").chain(label.as_deref());
            let filters = filters.flat_map(|filter| ["--filter", filter]);
            self.cmd().arg("images").args(form).args(filters)
        };
        if self.kind == EngineKind::Podman {
            let answer = self.podman_list(&list(&["--format", "json"]))?;
            let images = parse(answer.as_bytes()).context("cannot read podman's list of images")?;
            return Ok(images.into_iter().map(podman::docker_s).collect());
        }
        let answer = self.run(&list(&["--quiet", "--no-trunc"]))?;
        let mut ids: Vec<String> = answer.lines().map(str::to_owned).collect();
        // An image is listed once for each of its names.
        ids.sort();
        ids.dedup();
        if !ids.iter().all(|id| id.starts_with("sha256:")) {
            return Err(self.stranger().into());
        }
        self.inspect(&ids)
    }

    /// Podman's lists fail when an image or a container is removed while they are made.
    pub(super) fn podman_list(&self, cmd: &Cmd) -> Result<String> {
        let mut answer = self.run(cmd);
        for _ in 1..podman::TRIES {
            let gone = |error: &anyhow::Error| podman::lost_something(&error.to_string());
            if !answer.as_ref().is_err_and(gone) {
                break;
            }
            answer = self.run(cmd);
        }
        answer
    }

    /// What the engine knows of these images, by id or name; those that are gone are left out.
    fn inspect(&self, names: &[String]) -> Result<Vec<EngineImage>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.cmd().args(["image", "inspect"]).args(names).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let gone = said.contains("No such image") || said.contains("image not known");
        if !output.status.success() && !gone {
            return Err(self.trouble(&output.stderr).into());
        }
        let kind = self.kind;
        let images: Vec<Raw> = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("cannot read what {kind} image inspect printed"))?;
        match kind {
            EngineKind::Docker => images.into_iter().map(|raw| self.unpacked(raw)).collect(),
            EngineKind::Podman => Ok(images
                .into_iter()
                .map(|raw| podman::docker_s(raw.into()))
                .collect()),
        }
    }

    /// With the size that it has unpacked: what its layers add, where only they tell.
    fn unpacked(&self, raw: Raw) -> Result<EngineImage> {
        let is_packed = raw.is_packed();
        let mut found = EngineImage::from(raw);
        if is_packed {
            let form = ["--human=false", "--format", "{{.Size}}"];
            let cmd = self.cmd().arg("history").args(form).arg(&found.id);
            let sizes = self.run(&cmd)?;
            found.size = sizes
                .lines()
                .filter_map(|size| size.parse::<u64>().ok())
                .sum();
        }
        Ok(found)
    }

    /// What the engine knows of one image, by id or name; `None` when it is gone.
    pub fn inspect_one(&self, name: &str) -> Result<Option<EngineImage>> {
        if let Some(raw) = self.socket.as_ref().and_then(|socket| one(socket, name)) {
            return self.unpacked(raw).map(Some);
        }
        Ok(self.inspect(&[name.to_owned()])?.pop())
    }

    /// Fetches an image from its registry.
    pub fn pull(&self, name: &str) -> Result<()> {
        let output = self.cmd().args(["pull", "--quiet", name]).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(match self.trouble(&output.stderr) {
            EngineError::Other(kind, said) => EngineError::NoBaseImage(kind, said),
            known => known,
        }
        .into())
    }

    /// Gives an image one more name.
    pub fn tag(&self, id: &str, name: &str) -> Result<()> {
        self.run(&self.cmd().args(["tag", id, name])).map(drop)
    }

    /// Gives an image a name that another may have, and removes that one when it was its last.
    pub fn move_tag(&self, id: &str, name: &str) -> Result<()> {
        let before = self.inspect_one(name)?;
        if before.as_ref().is_some_and(|old| old.id == id) {
            return Ok(());
        }
        self.tag(id, name)?;
        match before {
            Some(old) => self.remove_if_nameless(&old.id, false),
            None => Ok(()),
        }
    }

    /// Takes a name from an image, and removes it when that was the last.
    pub fn untag(&self, name: &str) -> Result<()> {
        self.run(&self.cmd().args(["image", "rm", name])).map(drop)
    }

    /// The same to clear up, also when we were asked to stop. It may be gone.
    pub fn give_back(&self, name: &str) {
        let cmd = self.cmd().args(["image", "rm", name]);
        let _ = cmd.even_when_stopped().output();
    }

    /// Removes an image that has no name left, unless a container still needs it. `is_parent`
    /// says whether an image was built on it since.
    pub fn remove_if_nameless(&self, id: &str, is_parent: bool) -> Result<()> {
        // Podman's cached steps hang together by the images between them, and go with the last one
        // that stands on them. Without this one they would stay for ever; its layers do so anyhow.
        if self.kind == EngineKind::Podman && is_parent {
            return Ok(());
        }
        let named = |image: &EngineImage| !image.names.is_empty();
        if !self.inspect_one(id)?.as_ref().is_some_and(named) {
            // A refusal means that it is in use.
            self.cmd().args(["image", "rm", id]).output()?;
        }
        Ok(())
    }

    /// An answer that docker would not give: who is it?
    fn stranger(&self) -> EngineError {
        let program = self.cmd().name();
        let said = self.run(&self.cmd().arg("--version")).unwrap_or_default();
        if said.contains("podman") {
            EngineError::Disguised(program)
        } else {
            EngineError::Strange(program)
        }
    }
}

fn list(socket: &Path, label: Option<&str>) -> Option<Vec<EngineImage>> {
    let labels: Vec<&str> = label.into_iter().collect();
    let filters = serde_json::json!({ "dangling": ["false"], "label": labels }).to_string();
    let query = [("filters", filters.as_str()), MANIFESTS];
    let answer = socket::get(socket, "/images/json", &query).ok()?;
    parse(&answer).ok()
}

fn one(socket: &Path, name: &str) -> Option<Raw> {
    let answer = socket::get(socket, &format!("/images/{name}/json"), &[MANIFESTS]).ok()?;
    serde_json::from_slice(&answer).ok()
}

fn parse(json: &[u8]) -> serde_json::Result<Vec<EngineImage>> {
    let raw: Vec<Raw> = serde_json::from_slice(json)?;
    Ok(raw.into_iter().map(EngineImage::from).collect())
}

impl From<Raw> for EngineImage {
    fn from(raw: Raw) -> Self {
        let mut names = raw.repo_tags.or(raw.names).unwrap_or_default();
        names.retain(|name| name != "<none>:<none>" && !is_temp_name(name));
        let images = raw.manifests.iter().flatten();
        let unpacked = images.filter_map(|one| Some(one.image_data.as_ref()?.size.unpacked));
        let unpacked = Some(unpacked.sum()).filter(|size| *size > 0);
        Self {
            id: raw.id,
            size: unpacked.unwrap_or(raw.size),
            layers: raw.root_fs.map(|root| root.layers.len()),
            labels: raw.labels.or(raw.config.labels).unwrap_or_default(),
            names,
            digests: raw.repo_digests.unwrap_or_default(),
            platform: platform(raw.os, raw.architecture, raw.variant),
        }
    }
}

/// `linux/arm/v7`, as registries write it.
fn platform(
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
) -> Option<String> {
    let platform = format!("{}/{}", os?, architecture?);
    Some(match variant.filter(|variant| !variant.is_empty()) {
        Some(variant) => format!("{platform}/{variant}"),
        None => platform,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_an_inspection_say_the_same() {
        // Of Docker 20.10.24, shortened.
        let listed = br#"[{"Created":1,"Id":"sha256:0a","Labels":{"dkr.schema":"1"},"ParentId":"",
            "RepoTags":["dkr:app-main"],"Size":42},
            {"Id":"sha256:0b","Labels":null,"RepoTags":["<none>:<none>"],"Size":1}]"#;
        let inspected = br#"[{"Id":"sha256:0a","RepoTags":["dkr:app-main"],"Size":42,
            "Config":{"Labels":{"dkr.schema":"1"}},"RootFS":{"Layers":["sha256:1"]}},
            {"Id":"sha256:0b","RepoTags":null,"Size":1,"Config":{"Labels":null}}]"#;
        let listed = parse(listed).unwrap();
        let mut inspected = parse(inspected).unwrap();
        assert_eq!(inspected[0].layers.take(), Some(1));
        assert_eq!(listed, inspected);
        assert_eq!(listed[0].names, ["dkr:app-main"]);
        assert_eq!(listed[0].labels["dkr.schema"], "1");
        assert!(listed[1].names.is_empty());
    }

    /// Of Docker 28.5 with the containerd store, shortened: content, and content with what is unpacked.
    #[test]
    fn of_two_sizes_it_is_what_is_unpacked() {
        let manifests = r#""Manifests":[{"Kind":"image","Size":{"Content":135,"Total":282},
            "ImageData":{"Size":{"Unpacked":147}}},{"Kind":"attestation","Size":{"Content":1,"Total":1}}]"#;
        let listed = format!(r#"[{{"Id":"sha256:0a","RepoTags":null,"Size":282,{manifests}}}]"#);
        let inspected = format!(
            r#"[{{"Id":"sha256:0a","RepoTags":null,"Size":135,"GraphDriver":{{"Name":"overlayfs"}},{manifests}}}]"#
        );
        for text in [listed, inspected] {
            let raw: Vec<Raw> = serde_json::from_str(&text).unwrap();
            assert!(!raw[0].is_packed());
            assert_eq!(parse(text.as_bytes()).unwrap()[0].size, 147, "{text}");
        }
        // What the client prints says less.
        let printed =
            r#"{"Id":"sha256:0a","Size":135,"GraphDriver":{"Data":null,"Name":"overlayfs"}}"#;
        assert!(serde_json::from_str::<Raw>(printed).unwrap().is_packed());
        let old = r#"{"Id":"sha256:0a","Size":135,"GraphDriver":{"Data":{},"Name":"overlay2"}}"#;
        assert!(!serde_json::from_str::<Raw>(old).unwrap().is_packed());
    }
}
