//! Where one Dockerfile instruction ends and the next begins, as far as splicing raw lines into
//! our own text needs it: continuation lines, comments inside them, and here-documents.
//! The grammar is that of BuildKit's `frontend/dockerfile/parser`.

use std::sync::LazyLock;

use regex::Regex;

use super::file::nearest;

const KNOWN: [&str; 16] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

static HEREDOC: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<<-?\s*(["']?)([A-Za-z_][A-Za-z0-9_]*)(["']?)"#).ok());

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its first line, counted from 0 in the text.
    pub line: usize,
    /// Its name in upper case; empty for comments at the end.
    pub keyword: String,
    /// Comments and blank lines before it.
    pub lead: String,
    /// All of its lines, each with its newline, from its name on.
    pub body: String,
    /// What it waits for when the text ends too early.
    pub unfinished: Option<String>,
}

/// Splits raw lines. Joining all `lead`s and `body`s gives the input back.
pub fn split(text: &str) -> Vec<Instruction> {
    let mut found = Vec::new();
    let mut lines = text.split_inclusive('\n').enumerate();
    let mut lead = String::new();
    while let Some((line, raw)) = lines.next() {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            lead.push_str(raw);
            continue;
        }
        let keyword: String = trimmed
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '\\')
            .flat_map(char::to_uppercase)
            .collect();
        let start = raw.trim_start();
        lead.push_str(&raw[..raw.len() - start.len()]);
        let mut instruction = Instruction {
            line,
            keyword,
            lead: std::mem::take(&mut lead),
            body: start.to_owned(),
            unfinished: None,
        };
        let mut logical = String::new();
        let mut last = raw;
        // A comment or a blank line does not end a continued instruction.
        while continues(last, &mut logical) {
            match lines.next() {
                Some((_, next)) => {
                    instruction.body.push_str(next);
                    last = next;
                }
                None => {
                    instruction.unfinished = Some("ends in a backslash".to_owned());
                    break;
                }
            }
        }
        for end in heredocs(&instruction.keyword, &logical) {
            let body = lines.by_ref().find_map(|(_, next)| {
                instruction.body.push_str(next);
                (next.trim_end_matches(['\n', '\r']).trim_start_matches('\t') == end).then_some(())
            });
            if body.is_none() {
                instruction.unfinished = Some(format!("has no line `{end}` that ends its text"));
            }
        }
        found.push(instruction);
    }
    if !lead.is_empty() {
        found.push(Instruction {
            line: text.lines().count(),
            keyword: String::new(),
            lead,
            body: String::new(),
            unfinished: None,
        });
    }
    found
}

/// The same text with an option (ending in a space) put into each RUN.
pub fn with_run_option(text: &str, option: &str) -> String {
    split(text)
        .into_iter()
        .map(|instruction| {
            let rest = instruction.body.get(instruction.keyword.len()..);
            match (instruction.keyword.as_str(), rest) {
                ("RUN", Some(rest)) => {
                    let rest = rest.trim_start_matches([' ', '\t']);
                    format!("{}RUN {option}{rest}", instruction.lead)
                }
                _ => instruction.lead + &instruction.body,
            }
        })
        .collect()
}

/// Adds a line to the logical one and says whether another follows.
fn continues(raw: &str, logical: &mut String) -> bool {
    let line = raw.trim_end();
    let skipped = line.trim_start().is_empty() || line.trim_start().starts_with('#');
    if skipped && !logical.is_empty() {
        return true;
    }
    match line.strip_suffix('\\') {
        Some(part) => {
            logical.push_str(part);
            true
        }
        None => {
            logical.push_str(line);
            false
        }
    }
}

fn heredocs(keyword: &str, logical: &str) -> Vec<String> {
    if !matches!(keyword, "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    HEREDOC
        .iter()
        .flat_map(|rule| rule.captures_iter(logical))
        .filter(|found| found[1] == found[3])
        .map(|found| found[2].to_owned())
        .collect()
}

/// What is wrong with raw lines that are to stand inside our Dockerfile: line and message.
pub(super) fn check(text: &str) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    for instruction in split(text) {
        let name = instruction.keyword.as_str();
        let message = match name {
            "" => continue,
            "FROM" => Some("FROM would start another image; set base_image instead".to_owned()),
            "ENTRYPOINT" => {
                Some("ENTRYPOINT is git dkr's own; give start-image a command instead".to_owned())
            }
            _ if KNOWN.contains(&name) => instruction
                .unfinished
                .map(|reason| format!("this {name} {reason}")),
            _ => Some(match nearest(name, &KNOWN) {
                Some(near) => format!("`{name}` is no instruction; did you mean {near}?"),
                None => format!("`{name}` is no instruction of a Dockerfile"),
            }),
        };
        problems.extend(message.map(|message| (instruction.line, message)));
    }
    problems
}
