//! The environment that a `Containerfile` sets, for its steps and for later shells. Pure functions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::grammar::{Piece, Word};

/// Linux takes no longer variable (`MAX_ARG_STRLEN`).
const LONGEST: usize = 128 * 1024;

/// Variables in the order in which they were first set.
///
/// A value keeps what it takes from the machine (`/opt/bin:$PATH`) as a variable, so that a shell
/// on another machine puts its own in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(Vec<(String, Word)>);

impl Environment {
    /// Sets variables all at once: none sees the new value of another. Fails where one is longer than
    /// what a program can be given.
    pub fn set(&mut self, pairs: &[(String, Word)]) -> Result<(), String> {
        let own: BTreeMap<String, Word> = self.0.iter().cloned().collect();
        for (name, word) in pairs {
            let word = resolve(word, &own);
            if length(&word) > LONGEST {
                return Err(format!(
                    "the value of {name} is too long: over {LONGEST} bytes"
                ));
            }
            match self.0.iter_mut().find(|(other, _)| other == name) {
                Some((_, old)) => *old = word,
                None => self.0.push((name.clone(), word)),
            }
        }
        Ok(())
    }

    /// Whether it sets nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that this word has here, under the machine's own variables.
    pub fn expand(
        &self,
        word: &Word,
        machine: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let own: BTreeMap<String, Word> = self.0.iter().cloned().collect();
        resolve(word, &own).expand(machine)
    }

    /// Names and values, under the machine's own variables.
    pub fn values(
        &self,
        machine: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<(String, String)>, String> {
        let value = |(name, word): &(String, Word)| Ok((name.clone(), word.expand(machine)?));
        self.0.iter().map(value).collect()
    }

    /// Names and values as one would write them in a shell.
    pub fn symbols(&self) -> Vec<(String, String)> {
        let symbol = |(name, word): &(String, Word)| (name.clone(), quoted(word));
        self.0.iter().map(symbol).collect()
    }

    /// What sets it in a shell; empty when there is nothing to set. One command, as no value may see
    /// what another has just set.
    pub fn posix(&self) -> String {
        let mut text = String::new();
        for (name, word) in &self.0 {
            let before = if text.is_empty() {
                "export"
            } else {
                " \\\n   "
            };
            let _ = write!(text, "{before} {name}=\"{}\"", quoted(word));
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// Bytes of a word's text.
fn length(word: &Word) -> usize {
    let of = |piece: &Piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Variable { name, otherwise } => {
            name.len() + otherwise.as_ref().map_or(0, |(_, word)| length(word))
        }
    };
    word.0.iter().map(of).sum()
}

/// What sets these values in fish.
pub fn fish(values: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| {
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        format!("set -gx {name} '{value}'\n")
    };
    values.iter().map(line).collect()
}

/// The word with our own variables put in; those of the machine stay.
fn resolve(word: &Word, own: &BTreeMap<String, Word>) -> Word {
    let mut pieces = Vec::new();
    for piece in &word.0 {
        let Piece::Variable { name, otherwise } = piece else {
            pieces.push(piece.clone());
            continue;
        };
        match (own.get(name), otherwise) {
            (Some(value), None) => pieces.extend(value.0.iter().cloned()),
            (Some(value), Some((condition, word))) => {
                let empty = value.plain().is_some_and(|text| text.is_empty());
                let word = resolve(word, own);
                match (condition.kind, condition.or_empty && empty) {
                    ('+', true) => {}
                    ('+', false) | ('-', true) => pieces.extend(word.0),
                    // It fails, unless the machine has it.
                    ('?', true) => pieces.push(Piece::Variable {
                        name: name.clone(),
                        otherwise: Some((*condition, word)),
                    }),
                    _ => pieces.extend(value.0.iter().cloned()),
                }
            }
            (None, otherwise) => {
                let otherwise = otherwise
                    .as_ref()
                    .map(|(condition, word)| (*condition, resolve(word, own)));
                let name = name.clone();
                pieces.push(Piece::Variable { name, otherwise });
            }
        }
    }
    Word(pieces)
}

/// A word between double quotes of a shell.
fn quoted(word: &Word) -> String {
    let mut text = String::new();
    quote(word, "\"\\$`", &mut text);
    text
}

fn quote(word: &Word, special: &str, text: &mut String) {
    for piece in &word.0 {
        match piece {
            Piece::Text(part) => {
                for c in part.chars() {
                    if c == '\'' && special.contains('}') {
                        // Inside of braces bash looks for a second one, in double quotes too.
                        text.push_str("$(printf \"\\047\")");
                        continue;
                    }
                    text.extend(special.contains(c).then_some('\\'));
                    text.push(c);
                }
            }
            // With `-`, a shell that wants no unset variable lets it pass.
            Piece::Variable {
                name,
                otherwise: None,
            } => {
                let _ = write!(text, "${{{name}-}}");
            }
            Piece::Variable {
                name,
                otherwise: Some((condition, word)),
            } => {
                let colon = if condition.or_empty { ":" } else { "" };
                let _ = write!(text, "${{{name}{colon}{}", condition.kind);
                quote(word, "\"\\$`}", text);
                text.push('}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::value;

    fn after(lines: &[&[(&str, &str)]]) -> Environment {
        let mut environment = Environment::default();
        for line in lines {
            let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), value(text).unwrap());
            let pairs: Vec<_> = line.iter().map(pair).collect();
            environment.set(&pairs).unwrap();
        }
        environment
    }

    fn values(environment: &Environment) -> Vec<String> {
        let machine = |name: &str| (name == "PATH").then(|| "/bin".to_owned());
        let values = environment.values(&machine).unwrap();
        values
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    #[test]
    fn what_the_machine_has_stays_a_variable() {
        let environment = after(&[
            &[("PATH", "/a:$PATH")],
            &[("PATH", "/b:$PATH"), ("OLD", "$PATH")],
            &[("X", "\"$\"`\\"), ("Y", "${X:+set}${EMPTY:-${Z:-\\}}}")],
        ]);
        assert_eq!(
            values(&environment),
            ["PATH=/b:/a:/bin", "OLD=/a:/bin", "X=$`\\", "Y=}"]
        );
        insta::assert_snapshot!(environment.posix(), @r#"
        export PATH="/b:/a:${PATH-}" \
            OLD="/a:${PATH-}" \
            X="\$\`\\" \
            Y="${X:+set}${EMPTY:-${Z:-\}}}"
        "#);
        assert_eq!(
            fish(&[("X".into(), "a'b\\".into())]),
            "set -gx X 'a\\'b\\\\'\n"
        );
    }

    #[test]
    fn what_doubles_and_doubles_ends() {
        let mut environment = after(&[&[("A", "xxxxxxxx")]]);
        let double = [("A".to_owned(), value("$A$A").unwrap())];
        let ends = (0..40).any(|_| environment.set(&double).is_err());
        assert!(ends);
    }

    #[test]
    fn conditions_on_what_is_set_here() {
        let environment = after(&[
            &[("E", ""), ("F", "f")],
            &[
                ("A", "${E:-a}${E-b}${E:+c}${E+d}"),
                ("B", "${F:-a}${F:+c}${F:?no}"),
            ],
        ]);
        assert_eq!(values(&environment)[2..], ["A=ad", "B=fcf"]);
        assert!(
            after(&[&[("E", "")], &[("A", "${E:?no}")]])
                .values(&|_| None)
                .is_err()
        );
    }
}
