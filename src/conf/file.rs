//! The shape of `.dkr.conf`: `key = value` lines, then sections of raw Dockerfile lines.

use super::value::{Position, ValueOrigin};
use super::{instructions, keys};
use crate::error::{Diagnostic, MOST_DIAGNOSTICS};
use crate::suggest::nearest;

const SECTIONS: [&str; 2] = ["pre_clone", "post_clone"];

/// Raw Dockerfile lines of one section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The lines as they stand, each ending in a newline; empty when there are none.
    pub text: String,
    /// The number of the first of them in the file.
    pub first_line: usize,
}

/// One `key = value` line.
#[derive(Debug, Clone)]
pub(super) struct ConfEntry {
    pub key: String,
    pub value: String,
    pub at: Position,
}

/// The file, not yet understood.
#[derive(Debug, Default)]
pub(super) struct ConfFile {
    pub entries: Vec<ConfEntry>,
    sections: Vec<(String, Section)>,
}

impl ConfFile {
    /// Takes a section out and looks its instructions over.
    pub(super) fn take_section(
        &mut self,
        name: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Section {
        let Some(at) = self.sections.iter().position(|(found, _)| found == name) else {
            return Section::default();
        };
        let (_, section) = self.sections.remove(at);
        for (line, message) in instructions::check(&section.text) {
            let place = Position {
                line: section.first_line + line,
                column: 1,
            };
            diagnostics.push(ValueOrigin::File(place).diagnostic(format!("[{name}] {message}")));
        }
        section
    }
}

/// Reads the lines. Whatever is wrong goes to `diagnostics`, and the rest is still read.
pub(super) fn parse(text: &str, diagnostics: &mut Vec<Diagnostic>) -> ConfFile {
    let mut file = ConfFile::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, raw) in text.lines().enumerate() {
        if diagnostics.len() >= MOST_DIAGNOSTICS {
            break;
        }
        let line = raw.trim();
        let at = Position {
            line: index + 1,
            column: 1 + raw.chars().take_while(|c| c.is_whitespace()).count(),
        };
        if let Some(name) = section_name(line) {
            open_section(&mut file, name, at, diagnostics);
        } else if let Some((_, section)) = file.sections.last_mut() {
            section.text.push_str(raw.trim_end_matches('\r'));
            section.text.push('\n');
        } else if !line.is_empty() && !line.starts_with('#') {
            read_entry(&mut file, raw, at, diagnostics);
        }
    }
    for (_, section) in &mut file.sections {
        if section.text.trim().is_empty() {
            section.text.clear();
        }
    }
    file
}

/// `[name]` alone on a line, of a word: `[ -d x ]` in a shell line is none.
fn section_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!name.is_empty() && name.chars().all(word)).then_some(name)
}

fn open_section(file: &mut ConfFile, name: &str, at: Position, diagnostics: &mut Vec<Diagnostic>) {
    if !SECTIONS.contains(&name) {
        let known = nearest(name, &SECTIONS).map_or_else(
            || format!("there are [{}]", SECTIONS.join("] and [")),
            |near| format!("did you mean [{near}]?"),
        );
        diagnostics
            .push(ValueOrigin::File(at).diagnostic(format!("unknown section [{name}]; {known}")));
    } else if file.sections.iter().any(|(found, _)| found == name) {
        diagnostics
            .push(ValueOrigin::File(at).diagnostic(format!("section [{name}] appears twice")));
    }
    let section = Section {
        text: String::new(),
        first_line: at.line + 1,
    };
    file.sections.push((name.to_owned(), section));
}

fn read_entry(file: &mut ConfFile, raw: &str, at: Position, diagnostics: &mut Vec<Diagnostic>) {
    let Some((key, value)) = raw.split_once('=') else {
        let message = format!(
            "expected `key = value` or a [section], found `{}`",
            raw.trim()
        );
        diagnostics.push(ValueOrigin::File(at).diagnostic(message));
        return;
    };
    let key_name = key.trim();
    let value_at = Position {
        line: at.line,
        column: 2 + key.chars().count() + value.chars().take_while(|c| c.is_whitespace()).count(),
    };
    let keys: Vec<&str> = keys::in_file().collect();
    if let Some(setting) = keys::of_machine(key_name) {
        let message =
            format!("`{key_name}` is the user's to say, by {setting}, and no repository's");
        diagnostics.push(ValueOrigin::File(at).diagnostic(message));
    } else if !keys.contains(&key_name) {
        let known = nearest(key_name, &keys).map_or_else(
            || format!("known keys: {}", keys.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        diagnostics
            .push(ValueOrigin::File(at).diagnostic(format!("unknown key `{key_name}`; {known}")));
    } else if let Some(first) = file.entries.iter().find(|entry| entry.key == key_name) {
        let message = format!("`{key_name}` is already set in line {}", first.at.line);
        diagnostics.push(ValueOrigin::File(at).diagnostic(message));
    } else {
        file.entries.push(ConfEntry {
            key: key_name.to_owned(),
            value: value.trim().to_owned(),
            at: value_at,
        });
    }
}
