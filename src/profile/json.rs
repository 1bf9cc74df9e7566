//! JSON as Python's `json` module reads it, kept whole: integers of any length, the difference
//! between `1` and `1.0`, lone surrogates, keys that stand twice. No crate keeps all of that, and
//! the id of a profile depends on all of it.

use std::fmt;

/// How deep values may stand in each other; Python itself ends near 1,000.
const DEPTH: usize = 500;
/// Python refuses integers of more digits.
const DIGITS: usize = 4300;

/// A text as Python holds it: code points, lone surrogates among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PythonString(Vec<u32>);

impl PythonString {
    pub(super) fn points(&self) -> &[u32] {
        &self.0
    }

    /// As a string, unless a surrogate stands alone in it.
    pub(super) fn to_text(&self) -> Option<String> {
        self.0.iter().map(|point| char::from_u32(*point)).collect()
    }
}

impl From<&str> for PythonString {
    fn from(text: &str) -> Self {
        Self(text.chars().map(u32::from).collect())
    }
}

impl fmt::Display for PythonString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |point: &u32| char::from_u32(*point).unwrap_or(char::REPLACEMENT_CHARACTER);
        f.write_str(&self.0.iter().map(shown).collect::<String>())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number without point and exponent: its digits, as Python prints them.
    Integer(String),
    /// Any other number; `NaN` and `Infinity` too, which Python takes.
    Float(f64),
    Text(PythonString),
    List(Vec<Json>),
    /// An object, in its order; a key may stand twice.
    Object(Vec<(PythonString, Json)>),
}

impl Json {
    /// The kind of value, as a message names it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// What an object holds under a key: the last one wins, as in Python.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        let Self::Object(pairs) = self else {
            return None;
        };
        let key = PythonString::from(key);
        let found = pairs.iter().rev().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }
}

/// Why a text is not one JSON value, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonError {
    pub at: usize,
    pub message: String,
}

/// Reads a text that is one value, with white space around it at most.
pub(super) fn parse(text: &str) -> Result<Json, JsonError> {
    let mut parser = JsonParser { text, at: 0 };
    parser.space();
    let value = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.wrong("there is more text after the value")),
    }
}

struct JsonParser<'a> {
    text: &'a str,
    at: usize,
}

impl JsonParser<'_> {
    fn wrong(&self, message: impl Into<String>) -> JsonError {
        JsonError {
            at: self.at,
            message: message.into(),
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over this byte when it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if depth > DEPTH {
            return Err(self.wrong(format!("values are nested more than {DEPTH} deep")));
        }
        if let Some(value) = self.word() {
            return Ok(value);
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.wrong("expected a JSON value")),
            None => Err(self.wrong("expected a JSON value, but the text ends")),
        }
    }

    // Apart, as what holds others must take little of the stack.
    fn word(&mut self) -> Option<Json> {
        for (word, value) in [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("NaN", Json::Float(f64::NAN)),
            ("Infinity", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
        ] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Some(value);
            }
        }
        None
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::List(values));
        }
        loop {
            self.space();
            values.push(self.value(depth + 1)?);
            self.space();
            if self.eat(b']') {
                return Ok(Json::List(values));
            }
            if !self.eat(b',') {
                return Err(self.wrong("expected `,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.at += 1;
        let mut pairs = Vec::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(pairs));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("expected a key in double quotes"));
            }
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(self.wrong("expected `:`"));
            }
            self.space();
            pairs.push((key, self.value(depth + 1)?));
            self.space();
            if self.eat(b'}') {
                return Ok(Json::Object(pairs));
            }
            if !self.eat(b',') {
                return Err(self.wrong("expected `,` or `}`"));
            }
        }
    }

    fn string(&mut self) -> Result<PythonString, JsonError> {
        self.at += 1;
        let mut points = Vec::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.wrong("the text ends in the middle of a string"));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(PythonString(points));
                }
                '\\' => points.push(self.escape()?),
                '\0'..='\x1f' => {
                    return Err(self.wrong("a control character must be escaped in a string"));
                }
                c => {
                    self.at += c.len_utf8();
                    points.push(u32::from(c));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<u32, JsonError> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        let point = match letter {
            Some(letter @ (b'"' | b'\\' | b'/')) => u32::from(letter),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => 10,
            Some(b'r') => 13,
            Some(b't') => 9,
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("JSON has no such escape")),
        };
        self.at += 2;
        Ok(point)
    }

    /// `\u` and four digits; two of them where both together are one character.
    fn unicode(&mut self) -> Result<u32, JsonError> {
        let first = self.unit(0);
        let first = first.ok_or_else(|| self.wrong("four hexadecimal digits must follow `\\u`"))?;
        self.at += 6;
        if (0xd800..0xdc00).contains(&first)
            && let Some(second @ 0xdc00..0xe000) = self.unit(0)
        {
            self.at += 6;
            return Ok(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        }
        Ok(first)
    }

    /// The number behind `\u` so many bytes on.
    fn unit(&self, ahead: usize) -> Option<u32> {
        let digits = self.rest().get(ahead..)?.strip_prefix("\\u")?.get(..4)?;
        let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.eat(b'-');
        // No number begins with a zero but zero itself.
        let whole = if self.eat(b'0') { 1 } else { self.digits() };
        if whole == 0 {
            return Err(self.wrong("expected a digit"));
        }
        let mut float = false;
        let rest = self.rest().as_bytes();
        if rest.first() == Some(&b'.') && rest.get(1).is_some_and(u8::is_ascii_digit) {
            float = true;
            self.at += 1;
            self.digits();
        }
        let rest = self.rest().as_bytes();
        if matches!(rest.first(), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(rest.get(1), Some(b'+' | b'-')));
            if rest.get(1 + signed).is_some_and(u8::is_ascii_digit) {
                float = true;
                self.at += 1 + signed;
                self.digits();
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if float {
            let value = text
                .parse()
                .map_err(|_| self.wrong("the number is malformed"))?;
            return Ok(Json::Float(value));
        }
        if whole > DIGITS {
            return Err(self.wrong(format!("an integer of more than {DIGITS} digits")));
        }
        let text = if text == "-0" { "0" } else { text };
        Ok(Json::Integer(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_one_value_is_refused_where_it_goes_wrong() {
        for (text, at) in [
            ("", 0),
            ("{} {}", 3),
            ("{}x", 2),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("{'a':1}", 1),
            ("{\"a\" 1}", 5),
            ("01", 1),
            ("1.", 1),
            ("1.e3", 1),
            ("1e", 1),
            ("-", 1),
            ("+1", 0),
            ("tru", 0),
            ("\"a", 2),
            ("\"\n\"", 1),
            ("\"\\x\"", 1),
            ("\"\\u12g4\"", 1),
            ("\"\\u+123\"", 1),
            ("\u{feff}{}", 0),
            ("nul", 0),
        ] {
            assert_eq!(parse(text).map_err(|wrong| wrong.at), Err(at), "{text:?}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&"9".repeat(4301)).is_err());
    }

    #[test]
    fn the_last_of_two_keys_counts() {
        let json = parse(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        assert_eq!(json.get("a"), Some(&Json::Integer("3".into())));
        assert_eq!(json.get("c"), None);
        assert_eq!(json.kind(), "an object");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in "([\\[\\]{}:,\"\\\\u0-9a-e. -]|null|é){0,30}") {
            let _ = parse(&text);
        }

        /// What serde_json reads, this reads.
        #[test]
        fn strings_are_read_as_others_read_them(text in "\\PC{0,20}") {
            let json = serde_json::to_string(&text).unwrap();
            proptest::prop_assert_eq!(parse(&json), Ok(Json::Text(PythonString::from(text.as_str()))));
        }
    }
}
