//! The profile: what is installed in the image, and what is not left to chance.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Result, bail};
use regex::Regex;

use super::json::{self, Json};
use super::{canonical, python_version};
use crate::error::{Diagnostic, Failure};

/// A line of a Dockerfile has an end.
const LONGEST: usize = 60_000;
const HINT: &str = r#"for example {"profile": {"python_version_target": "3.11", "install_cmds": ["pip install -r requirements.txt"]}}; docs/profiles.md of git dkr describes it"#;

/// A profile that an image can be built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    /// What the image is called by: given, or the hash below.
    pub id: String,
    /// SHA-256 of its one spelling.
    pub digest: String,
    /// The target as it was given.
    pub target: Option<String>,
    /// The version of Python.
    pub python: String,
    /// Commands of a shell, in their order.
    pub install: Vec<String>,
    /// Variables of the environment.
    pub env: BTreeMap<String, String>,
    /// Files that are copied though they would be left out.
    pub include: Vec<String>,
    /// Whether packages of a distribution's archive may come unverified.
    pub allow_unverified_archive: bool,
    /// What the user should hear.
    pub remarks: Vec<String>,
}

/// Reads the text of a profile's file. Every problem with its keys is told at once.
pub(super) fn parse(file: &str, text: &str) -> Result<Profile> {
    let json = json::parse(text).map_err(|wrong| {
        let diagnostic = Diagnostic::at_byte(file, text, wrong.at, wrong.message);
        Failure::new(format!("the profile is not JSON: {diagnostic}")).hint(HINT)
    })?;
    let inner = match json.get("profile") {
        Some(inner @ Json::Object(_)) => inner,
        Some(other) => {
            let kind = other.kind();
            bail!(
                Failure::new(format!(
                    "{file}: `profile` must be an object, and is {kind}"
                ))
                .hint(HINT)
            );
        }
        None => &json,
    };
    let Json::Object(pairs) = inner else {
        let kind = json.kind();
        bail!(Failure::new(format!("{file}: the profile is {kind}, not an object")).hint(HINT));
    };
    if text_of(inner, "status").as_deref() == Some("unsupported") {
        bail!(
            Failure::new(format!("{file}: the profile's status is `unsupported`")).hint(
                "whoever wrote it found no way to build this repository; write install_cmds by hand"
            )
        );
    }
    let mut reader = ProfileReader {
        inner,
        problems: Vec::new(),
        remarks: Vec::new(),
    };
    let digest = canonical::id(pairs);
    let given = reader.id(json.get("profile_id"));
    let (target, python) = reader.python();
    let profile = Profile {
        id: given.unwrap_or_else(|| digest.clone()),
        digest,
        target,
        python,
        install: reader.install(),
        env: reader.env(),
        include: reader.include(),
        allow_unverified_archive: reader.flag("allow_unverified_archive"),
        remarks: reader.remarks,
    };
    if reader.problems.is_empty() {
        return Ok(profile);
    }
    bail!(Failure::new(format!("{file}: {}", reader.problems.join("; "))).hint(HINT))
}

fn text_of(json: &Json, key: &str) -> Option<String> {
    match json.get(key) {
        Some(Json::Text(text)) => text.to_text(),
        _ => None,
    }
}

struct ProfileReader<'a> {
    inner: &'a Json,
    problems: Vec<String>,
    remarks: Vec<String>,
}

impl ProfileReader<'_> {
    fn id(&mut self, given: Option<&Json>) -> Option<String> {
        let problem = match given {
            None | Some(Json::Null) => return None,
            Some(Json::Text(text)) => match text.to_text().filter(|id| is_id(id)) {
                Some(id) => return Some(id),
                None => format!(
                    "`profile_id` is `{text}`, which cannot be part of an image's name: small letters and digits, with single `.`, `_` or `-` between them, 128 at most"
                ),
            },
            Some(other) => format!("`profile_id` must be a string, and is {}", other.kind()),
        };
        self.problems.push(problem);
        None
    }

    fn python(&mut self) -> (Option<String>, String) {
        let default = || {
            format!(
                "{}.{}",
                python_version::DEFAULT.0,
                python_version::DEFAULT.1
            )
        };
        let target = match self.inner.get("python_version_target") {
            None | Some(Json::Null) => return (None, default()),
            Some(Json::Text(text)) => text.to_string(),
            Some(other) => {
                let kind = other.kind();
                self.problems.push(format!(
                    "`python_version_target` must be a string, and is {kind} (as a number, 3.10 is 3.1)"
                ));
                return (None, default());
            }
        };
        let version = match python_version::version(&target) {
            Some(found) => {
                if !found.asked && !target.trim().is_empty() {
                    self.remarks.push(format!(
                        "python_version_target `{target}` names no version X.Y: it is Python {}",
                        found.version
                    ));
                }
                found.version
            }
            None => {
                self.problems.push(format!(
                    "`python_version_target` is `{target}`, for which there is no python image"
                ));
                default()
            }
        };
        (Some(target), version)
    }

    fn install(&mut self) -> Vec<String> {
        let commands = match self.inner.get("install_cmds") {
            None | Some(Json::Null) => {
                self.problems.push("`install_cmds` is missing".to_owned());
                return Vec::new();
            }
            Some(Json::List(commands)) if commands.is_empty() => {
                self.problems
                    .push("`install_cmds` is empty: there is nothing to install".to_owned());
                return Vec::new();
            }
            Some(json) => json,
        };
        let found = self.strings("install_cmds", commands);
        for (at, command) in &found {
            if command.trim().is_empty() {
                self.problems.push(format!("`install_cmds[{at}]` is empty"));
            }
            self.check(&format!("install_cmds[{at}]"), command);
        }
        found.into_iter().map(|(_, command)| command).collect()
    }

    fn include(&mut self) -> Vec<String> {
        let Some(json) = self
            .inner
            .get("include")
            .filter(|json| **json != Json::Null)
        else {
            return Vec::new();
        };
        let found = self.strings("include", json);
        for (_, path) in &found {
            let steps = || path.split('/');
            let leaves = path.is_empty()
                || path.starts_with('/')
                || steps().any(|step| matches!(step, "" | "." | ".."));
            if leaves || path.contains('\0') {
                self.problems.push(format!(
                    "`include`: `{path}` must be the path of a file or directory, from repo_dir on"
                ));
            } else if steps().any(|step| step == ".git") || path.starts_with(".pf_manifest") {
                self.problems
                    .push(format!("`include`: `{path}` is never copied"));
            }
        }
        found.into_iter().map(|(_, path)| path).collect()
    }

    fn env(&mut self) -> BTreeMap<String, String> {
        let pairs = match self.inner.get("env") {
            None | Some(Json::Null) => return BTreeMap::new(),
            Some(Json::Object(pairs)) => pairs,
            Some(other) => {
                let kind = other.kind();
                self.problems
                    .push(format!("`env` must be an object of strings, and is {kind}"));
                return BTreeMap::new();
            }
        };
        let mut env = BTreeMap::new();
        for (name, value) in pairs {
            let name = name.to_string();
            if !is_variable(&name) {
                self.problems
                    .push(format!("`env`: `{name}` cannot be the name of a variable"));
                continue;
            }
            match value {
                Json::Text(text) => match text.to_text() {
                    Some(value) => {
                        self.check(&format!("env.{name}"), &value);
                        env.insert(name, value);
                    }
                    None => self.alone(&format!("env.{name}")),
                },
                other => {
                    let kind = other.kind();
                    self.problems
                        .push(format!("`env.{name}` must be a string, and is {kind}"));
                }
            }
        }
        env
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.inner.get(key) {
            None | Some(Json::Null) => false,
            Some(Json::Bool(value)) => *value,
            Some(other) => {
                let kind = other.kind();
                self.problems
                    .push(format!("`{key}` must be true or false, and is {kind}"));
                false
            }
        }
    }

    /// The strings of a list, with their places in it.
    fn strings(&mut self, key: &str, json: &Json) -> Vec<(usize, String)> {
        let Json::List(values) = json else {
            let kind = json.kind();
            self.problems
                .push(format!("`{key}` must be a list of strings, and is {kind}"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (at, value) in values.iter().enumerate() {
            match value {
                Json::Text(text) => match text.to_text() {
                    Some(text) => found.push((at, text)),
                    None => self.alone(&format!("{key}[{at}]")),
                },
                other => {
                    let kind = other.kind();
                    self.problems
                        .push(format!("`{key}[{at}]` must be a string, and is {kind}"));
                }
            }
        }
        found
    }

    fn alone(&mut self, place: &str) {
        self.problems.push(format!(
            "`{place}` holds a lone surrogate, half of a character"
        ));
    }

    /// What no Dockerfile can carry.
    fn check(&mut self, place: &str, text: &str) {
        if text.contains('\0') {
            self.problems.push(format!(
                "`{place}` holds a NUL, which no command or variable can"
            ));
        }
        if text.len() > LONGEST {
            self.problems.push(format!(
                "`{place}` is longer than {LONGEST} bytes, which no line of a Dockerfile can be"
            ));
        }
    }
}

/// Whether this can be a part of an image's name, and the name of a file.
fn is_id(id: &str) -> bool {
    static ID: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$").ok());
    id.len() <= 128 && ID.as_ref().is_some_and(|pattern| pattern.is_match(id))
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') && name.len() <= 256
}

/// The name of the image of a profile.
pub(super) fn tag(id: &str) -> String {
    format!("patchfoundry/{id}:latest")
}

#[cfg(test)]
mod tests;
