//! Words of an instruction: quotes, escapes and variables.

use std::iter::Peekable;
use std::str::CharIndices;

/// A word with variables in it, not expanded yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Piece>);

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    Variable {
        name: String,
        /// What stands there under a condition.
        otherwise: Option<(Condition, Word)>,
    },
}

/// When a word stands for a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// `-`: the word where the variable is unset; `+`: the word where it is set, else nothing;
    /// `?`: a failure where it is unset, which the word explains.
    pub kind: char,
    /// `:` before it: an empty value counts as unset.
    pub or_empty: bool,
}

/// A word where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexed {
    /// The byte at which it begins.
    pub at: usize,
    /// The word, unquoted where quotes say so.
    pub word: Word,
}

/// What is wrong, and at which byte.
type WordError = (usize, String);

impl Word {
    /// A word without variables.
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// What it says, if no variable has a say in that.
    pub fn plain(&self) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Variable { .. } => None,
        };
        self.0.iter().map(text).collect()
    }

    /// Puts values in; a variable without one is empty. Fails where `${name:?}` asks for that.
    pub fn expand(&self, get: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Variable { name, otherwise } => {
                    text.push_str(&variable(name, otherwise.as_ref(), get)?);
                }
            }
        }
        Ok(text)
    }
}

fn variable(
    name: &str,
    otherwise: Option<&(Condition, Word)>,
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let value = get(name);
    let Some((condition, word)) = otherwise else {
        return Ok(value.unwrap_or_default());
    };
    let value = value.filter(|value| !(condition.or_empty && value.is_empty()));
    match (condition.kind, value) {
        ('+', None) => Ok(String::new()),
        ('+', Some(_)) | ('-', None) => word.expand(get),
        ('?', None) => {
            let why = word.expand(get)?;
            let why = if why.is_empty() { "is not set" } else { &why };
            Err(format!("{name}: {why}"))
        }
        (_, Some(value)) => Ok(value),
        (_, None) => Ok(String::new()),
    }
}

/// Whether this can be a variable's name in a shell.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(in_name)
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The words of a line, apart by white space.
pub fn words(text: &str) -> Result<Vec<Lexed>, WordError> {
    let mut lexer = Lexer::new(text);
    let mut found = Vec::new();
    loop {
        while lexer.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        let Some((at, _)) = lexer.chars.peek() else {
            return Ok(found);
        };
        found.push(Lexed {
            at: *at,
            word: lexer.word(char::is_whitespace)?,
        });
    }
}

/// A whole line as one word.
pub fn value(text: &str) -> Result<Word, WordError> {
    Lexer::new(text).word(|_| false)
}

struct Lexer<'a> {
    chars: Peekable<CharIndices<'a>>,
    /// How many `${` we are in: a bound, as each is a call of ours within another.
    depth: usize,
}

/// More than anybody writes.
const DEEPEST: usize = 32;

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            chars: text.char_indices().peekable(),
            depth: 0,
        }
    }

    /// Reads up to a character that ends it outside of quotes, which stays.
    fn word(&mut self, ends: fn(char) -> bool) -> Result<Word, WordError> {
        let mut word = Word::default();
        while let Some((at, c)) = self.chars.next_if(|(_, c)| !ends(*c)) {
            match c {
                '\'' => self.single(at, &mut word)?,
                '"' => self.double(at, &mut word)?,
                '\\' => {
                    let escaped = self.chars.next();
                    push(&mut word, escaped.map_or('\\', |(_, c)| c));
                }
                '$' => self.dollar(at, &mut word)?,
                c => push(&mut word, c),
            }
        }
        Ok(word)
    }

    fn single(&mut self, open: usize, word: &mut Word) -> Result<(), WordError> {
        // An empty pair is an empty text, too.
        append(word, "");
        loop {
            match self.chars.next() {
                Some((_, '\'')) => return Ok(()),
                Some((_, c)) => push(word, c),
                None => return Err((open, "this ' has no end".to_owned())),
            }
        }
    }

    fn double(&mut self, open: usize, word: &mut Word) -> Result<(), WordError> {
        append(word, "");
        loop {
            match self.chars.next() {
                Some((_, '"')) => return Ok(()),
                Some((_, '\\')) => {
                    let escaped = self.chars.next_if(|(_, c)| matches!(c, '"' | '$' | '\\'));
                    push(word, escaped.map_or('\\', |(_, c)| c));
                }
                Some((at, '$')) => self.dollar(at, word)?,
                Some((_, c)) => push(word, c),
                None => return Err((open, "this \" has no end".to_owned())),
            }
        }
    }

    fn dollar(&mut self, at: usize, word: &mut Word) -> Result<(), WordError> {
        if self.chars.next_if(|(_, c)| *c == '{').is_some() {
            return self.braces(at, word);
        }
        let name = self.name();
        if name.is_empty() {
            push(word, '$');
        } else {
            let otherwise = None;
            word.0.push(Piece::Variable { name, otherwise });
        }
        Ok(())
    }

    fn braces(&mut self, open: usize, word: &mut Word) -> Result<(), WordError> {
        let wrong = |at: usize, message: &str| Err((at, message.to_owned()));
        let name = self.name();
        if !is_name(&name) {
            return wrong(open, "`${` without the name of a variable");
        }
        let or_empty = self.chars.next_if(|(_, c)| *c == ':').is_some();
        let otherwise = match self.chars.next() {
            Some((_, '}')) if !or_empty => None,
            Some((_, kind @ ('-' | '+' | '?'))) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return wrong(open, "too many `${` within each other");
                }
                let word = self.word(|c| c == '}')?;
                self.depth -= 1;
                if self.chars.next().is_none() {
                    return wrong(open, "this `${` has no end");
                }
                Some((Condition { kind, or_empty }, word))
            }
            Some((at, _)) => {
                return wrong(
                    at,
                    "only :-, -, :+, +, :? and ? can follow a variable's name",
                );
            }
            None => return wrong(open, "this `${` has no end"),
        };
        word.0.push(Piece::Variable { name, otherwise });
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| in_name(*c)) {
            name.push(c);
            // `$1` is one digit, and never set.
            if name.len() == 1 && c.is_ascii_digit() {
                break;
            }
        }
        name
    }
}

fn push(word: &mut Word, c: char) {
    append(word, c.encode_utf8(&mut [0; 4]));
}

fn append(word: &mut Word, more: &str) {
    match word.0.last_mut() {
        Some(Piece::Text(text)) => text.push_str(more),
        _ => word.0.push(Piece::Text(more.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Vec<String>, String> {
        let get = |name: &str| match name {
            "A" => Some("a b".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let words = words(text).map_err(|(at, message)| format!("{at}: {message}"))?;
        words.iter().map(|lexed| lexed.word.expand(&get)).collect()
    }

    #[test]
    fn quotes_and_escapes() {
        let read = |text: &str| expanded(text).unwrap();
        assert_eq!(read("one  two\tthree"), ["one", "two", "three"]);
        assert_eq!(read(r#"'a "b' "c 'd" e\ f"#), [r#"a "b"#, "c 'd", "e f"]);
        assert_eq!(read(r#""a\"b\\c\d\$A""#), [r#"a"b\c\d$A"#]);
        assert_eq!(read(r#"a'$A'b"" '' x"#), ["a$Ab", "", "x"]);
    }

    #[test]
    fn variables() {
        let read = |text: &str| expanded(text).unwrap();
        assert_eq!(read("$A-x ${A}x"), ["a b-x", "a bx"], "one word each");
        assert_eq!(read("[$NONE] [$EMPTY]"), ["[]", "[]"]);
        assert_eq!(read("${NONE:-x} ${EMPTY:-x} ${EMPTY-x}"), ["x", "x", ""]);
        assert_eq!(
            read("${A:+x} ${EMPTY:+x} ${EMPTY+x} ${NONE+x}"),
            ["x", "", "x", ""]
        );
        assert_eq!(read("${NONE:-${OTHER:-$A}/x}"), ["a b/x"]);
        assert_eq!(read(r"\$A $ $$ a$"), ["$A", "$", "$$", "a$"]);
        assert_eq!(read("${A:?}"), ["a b"]);
        assert_eq!(
            expanded("${NONE:?must be}"),
            Err("NONE: must be".to_owned())
        );
        assert_eq!(expanded("${NONE?}"), Err("NONE: is not set".to_owned()));
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, expected) in [
            ("a 'b", "2: this ' has no end"),
            ("a \"b", "2: this \" has no end"),
            ("x${A", "1: this `${` has no end"),
            ("x${A:-b", "1: this `${` has no end"),
            ("${}", "0: `${` without the name of a variable"),
            ("${1}", "0: `${` without the name of a variable"),
            (
                "${A%x}",
                "3: only :-, -, :+, +, :? and ? can follow a variable's name",
            ),
        ] {
            assert_eq!(expanded(text), Err(expected.to_owned()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_read(text in "(?s)([$]|[{]|[}]|'|\"|\\\\|:|-|[?]|A|1| |é){0,40}") {
            let _ = words(&text);
            let _ = value(&text);
        }

        #[test]
        fn what_has_no_meaning_is_kept(text in "[a-zé/.,;=@~^]{1,20}") {
            proptest::prop_assert_eq!(value(&text).unwrap().plain(), Some(text));
        }
    }

    #[test]
    fn it_does_not_go_too_deep() {
        let deep = "${A:-".repeat(100_000);
        assert!(words(&deep).is_err());
    }
}
