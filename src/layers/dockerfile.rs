//! What a layer's Dockerfile stands on, and the text of it that is built. Pure functions.

use std::collections::{BTreeMap, BTreeSet};

use crate::conf::ca;
use crate::grammar::{
    BACKSLASH, Instruction, directives, env_value, escape, other_escape, split, with_run_option,
};

/// The argument by which a layer is told what to stand on.
pub const BASE_IMAGE: &str = "BASE_IMAGE";

/// The most bytes of an argument's value: of a name of an image, mostly.
const LONGEST_VALUE: usize = 4096;

/// An image that a Dockerfile uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromInstruction {
    /// The image, with the defaults of arguments filled in.
    pub image: String,
    /// Whether `BASE_IMAGE` decides it.
    pub by_argument: bool,
    /// The number of its line, from 1.
    pub line: usize,
}

/// What a layer's Dockerfile uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerDockerfile {
    /// The images it starts from or copies from, in their order; its own stages are none of them.
    pub froms: Vec<FromInstruction>,
    /// The instructions that could not be read: line and reason.
    pub problems: Vec<(usize, String)>,
    /// The number of the line of a `# syntax=` directive, from 0.
    pub syntax: Option<usize>,
    /// The image that the result stands on, through its own stages.
    pub bottom: String,
}

/// Reads it under these values of arguments.
pub fn read(text: &str, args: &BTreeMap<String, String>) -> LayerDockerfile {
    let mut found = LayerDockerfile {
        syntax: syntax(text),
        ..LayerDockerfile::default()
    };
    if let Some(directive) = other_escape(text).filter(|found| found.value != "`") {
        let message = format!(
            "`{}` cannot be the escape character: expected a backslash or a backtick",
            directive.value
        );
        found.problems.push((directive.line + 1, message));
    }
    let mut defaults: BTreeMap<String, String> = BTreeMap::new();
    let mut known = BTreeSet::new();
    // Stages, by their names, and the image that each stands on.
    let mut bottoms: BTreeMap<String, String> = BTreeMap::new();
    let mut stage_count = 0;
    for instruction in split(text) {
        let line = instruction.line + 1;
        if let Some(reason) = &instruction.unfinished {
            let message = format!("this {} {reason}", instruction.keyword);
            found.problems.push((line, message));
        }
        let words = words(&instruction);
        match instruction.keyword.as_str() {
            "ARG" if stage_count == 0 => {
                for word in words {
                    let (name, default) = word.split_once('=').unwrap_or((&word, ""));
                    let mut value = match args.get(name) {
                        Some(value) => value.clone(),
                        None => expand(unquote(default), &defaults),
                    };
                    // Each may hold the one before twice.
                    if value.len() > LONGEST_VALUE {
                        let message = format!("the value of {name} is too long");
                        found.problems.push((line, message));
                        value.clear();
                    }
                    defaults.insert(name.to_owned(), value);
                }
            }
            "FROM" => {
                let mut words = words.iter().skip_while(|word| word.starts_with("--"));
                let Some(image) = words.next() else {
                    let message = "FROM names no image".to_owned();
                    found.problems.push((line, message));
                    continue;
                };
                let by_argument = names(image).any(|name| name == BASE_IMAGE);
                let image = expand(unquote(image), &defaults);
                found.uses(&image, by_argument, line, &bottoms, &mut known);
                let own = bottoms.get(&image.to_lowercase());
                found.bottom = own.cloned().unwrap_or(image);
                stage_count += 1;
                if let (Some(word), Some(name)) = (words.next(), words.next())
                    && word.eq_ignore_ascii_case("as")
                {
                    bottoms.insert(name.to_lowercase(), found.bottom.clone());
                }
            }
            "COPY" | "RUN" => {
                let options = words.iter().take_while(|word| word.starts_with("--"));
                for option in options {
                    let from = option
                        .trim_start_matches("--mount=")
                        .trim_start_matches("--")
                        .split(',')
                        .find_map(|part| part.strip_prefix("from="));
                    if let Some(image) = from.filter(|from| from.parse::<usize>().is_err()) {
                        let image = expand(image, &defaults);
                        found.uses(&image, false, line, &bottoms, &mut known);
                    }
                }
            }
            _ => {}
        }
    }
    if stage_count == 0 {
        let message = "there is no FROM".to_owned();
        found.problems.push((1, message));
    }
    found
}

impl LayerDockerfile {
    fn uses(
        &mut self,
        image: &str,
        by_argument: bool,
        line: usize,
        stages: &BTreeMap<String, String>,
        known: &mut BTreeSet<String>,
    ) {
        let own = stages.contains_key(&image.to_lowercase());
        if !own && image != "scratch" && (known.insert(image.to_owned()) || by_argument) {
            self.froms.push(FromInstruction {
                image: image.to_owned(),
                by_argument,
                line,
            });
        }
    }

    /// Whether it can be put on any image.
    pub fn takes_base(&self) -> bool {
        self.froms.iter().any(|from| from.by_argument)
    }
}

/// The words behind an instruction's name, on however many lines they stand.
fn words(instruction: &Instruction) -> Vec<String> {
    let line = instruction.logical_line();
    let rest = line.get(instruction.keyword.len()..);
    rest.unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn unquote(word: &str) -> &str {
    let inner = |quote: char| word.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(word)
}

/// The variables in a word: `$NAME`, `${NAME}` and `${NAME:-default}`, each as a piece of text.
fn pieces(word: &str) -> Vec<Result<&str, (&str, &str)>> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        pieces.push(Ok(before));
        let after = &after[1..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if let Some((inner, left)) = after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
            pieces.push(Err((name, default)));
            rest = left;
        } else {
            let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
            pieces.push(Err((&after[..end], "")));
            rest = &after[end..];
        }
    }
    pieces.push(Ok(rest));
    pieces
}

fn names(word: &str) -> impl Iterator<Item = &str> {
    pieces(word)
        .into_iter()
        .filter_map(|piece| piece.err().map(|(name, _)| name))
}

fn expand(word: &str, values: &BTreeMap<String, String>) -> String {
    let value = |piece: Result<&str, (&str, &str)>| match piece {
        Ok(text) => text.to_owned(),
        Err((name, default)) => {
            let value = values.get(name).filter(|value| !value.is_empty());
            value.map_or(default, String::as_str).to_owned()
        }
    };
    pieces(word).into_iter().map(value).collect()
}

fn syntax(text: &str) -> Option<usize> {
    let found = directives(text).find(|found| found.is("syntax"));
    found.map(|found| found.line)
}

/// The same text without the line of its `# syntax=`.
pub fn without_syntax(text: &str) -> String {
    let Some(line) = syntax(text) else {
        return text.to_owned();
    };
    let lines = text.split_inclusive('\n').enumerate();
    lines
        .filter(|(index, _)| *index != line)
        .map(|(_, line)| line)
        .collect()
}

/// What is built: the layer's own text, with its variables for good, and extra CA certificates
/// within the reach of each step where there are some.
pub fn to_build(text: &str, environment: &BTreeMap<String, String>, ca: bool) -> String {
    let mut built = if ca { with_ca(text) } else { text.to_owned() };
    if !built.ends_with('\n') {
        built.push('\n');
    }
    built + &env_lines(environment, escape(text))
}

/// Variables for good; what they had before is expanded in them.
pub fn variables(environment: &BTreeMap<String, String>) -> String {
    env_lines(environment, BACKSLASH)
}

fn env_lines(environment: &BTreeMap<String, String>, escape: char) -> String {
    let line = |(name, value): (&String, &String)| {
        // A line break would end the instruction.
        let value = value.replace(char::is_control, " ");
        format!("ENV {name}={}\n", env_value(&value, escape))
    };
    environment.iter().map(line).collect()
}

/// The user that its last stage ends as, when it says so.
pub fn last_user(text: &str) -> Option<String> {
    let mut user = None;
    for instruction in split(text) {
        match instruction.keyword.as_str() {
            "FROM" => user = None,
            "USER" => user = words(&instruction).into_iter().next(),
            _ => {}
        }
    }
    user
}

fn with_ca(text: &str) -> String {
    let args: String = ca::VARIABLES
        .iter()
        .map(|name| format!("ARG {name}={}\n", ca::MOUNTED))
        .collect();
    let with_args = |instruction: Instruction| {
        let mut text = instruction.lead + &instruction.body;
        if instruction.keyword == "FROM" {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&args);
        }
        text
    };
    let text: String = split(text).into_iter().map(with_args).collect();
    with_run_option(&text, ca::MOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str) -> Vec<String> {
        let found = read(text, &BTreeMap::new());
        assert_eq!(found.problems, [], "{text}");
        let shown = |from: FromInstruction| {
            format!(
                "{}:{}{}",
                from.line,
                from.image,
                if from.by_argument { " *" } else { "" }
            )
        };
        found.froms.into_iter().map(shown).collect()
    }

    #[test]
    fn arguments_do_not_grow_without_end() {
        let doubled = |n: u32| format!("ARG A{n}=$A{0}$A{0}\n", n - 1);
        let text: String = (1..80).map(doubled).collect();
        let text = format!("ARG A0=debian\n{text}FROM $A79\n");
        let problems = read(&text, &BTreeMap::new()).problems;
        assert!(problems[0].1.contains("too long"), "{problems:?}");
    }

    #[test]
    fn what_it_stands_on() {
        assert_eq!(images("FROM debian:12\n"), ["1:debian:12"]);
        assert_eq!(
            images(
                "# syntax=docker/dockerfile:1\nARG BASE_IMAGE=alpine:3.20\nFROM ${BASE_IMAGE} AS x\nRUN a\n"
            ),
            ["3:alpine:3.20 *"]
        );
        assert_eq!(
            images("ARG V=12\nARG BASE_IMAGE=debian:$V\nFROM --platform=$X \"$BASE_IMAGE\"\n"),
            ["3:debian:12 *"]
        );
        assert_eq!(
            images(
                "from p/a:1 as Build\nRUN x\nFROM scratch\nCOPY --from=build /a /b\nCOPY --from=p/c:2 --chown=1 /a /b\nCOPY --from=0 a b\nRUN --mount=type=bind,from=p/d:1,target=/x true\n"
            ),
            ["1:p/a:1", "5:p/c:2", "7:p/d:1"]
        );
        assert_eq!(images("FROM debian:${V:-12}\n"), ["1:debian:12"]);
        assert_eq!(
            images("FROM \\\n  # a comment\n  debian:12\n"),
            ["1:debian:12"]
        );
    }

    #[test]
    fn another_escape_character_is_honoured() {
        let text = "# escape=`\nARG BASE_IMAGE=a\nFROM `\n  $BASE_IMAGE `\n  AS x\nRUN dir c:\\\nUSER `\n  me\n";
        assert_eq!(images(text), ["3:a *"]);
        assert_eq!(last_user(text).as_deref(), Some("me"));
        let environment = [("Q".to_owned(), "a \"b\" `c \\".to_owned())].into();
        let built = to_build(text, &environment, true);
        assert!(
            built.ends_with("USER `\n  me\nENV Q=\"a `\"b`\" ``c \\\"\n"),
            "{built}"
        );
        assert!(built.contains(" dir c:\\\nUSER"), "{built}");
        let args = built.matches("ARG SSL_CERT_FILE").count();
        assert_eq!((args, built.matches("RUN --mount").count()), (1, 1));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let problems = |text: &str| read(text, &BTreeMap::new()).problems;
        assert_eq!(problems("RUN a\n"), [(1, "there is no FROM".to_owned())]);
        assert_eq!(
            problems("FROM a\n\nRUN b \\\n"),
            [(3, "this RUN ends in a backslash".to_owned())]
        );
        assert_eq!(problems("FROM\n")[0].1, "FROM names no image");
        let escape = "`x` cannot be the escape character: expected a backslash or a backtick";
        assert_eq!(problems("# escape=x\nFROM a\n"), [(1, escape.to_owned())]);
    }

    #[test]
    fn a_syntax_line_can_be_left_out() {
        let text = "# escape=\\\n# Syntax = docker/dockerfile:1\nFROM a\n";
        assert_eq!(without_syntax(text), "# escape=\\\nFROM a\n");
        let none = "# a comment\n# syntax=x\nFROM a\n# syntax=x\n";
        assert_eq!(without_syntax(none), none);
    }

    #[test]
    fn what_is_built() {
        let text = "ARG BASE_IMAGE=a\nFROM $BASE_IMAGE\nRUN x \\\n  y\nFROM b\nRUN z";
        let environment = [("PATH", "/x:$PATH"), ("Q", "a \"b\"\\\n")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        insta::assert_snapshot!(to_build(text, &environment.into(), true));
    }
}
