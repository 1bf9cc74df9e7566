//! What is left beside the repository: `Dockerfile`, `build.log` and `manifest.json`, each whole
//! or not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::fs::write_with_mode;

/// `manifest.json`
#[derive(Debug, Serialize)]
pub(super) struct ProfileManifest<'a> {
    /// `built`, `loaded` from an archive, `reused` from the engine, or `failed`.
    pub result: &'static str,
    pub image_tag: &'a str,
    /// Its id; null when there is none.
    pub image_id: Option<&'a str>,
    pub profile_id: &'a str,
    /// SHA-256 of the profile's one spelling.
    pub profile_digest: &'a str,
    /// What was tried last.
    pub variant: &'a str,
    /// What was tried, in order.
    pub tried: Vec<&'a str>,
    /// What the image starts from.
    pub base_image: &'a str,
    /// What identifies that on any machine.
    pub base_image_digest: Option<&'a str>,
    /// As the profile has it.
    pub python_version_target: Option<&'a str>,
    /// What was made of it.
    pub python_version: &'a str,
    /// Whether nothing was built.
    pub reused_cache: bool,
    /// How long each part took, in seconds.
    pub durations: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The directory of the three.
#[derive(Debug, Clone)]
pub(super) struct RecordDirectory {
    directory: PathBuf,
}

impl RecordDirectory {
    /// Of a repository's directory.
    pub(super) fn of(repo_dir: &Path) -> Self {
        Self {
            directory: repo_dir.join(".pf_manifest/image_build"),
        }
    }

    /// Where the log is.
    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("build.log")
    }

    pub(super) fn write_dockerfile(&self, text: &str) -> Result<()> {
        self.write("Dockerfile", text)
    }

    pub(super) fn write_log(&self, text: &str) -> Result<()> {
        self.write("build.log", text)
    }

    pub(super) fn write_manifest(&self, manifest: &ProfileManifest) -> Result<()> {
        let text = serde_json::to_string_pretty(manifest).context("cannot write the manifest")?;
        self.write("manifest.json", &(text + "\n"))
    }

    /// Whether the log that is there is of the build that made this image.
    pub(super) fn has_log_of(&self, image_id: &str) -> bool {
        let text = crate::fs::read(self.directory.join("manifest.json")).unwrap_or_default();
        let manifest = serde_json::from_slice::<serde_json::Value>(&text).unwrap_or_default();
        manifest["image_id"] == image_id && self.log().is_file()
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        write_with_mode(&self.directory.join(name), text.as_bytes(), 0o644)
    }
}

/// Seconds, to the millisecond.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
