//! The labels of our images: what they say, and that it makes sense. Labels are input: anybody
//! can write any.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::git::ObjectId;
use crate::image::model::chain_base::ChainBase;

/// The version of the label scheme; an image with another is left alone.
pub(crate) const SCHEMA: &str = "1";
/// The label by which our images are found.
pub(crate) const MARK: &str = "dkr.schema";

/// Whether an image was cloned, or put on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// A clone of its own.
    Base,
    /// One more layer on another image.
    Update,
}

impl ImageKind {
    /// As the label says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Update => "update",
        }
    }
}

/// What the labels of one image say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The repository's path on the host where it was built.
    pub repo_path: PathBuf,
    /// The repository's name.
    pub repo_name: String,
    /// The branch the clone is on.
    pub branch: String,
    /// What the user typed.
    pub branch_from: String,
    /// Whether it stays where it is, as it was made of a tag or a commit, not of a branch. Images of
    /// an earlier git dkr do not say.
    pub stays: bool,
    /// The commit in `/workspace`.
    pub commit: ObjectId,
    /// When it was built.
    pub created_at: Timestamp,
    /// Clone or update.
    pub kind: ImageKind,
    /// The image that it was put on; none for a full clone.
    pub parent: Option<String>,
    /// The bytes of the base image that its full clone stands on; images of an earlier git dkr do not
    /// say.
    pub base_size: Option<u64>,
    /// The full clone at the bottom; none when it is one.
    pub bottom: Option<ChainBase>,
    /// The layers under the clone, from the bottom.
    pub layers: Vec<String>,
    /// The agent that is in one of them.
    pub agent: Option<String>,
    /// Settings that were given on the command line, by name: they hold for what follows too.
    pub asked: BTreeMap<String, String>,
    /// The cache key; images of an earlier git dkr have none.
    pub cache_key: Option<String>,
    /// The key manifest as JSON, of which a record is written that was not when the image was built; none
    /// where it is too long for a label.
    pub manifest: Option<String>,
}

impl Labels {
    /// As the engine takes them.
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![
            ("repo_path", self.repo_path.to_string_lossy().into_owned()),
            ("repo_name", self.repo_name.clone()),
            ("branch", self.branch.clone()),
            ("branch_from", self.branch_from.clone()),
            ("stays", self.stays.to_string()),
            ("commit", self.commit.to_string()),
            ("created_at", format!("{:.3}", self.created_at)),
            ("type", self.kind.name().to_owned()),
            ("schema", SCHEMA.to_owned()),
            // An update inherits its parent's labels: this one must not be taken for its own.
            ("parent", self.parent.clone().unwrap_or_default()),
            (
                "base_size",
                self.base_size
                    .map_or_else(String::new, |size| size.to_string()),
            ),
            (
                "bottom",
                self.bottom
                    .as_ref()
                    .map(ChainBase::to_text)
                    .unwrap_or_default(),
            ),
            ("layers", self.layers.join(" ")),
            ("agent", self.agent.clone().unwrap_or_default()),
            ("asked", self.asked_text()),
            ("cache_key", self.cache_key.clone().unwrap_or_default()),
            ("manifest", self.manifest.clone().unwrap_or_default()),
        ];
        pairs.sort();
        let named = |(name, value): (&str, String)| (format!("dkr.{name}"), value);
        pairs.into_iter().map(named).collect()
    }

    fn asked_text(&self) -> String {
        match serde_json::to_string(&self.asked) {
            Ok(text) if !self.asked.is_empty() => text,
            _ => String::new(),
        }
    }

    /// Reads them back; says which one does not make sense.
    pub fn parse(labels: &BTreeMap<String, String>) -> Result<Self, String> {
        let get = |name: &str| {
            labels
                .get(&format!("dkr.{name}"))
                .map(String::as_str)
                .ok_or_else(|| format!("it has no label dkr.{name}"))
        };
        let some = |name| {
            let value = get(name).ok().filter(|value| !value.is_empty());
            value.map(str::to_owned)
        };
        let bad = |name: &str, value: &str| format!("its label dkr.{name} is {value:?}");
        let schema = get("schema")?;
        if schema != SCHEMA {
            return Err(bad("schema", schema));
        }
        let commit = get("commit")?;
        let created_at = get("created_at")?;
        Ok(Self {
            repo_path: get("repo_path")?.into(),
            repo_name: get("repo_name")?.to_owned(),
            branch: line("label dkr.branch", get("branch")?)?,
            branch_from: line("label dkr.branch_from", get("branch_from")?)?,
            stays: get("stays") == Ok("true"),
            commit: ObjectId::parse(commit).ok_or_else(|| bad("commit", commit))?,
            created_at: created_at
                .parse()
                .map_err(|_| bad("created_at", created_at))?,
            kind: match get("type")? {
                "base" => ImageKind::Base,
                "update" => ImageKind::Update,
                other => return Err(bad("type", other)),
            },
            parent: some("parent"),
            base_size: some("base_size").and_then(|size| size.parse().ok()),
            bottom: some("bottom").and_then(|text| ChainBase::parse(&text)),
            layers: some("layers")
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            agent: some("agent"),
            asked: some("asked")
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            cache_key: some("cache_key"),
            manifest: some("manifest"),
        })
    }
}

/// A name that is shown and given to git: one line, not an option.
pub(in crate::image) fn line(name: &str, value: &str) -> Result<String, String> {
    if value.is_empty() || value.starts_with('-') || value.chars().any(char::is_control) {
        return Err(format!("its {name} is {value:?}"));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
pub(in crate::image) mod tests {
    use super::*;

    pub(crate) fn labels() -> Labels {
        Labels {
            repo_path: "/src/app".into(),
            repo_name: "app".into(),
            branch: "$(touch x)`;'\"&".into(),
            branch_from: "origin/main".into(),
            stays: false,
            commit: ObjectId::parse(&"3f".repeat(20)).unwrap(),
            created_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            kind: ImageKind::Update,
            parent: Some("sha256:0".into()),
            base_size: Some(7),
            bottom: ChainBase::parse(&format!("{} 3 9", "3f".repeat(20))),
            layers: vec!["base".into(), "agent-claude".into()],
            agent: Some("claude".into()),
            asked: [("stack".into(), "auto".into())].into(),
            cache_key: Some("0a".repeat(32)),
            manifest: Some("{\"a\":\"b\"}".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let pairs: BTreeMap<_, _> = labels().to_pairs().into_iter().collect();
        assert_eq!(pairs["dkr.created_at"], "2026-01-02T03:04:05.678Z");
        assert_eq!(Labels::parse(&pairs), Ok(labels()));
    }

    #[test]
    fn labels_that_make_no_sense_are_named() {
        let good: BTreeMap<_, _> = labels().to_pairs().into_iter().collect();
        for (name, value) in [
            ("dkr.commit", "main"),
            ("dkr.created_at", "yesterday"),
            ("dkr.type", "other"),
            ("dkr.schema", "2"),
            ("dkr.branch", "a\nb"),
            ("dkr.branch_from", "--upload-pack=x"),
        ] {
            let mut labels = good.clone();
            labels.insert(name.into(), value.into());
            let error = Labels::parse(&labels).unwrap_err();
            assert_eq!(error, format!("its label {name} is {value:?}"));
        }
        let mut labels = good;
        labels.remove("dkr.repo_path");
        assert!(
            Labels::parse(&labels)
                .unwrap_err()
                .contains("dkr.repo_path")
        );
    }
}
