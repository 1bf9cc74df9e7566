//! `layer.toml`: what a layer is called, needs and provides. Read strictly, every problem at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use toml_edit::{Document, Item, Key, TableLike, Value};

use crate::conf::is_layer_name;
use crate::error::{Diagnostic, MOST_DIAGNOSTICS};
use crate::suggest::nearest;

/// The file's name.
pub const FILE: &str = "layer.toml";

/// An image's tag, short enough that twelve digits of a key fit behind it.
static VERSION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,113}$").ok());
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z_][A-Za-z0-9_]*$").ok());
/// A command's or a library's name, or an absolute path to it.
static PROGRAM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^/?[A-Za-z0-9_][A-Za-z0-9._+/@-]*$").ok());

fn fits(rule: &LazyLock<Option<Regex>>, text: &str) -> bool {
    rule.as_ref().is_some_and(|rule| rule.is_match(text))
}

/// What a `layer.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its name, part of the image's.
    pub name: String,
    /// Its version, the image's tag.
    pub version: String,
    /// A sentence for people.
    pub description: String,
    /// The `ARG`s of its Dockerfile that a user may set, with what they are by default.
    pub args: BTreeMap<String, String>,
    /// Commands that it brings.
    pub binaries: Vec<String>,
    /// Shared libraries that it brings, as the linker knows them.
    pub libraries: Vec<String>,
    /// Absolute paths that it brings.
    pub paths: Vec<String>,
    /// The layers that it is built on.
    pub requires: Vec<Reference>,
    /// The layers that what it provides needs when it runs.
    pub runtime: Vec<Reference>,
    /// Variables of the image; `$NAME` in them is expanded.
    pub environment: BTreeMap<String, String>,
    /// Commands of more than a word, by the name that they go by.
    pub aliases: BTreeMap<String, String>,
}

/// Another layer, by name and perhaps version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// The version that it must have.
    pub version: Option<String>,
    /// Where this was written: a byte of `layer.toml`.
    pub at: usize,
}

/// Reads the text of the `layer.toml` that users know as `file`. What is wrong goes to `diagnostics`;
/// gives what could be read, and `None` when that is not even a name.
pub fn read(file: &str, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Definition> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            diagnostics.push(Diagnostic::at_byte(file, text, at, message));
            return None;
        }
    };
    let before = diagnostics.len();
    let mut reader = DefinitionReader {
        file,
        text,
        diagnostics,
    };
    let definition = reader.definition(document.as_table());
    let whole = diagnostics.len() == before;
    (whole || !definition.name.is_empty()).then_some(definition)
}

struct DefinitionReader<'a> {
    file: &'a str,
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// A place where keys stand.
type Keys<'a> = &'a [&'a str];

const TABLES: Keys = &[
    "layer",
    "provides",
    "requires",
    "runtime",
    "environment",
    "aliases",
];

impl DefinitionReader<'_> {
    fn definition(&mut self, root: &dyn TableLike) -> Definition {
        self.only(root, "", TABLES);
        let mut found = Definition::default();
        if let Some(layer) = self.table(root, "layer") {
            self.only(layer, "layer.", &["name", "version", "description", "args"]);
            found.name = self.word(
                layer,
                "name",
                is_layer_name,
                "lower-case letters, digits and `-`",
            );
            let version = |text: &str| fits(&VERSION, text);
            found.version = self.word(layer, "version", version, "what an image's tag may be");
            if let Some((text, _)) = self.string(layer, "description") {
                found.description = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            found.args = self.pairs(layer, "args", "a build argument");
        } else if !root.contains_key("layer") {
            let message = "there is no [layer] with name and version";
            self.diagnostics
                .push(Diagnostic::in_file(self.file, message));
        }
        if let Some(provides) = self.table(root, "provides") {
            self.only(provides, "provides.", &["binaries", "libraries", "paths"]);
            let program = |text: &str| fits(&PROGRAM, text) && !text.contains("..");
            found.binaries = self.list(provides, "binaries", program, "a command");
            found.libraries = self.list(provides, "libraries", program, "a library");
            let path = |text: &str| text.starts_with('/') && !text.contains(char::is_control);
            found.paths = self.list(provides, "paths", path, "an absolute path");
        }
        found.requires = self.references(root, "requires");
        found.runtime = self.references(root, "runtime");
        found.environment = self.pairs(root, "environment", "a variable");
        found.aliases = self.aliases(root);
        found
    }

    fn wrong(&mut self, span: Option<Range<usize>>, message: String) {
        if self.diagnostics.len() >= MOST_DIAGNOSTICS {
            return;
        }
        let at = span.map_or(0, |span| span.start);
        self.diagnostics
            .push(Diagnostic::at_byte(self.file, self.text, at, message));
    }

    /// Refuses keys that mean nothing here.
    fn only(&mut self, table: &dyn TableLike, place: &str, known: Keys) {
        let unknown: Vec<(Option<Range<usize>>, String)> = table
            .iter()
            .filter(|(name, _)| !known.contains(name))
            .map(|(name, item)| {
                let span = table.key(name).and_then(Key::span).or_else(|| item.span());
                (span, name.to_owned())
            })
            .collect();
        for (span, name) in unknown {
            let advice = nearest(&name, known).map_or_else(
                || format!("there are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.wrong(span, format!("unknown key `{place}{name}`; {advice}"));
        }
    }

    fn table<'t>(&mut self, root: &'t dyn TableLike, name: &str) -> Option<&'t dyn TableLike> {
        let item = root.get(name)?;
        let table = item.as_table_like();
        if table.is_none() {
            self.wrong(item.span(), format!("`{name}` is not a table"));
        }
        table
    }

    /// A string, and where it stands.
    fn string<'t>(
        &mut self,
        table: &'t dyn TableLike,
        name: &str,
    ) -> Option<(&'t str, Option<Range<usize>>)> {
        let item = table.get(name)?;
        match item.as_str() {
            Some(text) => Some((text, item.span())),
            None => {
                let kind = item.type_name();
                self.wrong(
                    item.span(),
                    format!("`{name}` is of type {kind}; write it in quotes"),
                );
                None
            }
        }
    }

    /// A string that must be there and fit; empty where it does not.
    fn word(
        &mut self,
        table: &dyn TableLike,
        name: &str,
        fits: impl Fn(&str) -> bool,
        allowed: &str,
    ) -> String {
        if !table.contains_key(name) {
            let message = format!("[layer] has no `{name}`");
            self.diagnostics
                .push(Diagnostic::in_file(self.file, message));
        }
        match self.string(table, name) {
            Some((text, _)) if fits(text) => text.to_owned(),
            Some((text, span)) => {
                self.wrong(
                    span,
                    format!("`{text}` cannot be the {name} of a layer: {allowed}"),
                );
                String::new()
            }
            None => String::new(),
        }
    }

    fn list(
        &mut self,
        table: &dyn TableLike,
        name: &str,
        fits: impl Fn(&str) -> bool,
        what: &str,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for (text, span) in self.strings(table, name) {
            if fits(&text) {
                found.push(text);
            } else {
                self.wrong(span, format!("`{text}` is not {what}"));
            }
        }
        found
    }

    fn strings(
        &mut self,
        table: &dyn TableLike,
        name: &str,
    ) -> Vec<(String, Option<Range<usize>>)> {
        let Some(item) = table.get(name) else {
            return Vec::new();
        };
        let Some(array) = item.as_array() else {
            self.wrong(item.span(), format!("`{name}` is not a list of strings"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for value in array {
            match value.as_str() {
                Some(text) => found.push((text.to_owned(), value.span())),
                None => self.wrong(value.span(), format!("`{name}` is not a list of strings")),
            }
        }
        found
    }

    fn references(&mut self, root: &dyn TableLike, name: &str) -> Vec<Reference> {
        let Some(table) = self.table(root, name) else {
            return Vec::new();
        };
        self.only(table, &format!("{name}."), &["layers"]);
        let mut found: Vec<Reference> = Vec::new();
        let mut names = BTreeSet::new();
        for (text, span) in self.strings(table, "layers") {
            let (layer, version) = match text.split_once(':') {
                Some((layer, version)) => (layer, Some(version)),
                None => (&*text, None),
            };
            if !is_layer_name(layer) || version.is_some_and(|version| !fits(&VERSION, version)) {
                self.wrong(span, format!("`{text}` is not the name of a layer"));
            } else if !names.insert(layer.to_owned()) {
                self.wrong(span, format!("`{layer}` appears twice"));
            } else {
                found.push(Reference {
                    name: layer.to_owned(),
                    version: version.map(str::to_owned),
                    at: span.map_or(0, |span| span.start),
                });
            }
        }
        found
    }

    /// Names of variables with strings.
    fn pairs(&mut self, root: &dyn TableLike, name: &str, what: &str) -> BTreeMap<String, String> {
        self.entries(root, name, |name, _| {
            if fits(&VARIABLE, name) {
                Ok(())
            } else {
                Err(format!("`{name}` is not the name of {what}"))
            }
        })
    }

    fn aliases(&mut self, root: &dyn TableLike) -> BTreeMap<String, String> {
        self.entries(root, "aliases", |name, command| {
            if !fits(&PROGRAM, name) || name.contains('/') {
                return Err(format!("`{name}` is not the name of a command"));
            }
            match shlex::split(command) {
                Some(words) if !words.is_empty() && !command.contains(char::is_control) => Ok(()),
                Some(_) => Err(format!("the alias `{name}` has no command")),
                None => Err(format!("a quote is not closed in the alias `{name}`")),
            }
        })
    }

    fn entries(
        &mut self,
        root: &dyn TableLike,
        name: &str,
        check: impl Fn(&str, &str) -> Result<(), String>,
    ) -> BTreeMap<String, String> {
        let Some(table) = self.table(root, name) else {
            return BTreeMap::new();
        };
        let mut found = BTreeMap::new();
        for (key, item) in table.iter() {
            let span = table.key(key).and_then(Key::span).or_else(|| item.span());
            match item {
                Item::Value(Value::String(value)) => match check(key, value.value()) {
                    Ok(()) => {
                        found.insert(key.to_owned(), value.value().clone());
                    }
                    Err(message) => self.wrong(span, message),
                },
                _ => self.wrong(
                    item.span(),
                    format!("`{name}.{key}` is not a string; write it in quotes"),
                ),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let mut diagnostics = Vec::new();
        read("a/layer.toml", text, &mut diagnostics);
        diagnostics.sort();
        let lines: Vec<String> = diagnostics.iter().map(Diagnostic::to_string).collect();
        lines.join("\n")
    }

    #[test]
    fn all_of_it_is_read() {
        let text = r#"
[layer]
name = "compiler"
version = "12.2"
description = """C and
C++"""
args = { GCC = "12" }

[provides]
binaries = ["gcc", "/opt/x/bin/c++"]
libraries = ["libstdc++.so.6"]
paths = ["/usr/include"]

[requires]
layers = ["debian-base:bookworm", "ssl-dev"]

[runtime]
layers = ["debian-base"]

[environment]
PATH = "/opt/x/bin:$PATH"

[aliases]
clippy = "cargo clippy"
"#;
        let mut diagnostics = Vec::new();
        let found = read("layer.toml", text, &mut diagnostics).unwrap();
        assert_eq!(diagnostics, []);
        insta::assert_debug_snapshot!(found);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = r#"top = 1
[layer]
name = "Bad Name"
version = 1.0
descripton = "x"
[provides]
binaries = ["ok", "a b", 7]
libraries = "libz"
paths = ["relative"]
[requires]
layers = ["a", "a", "B"]
[environment]
"A-B" = "x"
C = 3
[aliases]
"a/b" = "c"
d = ""
e = "f 'g"
"#;
        insta::assert_snapshot!(problems(text));
    }

    #[test]
    fn so_many_problems_are_told_and_no_more() {
        let layers = "\"A\", ".repeat(50_000);
        let text =
            format!("[layer]\nname = \"a\"\nversion = \"1\"\n[requires]\nlayers = [{layers}]\n");
        assert_eq!(problems(&text).lines().count(), MOST_DIAGNOSTICS);
    }

    #[test]
    fn what_is_no_toml_is_said_with_its_place() {
        assert_eq!(
            problems("[layer]\nname = \"é\" x\n"),
            "a/layer.toml:2:12: unexpected key or value, expected newline, `#`"
        );
        assert_eq!(
            problems(""),
            "a/layer.toml: there is no [layer] with name and version"
        );
    }
}
