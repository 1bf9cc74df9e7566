//! Trying layers: whether their images hold what `[provides]` and `[aliases]` say.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::definition::Definition;
use crate::engine::{CaptureSpec, Engine};
use crate::error::Failure;

const SCRIPT: &str = include_str!("../../templates/check-layer");
/// How the lines of its answers begin.
const ANSWER: &str = "dkr-check";

/// Something to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerCheck {
    /// `binary`, `path`, `library` or `alias`.
    pub kind: &'static str,
    /// What, as the layer says it.
    pub what: String,
    /// What is asked in the image: a kind and a name; or why there is no need to ask.
    ask: Result<(&'static str, String), String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CheckResult {
    /// The layer; `composed` for the image of several.
    pub layer: String,
    /// `binary`, `path`, `library` or `alias`; `image` when there was none to ask in.
    pub check: &'static str,
    pub what: String,
    /// Whether all is well.
    pub ok: bool,
    /// Where it was found, or what is wrong.
    pub detail: String,
}

/// All that a layer says of itself.
pub(crate) fn checks(definition: &Definition) -> Vec<LayerCheck> {
    let plain = |kind: &'static str, names: &[String]| {
        let check = |name: &String| LayerCheck {
            kind,
            what: name.clone(),
            ask: Ok((kind, name.clone())),
        };
        names.iter().map(check).collect::<Vec<_>>()
    };
    let mut found = plain("binary", &definition.binaries);
    found.extend(plain("path", &definition.paths));
    found.extend(plain("library", &definition.libraries));
    found.extend(definition.aliases.iter().map(|(name, command)| LayerCheck {
        kind: "alias",
        what: format!("{name} = {command}"),
        ask: expanded(&definition.aliases, name).map(|words| ("command", words[0].clone())),
    }));
    found
}

/// The words that an alias comes to when its first is an alias again, as in a shell; never none.
pub(crate) fn expanded(
    aliases: &BTreeMap<String, String>,
    name: &str,
) -> Result<Vec<String>, String> {
    let mut seen = vec![name];
    let mut words = split(aliases, name)?;
    while let Some((next, _)) = aliases.get_key_value(&words[0]) {
        // `ls = "ls --color"` is no circle: within its own alias a name is the command.
        if seen.last() == Some(&next.as_str()) {
            break;
        }
        if seen.contains(&next.as_str()) {
            return Err(format!("it is circular: {} -> {next}", seen.join(" -> ")));
        }
        let rest = words.split_off(1);
        words = split(aliases, next)?;
        words.extend(rest);
        seen.push(next);
    }
    Ok(words)
}

fn split(aliases: &BTreeMap<String, String>, name: &str) -> Result<Vec<String>, String> {
    let words = aliases.get(name).and_then(|command| shlex::split(command));
    let words = words.filter(|words| words.first().is_some_and(|first| !first.is_empty()));
    words.ok_or_else(|| "it has no command".to_owned())
}

/// Tries all of it in one container of the image.
pub(crate) fn run(
    engine: &Engine,
    layer: &str,
    image: &str,
    checks: &[LayerCheck],
) -> Result<Vec<CheckResult>> {
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = ["-c", SCRIPT, "dkr"].map(str::to_owned).to_vec();
    for (kind, name) in checks.iter().filter_map(|check| check.ask.as_ref().ok()) {
        args.extend([(*kind).to_owned(), name.clone()]);
    }
    let captured = engine.capture(&CaptureSpec {
        image: image.to_owned(),
        program: "sh".to_owned(),
        args,
        ..CaptureSpec::default()
    })?;
    if captured.code != Some(0) {
        let said = captured.stderr.trim().lines().last().unwrap_or_default();
        let message = format!("the checks did not finish in {image}: {said}");
        return Err(Failure::new(message)
            .hint("they need sh, grep, head and tr in the image")
            .into());
    }
    Ok(verdicts(layer, checks, &captured.stdout))
}

/// The answers, put to what was asked.
fn verdicts(layer: &str, checks: &[LayerCheck], stdout: &str) -> Vec<CheckResult> {
    let mut answers = stdout.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        (parts.next() == Some(ANSWER)).then(|| (parts.next(), parts.next().unwrap_or_default()))
    });
    let tried = |check: &LayerCheck| {
        let (ok, detail) = match &check.ask {
            Err(reason) => (false, reason.clone()),
            Ok(_) => match answers.next() {
                Some((verdict, detail)) => (verdict == Some("ok"), printable(detail)),
                None => (false, "there was no answer".to_owned()),
            },
        };
        CheckResult {
            layer: layer.to_owned(),
            check: check.kind,
            what: check.what.clone(),
            ok,
            detail,
        }
    };
    checks.iter().map(tried).collect()
}

/// A program may say anything, and a terminal obeys some of it.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, command): &(&str, &str)| ((*name).to_owned(), (*command).to_owned());
        all.iter().map(owned).collect()
    }

    #[test]
    fn aliases_come_to_commands() {
        let all = aliases(&[
            ("clippy", "cargo clippy"),
            ("lint", "clippy -- -D 'warn ings'"),
            ("ls", "ls --color"),
            ("a", "b x"),
            ("b", "a y"),
        ]);
        let of = |name: &str| expanded(&all, name).map(|words| words.join("|"));
        assert_eq!(of("lint").unwrap(), "cargo|clippy|--|-D|warn ings");
        assert_eq!(of("ls").unwrap(), "ls|--color");
        assert_eq!(of("a").unwrap_err(), "it is circular: a -> b -> a");
    }

    #[test]
    fn answers_go_to_their_questions() {
        let definition = Definition {
            binaries: vec!["gcc".into(), "cpp".into()],
            paths: vec!["/x".into()],
            aliases: aliases(&[("a", "a2"), ("a2", "a"), ("cc", "gcc -Wall")]),
            ..Definition::default()
        };
        let stdout = "noise\ndkr-check\tok\t/usr/bin/gcc\ndkr-check\tfail\tnot \x1b[31mthere\nmore\ndkr-check\tok\t\n";
        let rows = verdicts("c", &checks(&definition), stdout);
        let shown = |tried: &CheckResult| {
            format!(
                "{} {}: {} {}",
                tried.check, tried.what, tried.ok, tried.detail
            )
        };
        insta::assert_snapshot!(rows.iter().map(shown).collect::<Vec<_>>().join("\n"), @r"
        binary gcc: true /usr/bin/gcc
        binary cpp: false not [31mthere
        path /x: true 
        alias a = a2: false it is circular: a -> a2 -> a
        alias a2 = a: false it is circular: a2 -> a -> a2
        alias cc = gcc -Wall: false there was no answer
        ");
    }
}
