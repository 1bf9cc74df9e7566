//! `container.json`: what is kept of a container beside its work. It may come from another machine, and is
//! checked before it is used.

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::labels::ContainerLabels;
use crate::git::saved_work::WORK;
use crate::git::{ObjectId, Repo, can_be_branch_name};
use crate::ui;

/// The file in the tree of `refs/dkr/work/<container>/info`.
pub(crate) const FILE: &str = "container.json";
/// The version of the format.
const VERSION: u64 = 1;
/// The longest text in it.
const LONGEST: usize = 1_000;

/// What a container was started from, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerInfo {
    pub name: String,
    /// The tag of its image.
    pub image: String,
    pub branch: String,
    pub branch_from: String,
    /// The commit that its work branch began at.
    pub commit: ObjectId,
    pub work_branch: String,
    pub agent: Option<String>,
    pub started_at: Timestamp,
    /// `None` as long as it runs, and where nobody saw its end.
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i32>,
}

/// The file, its keys in their order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InfoFile {
    agent: Option<String>,
    branch: String,
    branch_from: String,
    commit: String,
    ended_at: Option<Timestamp>,
    exit_code: Option<i32>,
    image: String,
    name: String,
    started_at: Timestamp,
    v: u64,
    work_branch: String,
}

/// The one key that every version has.
#[derive(Deserialize)]
struct InfoVersion {
    v: u64,
}

impl ContainerInfo {
    /// Of a container that was started then.
    pub(super) fn of_started(name: &str, labels: ContainerLabels, started_at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            image: labels.image,
            branch: labels.branch,
            branch_from: labels.branch_from,
            commit: labels.commit,
            work_branch: labels.work_branch,
            agent: labels.agent,
            started_at,
            ended_at: None,
            exit_code: None,
        }
    }

    /// The same when it has ended.
    pub(super) fn ended(self, at: Timestamp, exit_code: Option<i32>) -> Self {
        Self {
            ended_at: Some(at),
            exit_code,
            ..self
        }
    }

    /// The text of the file.
    pub(crate) fn to_json(&self) -> Result<String> {
        let file = InfoFile {
            agent: self.agent.clone(),
            branch: self.branch.clone(),
            branch_from: self.branch_from.clone(),
            commit: self.commit.to_string(),
            ended_at: self.ended_at,
            exit_code: self.exit_code,
            image: self.image.clone(),
            name: self.name.clone(),
            started_at: self.started_at,
            v: VERSION,
            work_branch: self.work_branch.clone(),
        };
        Ok(serde_json::to_string(&file)? + "\n")
    }

    /// Reads it; says what does not make sense.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let InfoVersion { v } = serde_json::from_slice(json).map_err(not_read)?;
        if v != VERSION {
            return Err(format!("{FILE} is of another git dkr (version {v})"));
        }
        let file: InfoFile = serde_json::from_slice(json).map_err(not_read)?;
        let agent = file.agent.as_deref().unwrap_or("none");
        for (key, text) in [
            ("name", &*file.name),
            ("image", &file.image),
            ("branch_from", &file.branch_from),
            ("agent", agent),
        ] {
            if !is_line(text) {
                return Err(wrong(key, text));
            }
        }
        if !is_container_name(&file.name) {
            return Err(wrong("name", &file.name));
        }
        for (key, name) in [("branch", &file.branch), ("work_branch", &file.work_branch)] {
            if !is_line(name) || !can_be_branch_name(name) {
                return Err(wrong(key, name));
            }
        }
        let commit = ObjectId::parse(&file.commit).ok_or_else(|| wrong("commit", &file.commit))?;
        Ok(Self {
            name: file.name,
            image: file.image,
            branch: file.branch,
            branch_from: file.branch_from,
            commit,
            work_branch: file.work_branch,
            agent: file.agent,
            started_at: file.started_at,
            ended_at: file.ended_at,
            exit_code: file.exit_code,
        })
    }
}

/// Writes it where the container's work is saved.
pub(crate) fn write(repo: &Repo, info: &ContainerInfo) -> Result<()> {
    let reference = format!("{WORK}{}/info", info.name);
    repo.set_file_ref(&reference, FILE, info.to_json()?.as_bytes())?;
    Ok(())
}

/// Whether engines take this as a container's name: docker's rule, in which podman agrees.
pub(crate) fn is_container_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_inner)
        && (2..=255).contains(&name.len())
}

/// Whether a text can be shown in a line.
fn is_line(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn wrong(key: &str, value: &str) -> String {
    let start: String = value.chars().take(60).collect();
    format!("{FILE} has {start:?} as its {key}")
}

fn not_read(error: serde_json::Error) -> String {
    // It repeats keys that it does not know.
    let said = error.to_string().replace(char::is_control, "?");
    format!("cannot read {FILE}: {}", ui::shortened(&said, 200))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn info(name: &str) -> ContainerInfo {
        ContainerInfo {
            name: name.to_owned(),
            image: "dkr:shop-main".into(),
            branch: "main".into(),
            branch_from: "origin/main".into(),
            commit: ObjectId::parse("0123456789012345678901234567890123456789").unwrap(),
            work_branch: "fix/typo".into(),
            agent: Some("claude".into()),
            started_at: "2026-03-01T10:00:00Z".parse().unwrap(),
            ended_at: Some("2026-03-01T11:00:00Z".parse().unwrap()),
            exit_code: Some(7),
        }
    }

    #[test]
    fn an_info_comes_back_as_it_was() {
        let full = info("box");
        let text = full.to_json().unwrap();
        insta::assert_snapshot!(text, @r#"{"agent":"claude","branch":"main","branch_from":"origin/main","commit":"0123456789012345678901234567890123456789","ended_at":"2026-03-01T11:00:00Z","exit_code":7,"image":"dkr:shop-main","name":"box","started_at":"2026-03-01T10:00:00Z","v":1,"work_branch":"fix/typo"}"#);
        assert_eq!(ContainerInfo::parse(text.as_bytes()), Ok(full.clone()));
        let running = ContainerInfo {
            agent: None,
            ended_at: None,
            exit_code: None,
            ..full
        };
        let text = running.to_json().unwrap();
        assert_eq!(ContainerInfo::parse(text.as_bytes()), Ok(running));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let good = info("box").to_json().unwrap();
        let hostile = [
            (r#""name":"box""#, r#""name":"../main""#),
            (r#""name":"box""#, r#""name":"--help""#),
            (r#""name":"box""#, r#""name":"box\u001b[2J""#),
            (r#""commit":"01"#, r#""commit":"--"#),
            (r#""branch":"main""#, r#""branch":"a..b""#),
            (
                r#""work_branch":"fix/typo""#,
                r#""work_branch":"--upload-pack=x""#,
            ),
            (r#""image":"dkr:shop-main""#, r#""image":"a\nb""#),
            (r#""agent":"claude""#, r#""agent":"""#),
            (r#""agent":"claude""#, r#""agent":["claude"]"#),
            (
                r#""started_at":"2026-03-01T10:00:00Z""#,
                r#""started_at":"yesterday""#,
            ),
            (r#""exit_code":7"#, r#""exit_code":7,"home":"/root""#),
            (r#""v":1"#, r#""v":2"#),
            (r#""v":1,"#, ""),
        ];
        let told = hostile.map(|(old, new)| {
            assert!(good.contains(old), "{old}");
            ContainerInfo::parse(good.replace(old, new).as_bytes()).unwrap_err()
        });
        insta::assert_snapshot!(told.join("\n"));
        for broken in [&b""[..], b"[]", b"{}", b"\xff\xfe", b"{\"v\":1}"] {
            assert!(ContainerInfo::parse(broken).is_err(), "{broken:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(ContainerInfo::parse(deep.as_bytes()).is_err());
    }
}
