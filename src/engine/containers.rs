//! Which containers there are and what they carry.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;

use super::docker::socket;
use super::{Engine, EngineKind};

/// A container as the engine tells of it, running or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineContainer {
    pub id: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub state: ContainerState,
    pub created: Timestamp,
}

/// Whether it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// It was made, and did not start yet.
    Created,
    Running,
    Paused,
    /// It has ended, with this exit code where the engine knows one.
    Exited(Option<i32>),
}

impl ContainerState {
    /// Whether its command has begun and not ended.
    pub(crate) fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Whether a command can be run in it.
    pub fn is_running(self) -> bool {
        self == Self::Running
    }

    /// Of the word that both engines have for it, and a code that is valid for one that has ended.
    pub(super) fn of(word: &str, code: Option<i32>) -> Self {
        match word {
            "created" | "configured" | "initialized" => Self::Created,
            "running" | "restarting" | "stopping" => Self::Running,
            "paused" => Self::Paused,
            _ => Self::Exited(code),
        }
    }
}

impl fmt::Display for ContainerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Running => f.write_str("running"),
            Self::Paused => f.write_str("paused"),
            Self::Exited(Some(code)) => write!(f, "ended {code}"),
            Self::Exited(None) => f.write_str("ended"),
        }
    }
}

/// As docker's daemon lists it (`GET /containers/json`) and podman's `ps`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawListed {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    state: String,
    /// For people. Of docker's list, the one place with the exit code.
    #[serde(default)]
    status: String,
    /// Podman's.
    exit_code: Option<i32>,
    /// Seconds.
    #[serde(default)]
    created: i64,
}

/// As docker's client prints it when it inspects one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInspected {
    id: String,
    name: String,
    created: Timestamp,
    state: RawInspectedState,
    config: RawInspectedConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInspectedState {
    status: String,
    exit_code: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInspectedConfig {
    labels: Option<BTreeMap<String, String>>,
}

impl Engine {
    /// The containers that carry a label, running or not: one call, however many there are, where
    /// docker's daemon has a local socket, and with podman.
    pub fn containers(&self, label: &str) -> Result<Vec<EngineContainer>> {
        if let Some(answer) = self.socket.as_ref().and_then(|socket| list(socket, label)) {
            return Ok(answer);
        }
        let filter = format!("label={label}");
        let list = self.cmd().args(["ps", "--all", "--no-trunc"]);
        let list = list.args(["--filter", &filter]);
        if self.kind == EngineKind::Podman {
            let answer = self.podman_list(&list.args(["--format", "json"]))?;
            return parse_list(answer.as_bytes())
                .context("cannot read podman's list of containers");
        }
        // The client's own list has labels in one line, parted by commas that they may hold as well.
        let answer = self.run(&list.arg("--quiet"))?;
        let ids: Vec<&str> = answer.lines().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let output = self
            .cmd()
            .args(["container", "inspect"])
            .args(ids)
            .output()?;
        // Those that were removed meanwhile are left out of what it prints.
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && !said.contains("No such container") {
            return Err(self.trouble(&output.stderr).into());
        }
        parse_inspected(&output.stdout)
            .with_context(|| format!("cannot read what {} container inspect printed", self.kind))
    }
}

fn list(socket: &Path, label: &str) -> Option<Vec<EngineContainer>> {
    let filters = serde_json::json!({ "label": [label] }).to_string();
    let query = [("all", "1"), ("filters", filters.as_str())];
    let answer = socket::get(socket, "/containers/json", &query).ok()?;
    parse_list(&answer).ok()
}

fn parse_list(json: &[u8]) -> serde_json::Result<Vec<EngineContainer>> {
    let raw: Vec<RawListed> = serde_json::from_slice(json)?;
    Ok(raw.into_iter().map(EngineContainer::from).collect())
}

fn parse_inspected(json: &[u8]) -> serde_json::Result<Vec<EngineContainer>> {
    let raw: Vec<RawInspected> = serde_json::from_slice(json)?;
    Ok(raw.into_iter().map(EngineContainer::from).collect())
}

impl From<RawListed> for EngineContainer {
    fn from(raw: RawListed) -> Self {
        let code = exit_code(&raw.status).or(raw.exit_code);
        Self {
            name: own_name(&raw.names),
            id: raw.id,
            labels: raw.labels.unwrap_or_default(),
            state: ContainerState::of(&raw.state, code),
            created: Timestamp::from_second(raw.created).unwrap_or_default(),
        }
    }
}

impl From<RawInspected> for EngineContainer {
    fn from(raw: RawInspected) -> Self {
        Self {
            name: own_name(&[raw.name]),
            id: raw.id,
            labels: raw.config.labels.unwrap_or_default(),
            state: ContainerState::of(&raw.state.status, raw.state.exit_code),
            created: raw.created,
        }
    }
}

/// Docker's begin with a slash, and one that another container has for it (`--link`) has two.
fn own_name(names: &[String]) -> String {
    let plain = names.iter().map(|name| name.trim_start_matches('/'));
    let own = plain.clone().find(|name| !name.contains('/'));
    own.or(plain.clone().next()).unwrap_or_default().to_owned()
}

/// `Exited (7) 2 hours ago`.
fn exit_code(status: &str) -> Option<i32> {
    let code = status.strip_prefix("Exited (")?.split_once(')')?.0;
    code.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, state: ContainerState, created: i64) -> EngineContainer {
        EngineContainer {
            id: format!("{name}0"),
            name: name.to_owned(),
            labels: BTreeMap::from([("dkr.work_branch".to_owned(), "w".to_owned())]),
            state,
            created: Timestamp::from_second(created).unwrap(),
        }
    }

    /// Of Docker 20.10.24, shortened.
    #[test]
    fn docker_s_list_and_inspection_say_the_same() {
        let listed = br#"[
            {"Id":"three0","Names":["/three"],"Image":"debian:bookworm-slim","ImageID":"sha256:4a",
             "Command":"sh -c 'exit 7'","Created":1796065304,"Ports":[],"Labels":{"dkr.work_branch":"w"},
             "State":"exited","Status":"Exited (7) Less than a second ago","HostConfig":{"NetworkMode":"default"}},
            {"Id":"two0","Names":["/three/alias","/two"],"Created":1796065304,"Labels":{"dkr.work_branch":"w"},
             "State":"created","Status":"Created","Mounts":[]},
            {"Id":"one0","Names":["/one"],"Created":1796065303,"Labels":{"dkr.work_branch":"w"},
             "State":"running","Status":"Up 1 second (Paused)"}]"#;
        let inspected = br#"[
            {"Id":"three0","Created":"2026-11-30T19:01:44Z","Name":"/three","State":{"Status":"exited","Running":false,
             "ExitCode":7,"FinishedAt":"2026-11-30T19:01:45.1Z"},"Config":{"Labels":{"dkr.work_branch":"w"}}},
            {"Id":"two0","Created":"2026-11-30T19:01:44Z","Name":"/two","State":{"Status":"created","ExitCode":0},
             "Config":{"Labels":{"dkr.work_branch":"w"}}},
            {"Id":"one0","Created":"2026-11-30T19:01:43Z","Name":"/one","State":{"Status":"running","ExitCode":0},
             "Config":{"Labels":{"dkr.work_branch":"w"}}}]"#;
        let expected = [
            container("three", ContainerState::Exited(Some(7)), 1_796_065_304),
            container("two", ContainerState::Created, 1_796_065_304),
            container("one", ContainerState::Running, 1_796_065_303),
        ];
        assert_eq!(parse_list(listed).unwrap(), expected);
        assert_eq!(parse_inspected(inspected).unwrap(), expected);
    }

    /// Of podman 4.3.1, shortened.
    #[test]
    fn podman_s_list_is_read() {
        let listed = br#"[
            {"AutoRemove":false,"Command":["sleep","100"],"CreatedAt":"1 second ago","Exited":false,
             "ExitedAt":-62135596800,"ExitCode":0,"Id":"one0","Labels":{"dkr.work_branch":"w"},"Mounts":[],
             "Names":["one"],"Networks":[],"Pid":25446,"Ports":null,"Size":null,"StartedAt":1796065333,
             "State":"running","Status":"Up 2 seconds ago","Created":1796065333},
            {"Exited":true,"ExitedAt":1796065334,"ExitCode":7,"Id":"three0","Labels":{"dkr.work_branch":"w"},
             "Names":["three"],"State":"exited","Status":"Exited (7) 1 second ago","Created":1796065334}]"#;
        let expected = [
            container("one", ContainerState::Running, 1_796_065_333),
            container("three", ContainerState::Exited(Some(7)), 1_796_065_334),
        ];
        assert_eq!(parse_list(listed).unwrap(), expected);
    }

    #[test]
    fn states_that_are_rare_are_known() {
        for (word, state) in [
            ("paused", "paused"),
            ("restarting", "running"),
            ("initialized", "created"),
            ("dead", "ended 1"),
            ("removing", "ended 1"),
        ] {
            assert_eq!(ContainerState::of(word, Some(1)).to_string(), state);
        }
        assert_eq!(ContainerState::of("stopped", None).to_string(), "ended");
        assert!(parse_list(b"{}").is_err());
    }
}
