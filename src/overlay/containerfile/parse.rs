//! Reads a `Containerfile`, and says all that is wrong with it at once.

use std::collections::BTreeSet;

use super::{Containerfile, FetchStep, OverlayStep, StepAction};
use crate::error::{Diagnostic, MOST_DIAGNOSTICS, line_and_column};
use crate::grammar::{self, Instruction, Lexed, Word, is_name, other_escape};
use crate::suggest::nearest;

mod instruction_error;
mod run;

use instruction_error::InstructionError;

/// What an overlay carries out.
const CARRIED_OUT: [&str; 5] = ["ENV", "FETCH", "RUN", "SNAPSHOT", "WORKDIR"];

/// What is read and ignored, and why.
const IGNORED: [(&str, &str); 13] = [
    ("ARG", "use ENV: there are no build arguments"),
    ("CMD", "there is no container to run it in"),
    ("ENTRYPOINT", "there is no container to run it in"),
    ("EXPOSE", "there is no container with ports"),
    ("FROM", "this machine is what the steps change"),
    ("HEALTHCHECK", "there is no container to check"),
    ("LABEL", "there is no image to carry it"),
    ("MAINTAINER", "there is no image to carry it"),
    ("ONBUILD", "there is no image to build on"),
    ("SHELL", "commands are run by /bin/sh"),
    ("STOPSIGNAL", "there is no container to stop"),
    ("USER", "steps run as the user who runs git dkr"),
    ("VOLUME", "there is no container with volumes"),
];

impl Containerfile {
    /// Reads the bytes of a file, whose name is for messages; or all that is wrong with it. Pure;
    /// never panics.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (good, _) = bytes.split_at(error.valid_up_to());
                let good = String::from_utf8_lossy(good);
                let diagnostic = Diagnostic::at_byte(file, &good, good.len(), "this is not UTF-8");
                return Err(vec![diagnostic]);
            }
        };
        let mut reader =
            ContainerfileReader::new(file, text.strip_prefix('\u{feff}').unwrap_or(text));
        reader.read();
        if reader.read.steps.is_empty() && reader.diagnostics.is_empty() {
            let message = "there is no step in it: no RUN, ENV, WORKDIR, FETCH or SNAPSHOT";
            reader.diagnostics.push(Diagnostic::in_file(file, message));
        }
        if reader.diagnostics.is_empty() {
            Ok(reader.read)
        } else {
            Err(reader.diagnostics)
        }
    }
}

struct ContainerfileReader<'a> {
    file: &'a str,
    text: &'a str,
    /// Names of what was said to be ignored.
    said: BTreeSet<&'static str>,
    read: Containerfile,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> ContainerfileReader<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            said: BTreeSet::new(),
            read: Containerfile::default(),
            diagnostics: Vec::new(),
        }
    }

    fn read(&mut self) {
        if let Some(directive) = other_escape(self.text) {
            let message = "only a backslash continues a line here: take this directive out";
            self.wrong(directive.at, message.to_owned());
        }
        let mut start = 0;
        for instruction in grammar::split(self.text) {
            if self.diagnostics.len() >= MOST_DIAGNOSTICS {
                return;
            }
            start += instruction.lead.len();
            if !instruction.keyword.is_empty() {
                self.instruction(start, &instruction);
            }
            start += instruction.body.len();
        }
    }

    /// One that begins at this byte of the text.
    fn instruction(&mut self, start: usize, instruction: &Instruction) {
        let name = instruction.keyword.as_str();
        if let Some((name, why)) = IGNORED.iter().find(|(ignored, _)| *ignored == name) {
            if self.said.insert(name) {
                let (line, _) = line_and_column(self.text, start);
                let remark = format!("{}:{line}: {name} is ignored: {why}", self.file);
                self.read.remarks.push(remark);
            }
            return;
        }
        if !CARRIED_OUT.contains(&name) {
            self.wrong(start, unknown(name));
            return;
        }
        if let Some(reason) = &instruction.unfinished {
            self.wrong(start, format!("this {name} {reason}"));
            return;
        }
        let logical = instruction.logical_line();
        // The name is of ASCII letters: as many bytes in upper case as in lower.
        let rest = logical.get(name.len()..).unwrap_or_default();
        match self.action(instruction, rest) {
            Ok(action) => self.read.steps.push(OverlayStep {
                line: instruction.line + 1,
                text: shown(name, rest),
                action,
            }),
            Err((at, message)) => {
                self.wrong(start + instruction.place(name.len() + at), message);
            }
        }
    }

    fn action(
        &mut self,
        instruction: &Instruction,
        rest: &str,
    ) -> Result<StepAction, InstructionError> {
        match instruction.keyword.as_str() {
            "ENV" => env(rest).map(StepAction::Env),
            "WORKDIR" => {
                let [directory] = exactly(rest, "WORKDIR takes one directory")?;
                Ok(StepAction::Workdir(directory.word))
            }
            "FETCH" => fetch(rest).map(StepAction::Fetch),
            "SNAPSHOT" => {
                let paths = grammar::words(rest)?;
                if paths.is_empty() {
                    return Err((0, "SNAPSHOT takes paths".to_owned()));
                }
                Ok(StepAction::Snapshot(words_of(paths)))
            }
            _ => {
                let (run, ignored) = run::run(rest, &instruction.heredocs)?;
                for name in ignored {
                    if self.said.insert(name) {
                        let (file, line) = (self.file, instruction.line + 1);
                        let remark = format!("{file}:{line}: RUN {name} is ignored");
                        self.read.remarks.push(remark);
                    }
                }
                Ok(StepAction::Run(run))
            }
        }
    }

    fn wrong(&mut self, byte: usize, message: String) {
        let diagnostic = Diagnostic::at_byte(self.file, self.text, byte, message);
        self.diagnostics.push(diagnostic);
    }
}

fn unknown(name: &str) -> String {
    match name {
        "COPY" | "ADD" => {
            format!(
                "{name} has no directory to copy from: use FETCH, or RUN cp of files that are here"
            )
        }
        _ => match nearest(name, &CARRIED_OUT) {
            Some(near) => format!("`{name}` is not an instruction; did you mean {near}?"),
            None => format!(
                "`{name}` is not an instruction; there are {}",
                CARRIED_OUT.join(", ")
            ),
        },
    }
}

/// An instruction in one line. The query of an address may hold a secret.
fn shown(name: &str, rest: &str) -> String {
    let short = |word: &str| match word.split_once('?') {
        Some((address, _)) if name == "FETCH" => format!("{address}?…"),
        _ => word.to_owned(),
    };
    let words: Vec<String> = rest.split_whitespace().map(short).collect();
    format!("{name} {}", words.join(" "))
}

fn words_of(lexed: Vec<Lexed>) -> Vec<Word> {
    lexed.into_iter().map(|lexed| lexed.word).collect()
}

/// As many words as are asked for.
fn exactly<const N: usize>(rest: &str, what: &str) -> Result<[Lexed; N], InstructionError> {
    let words = grammar::words(rest)?;
    let surplus = words.get(N).map_or(rest.len(), |lexed| lexed.at);
    words.try_into().map_err(|_| (surplus, what.to_owned()))
}

/// `KEY=value …`, or `KEY the rest of the line`.
fn env(rest: &str) -> Result<Vec<(String, Word)>, InstructionError> {
    let trimmed = rest.trim_start();
    let start = rest.len() - trimmed.len();
    let first = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
    let (name, value) = trimmed.split_at(first);
    if name.is_empty() {
        return Err((0, "ENV takes NAME=value".to_owned()));
    }
    if !name.contains('=') {
        let name = variable(name, start)?;
        let value = value.trim();
        if value.is_empty() {
            return Err((start, format!("{name} has no value: ENV {name}=value")));
        }
        let at = rest.trim_end().len() - value.len();
        let word = grammar::value(value).map_err(|(byte, message)| (at + byte, message))?;
        return Ok(vec![(name, word)]);
    }
    let pairs = grammar::words(rest)?;
    pairs.into_iter().map(pair).collect()
}

fn pair(lexed: Lexed) -> Result<(String, Word), InstructionError> {
    use grammar::Piece::Text;
    let mut pieces = lexed.word.0;
    let first = match pieces.first_mut() {
        Some(Text(first)) => first,
        _ => {
            return Err((
                lexed.at,
                "the name holds a variable: write NAME=value".to_owned(),
            ));
        }
    };
    let Some((name, value)) = first.split_once('=') else {
        let message = format!("`{first}` is not NAME=value; quote a value with spaces");
        return Err((lexed.at, message));
    };
    let name = variable(name, lexed.at)?;
    *first = value.to_owned();
    Ok((name, Word(pieces)))
}

fn variable(name: &str, at: usize) -> Result<String, InstructionError> {
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        let message = format!("`{name}` cannot be a variable: letters, digits and _ make a name");
        Err((at, message))
    }
}

/// `[--sha256=HEX] [--chmod=MODE] SOURCE DEST`
fn fetch(rest: &str) -> Result<FetchStep, InstructionError> {
    let (mut sha256, mut chmod) = (None, None);
    let mut words = grammar::words(rest)?.into_iter().peekable();
    let option = |lexed: &Lexed| lexed.word.plain().filter(|text| text.starts_with("--"));
    while let Some(text) = words.peek().and_then(option) {
        let at = words.next().map_or(0, |lexed| lexed.at);
        match text.split_once('=') {
            Some(("--sha256", digest)) => sha256 = Some(self::digest(digest, at)?),
            Some(("--chmod", mode)) => chmod = Some(self::mode(mode, at)?),
            _ => {
                let message = format!("`{text}` is not an option of FETCH: --sha256=, --chmod=");
                return Err((at, message));
            }
        }
    }
    let (Some(source), Some(dest), None) = (words.next(), words.next(), words.next()) else {
        return Err((0, "FETCH takes a source and a destination".to_owned()));
    };
    if let Some(text) = source.word.plain() {
        super::DownloadSource::parse(&text).map_err(|message| (source.at, message))?;
    }
    Ok(FetchStep {
        source: source.word,
        dest: dest.word,
        sha256,
        chmod,
    })
}

fn digest(text: &str, at: usize) -> Result<String, InstructionError> {
    let digest = text.strip_prefix("sha256:").unwrap_or(text);
    if digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(digest.to_ascii_lowercase())
    } else {
        let message = format!("`{text}` is not a SHA-256: 64 hexadecimal digits");
        Err((at, message))
    }
}

fn mode(text: &str, at: usize) -> Result<u32, InstructionError> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777 && text.chars().all(|c| c.is_digit(8)))
        .ok_or_else(|| (at, format!("`{text}` is not a mode, such as 755")))
}

#[cfg(test)]
mod tests;
