//! Which images there are and what they carry.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Docker, EngineError};

/// A line of the engine's list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// The full id, `sha256:…`.
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "Repository")]
    repository: String,
    #[serde(rename = "Tag")]
    tag: String,
}

impl Listed {
    /// `repository:tag`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// What the engine knows of an image. But for the names, none of it changes while the id is the
/// same, and so it may be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspected {
    /// The full id.
    pub id: String,
    /// Bytes, all layers together.
    pub size: u64,
    /// How many layers there are.
    pub layers: usize,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its names at this moment.
    #[serde(skip)]
    pub names: Vec<String>,
}

/// As `docker image inspect` prints it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    id: String,
    #[serde(default)]
    size: u64,
    #[serde(rename = "RootFS", default)]
    root_fs: RawRootFs,
    #[serde(default)]
    config: RawConfig,
    repo_tags: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRootFs {
    layers: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    labels: Option<BTreeMap<String, String>>,
}

impl Docker {
    /// The tagged images that carry a label: one call, however many there are.
    pub fn images(&self, label: &str) -> Result<Vec<Listed>> {
        let cmd = self
            .cmd()
            .args([
                "images",
                "--no-trunc",
                "--filter",
                "dangling=false",
                "--filter",
            ])
            .arg(format!("label={label}"))
            .args(["--format", "{{json .}}"]);
        let answer = self.run(&cmd)?;
        answer
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|_| self.stranger().into())
    }

    /// What the engine knows of these images, by id or name; those that are gone are left out.
    pub fn inspect(&self, names: &[String]) -> Result<Vec<Inspected>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.cmd().args(["image", "inspect"]).args(names).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && !said.contains("No such image") {
            return Err(EngineError::of_stderr(&said).into());
        }
        let raw: Vec<Raw> = serde_json::from_slice(&output.stdout)
            .context("cannot read what docker image inspect printed")?;
        Ok(raw.into_iter().map(Inspected::from).collect())
    }

    /// Removes an image that has no name left, unless a container still needs it.
    pub fn remove_if_nameless(&self, id: &str) -> Result<()> {
        let named = |image: &Inspected| !image.names.is_empty();
        if !self.inspect(&[id.to_owned()])?.iter().any(named) {
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
            EngineError::Podman(program)
        } else {
            EngineError::Strange(program)
        }
    }
}

impl From<Raw> for Inspected {
    fn from(raw: Raw) -> Self {
        Self {
            id: raw.id,
            size: raw.size,
            layers: raw.root_fs.layers.unwrap_or_default().len(),
            labels: raw.config.labels.unwrap_or_default(),
            names: raw.repo_tags.unwrap_or_default(),
        }
    }
}
