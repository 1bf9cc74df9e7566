//! What is wrong in what a user wrote: several things of one input, told at once.

use std::fmt;

/// So many are told of one input: whoever makes more has another file in mind.
pub(crate) const MOST_DIAGNOSTICS: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    location: SourceLocation,
    message: String,
}

/// Where it is. What is not in a file comes last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SourceLocation {
    /// A file, as the user knows it; line and column, both counted from 1, the column in characters.
    File(String, Option<(usize, usize)>),
    /// What is no file, such as a variable of the environment.
    Elsewhere(String),
}

impl Diagnostic {
    /// In `text`, which is all of `file`, at this byte.
    pub fn at_byte(file: &str, text: &str, byte: usize, message: impl Into<String>) -> Self {
        Self::at(file, line_and_column(text, byte), message)
    }

    /// At a line and column of a file.
    pub fn at(file: &str, (line, column): (usize, usize), message: impl Into<String>) -> Self {
        Self {
            location: SourceLocation::File(file.to_owned(), Some((line, column))),
            message: message.into(),
        }
    }

    /// In no particular place of a file.
    pub fn in_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            location: SourceLocation::File(file.to_owned(), None),
            message: message.into(),
        }
    }

    /// In what is no file: `origin` says what it is.
    pub fn elsewhere(origin: impl fmt::Display, message: impl Into<String>) -> Self {
        Self {
            location: SourceLocation::Elsewhere(origin.to_string()),
            message: message.into(),
        }
    }
}

/// Line and column of a byte of a text, both counted from 1, the column in characters.
pub(crate) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.get(line_start..).unwrap_or("").chars().count();
    (line, column)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            SourceLocation::File(file, Some((line, column))) => {
                write!(f, "{file}:{line}:{column}")?
            }
            SourceLocation::File(name, None) | SourceLocation::Elsewhere(name) => {
                f.write_str(name)?
            }
        }
        write!(f, ": {}", self.message)
    }
}

/// All that is wrong with one input; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    /// What helps: where the manual tells of such an input.
    pub advice: &'static str,
}

impl Diagnostics {
    /// A single thing that is wrong.
    pub fn one(diagnostic: Diagnostic, advice: &'static str) -> Self {
        Self {
            found: vec![diagnostic],
            advice,
        }
    }

    /// An error unless there are none. They are sorted as they stand in their files; those of what is no file
    /// stay in their order.
    pub fn none_or(mut found: Vec<Diagnostic>, advice: &'static str) -> Result<(), Self> {
        found.sort_by(|one, other| match (&one.location, &other.location) {
            (SourceLocation::Elsewhere(_), SourceLocation::Elsewhere(_)) => {
                std::cmp::Ordering::Equal
            }
            _ => one.cmp(other),
        });
        found.dedup();
        if found.is_empty() {
            Ok(())
        } else {
            Err(Self { found, advice })
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.found.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_first_and_in_their_order() {
        let found = vec![
            Diagnostic::elsewhere("--flag", "z"),
            Diagnostic::at_byte("b", "é\nü?", 5, "x"),
            Diagnostic::elsewhere("DKR_A in the environment", "a"),
            Diagnostic::at("a", (10, 1), "later"),
            Diagnostic::at("a", (9, 1), "x"),
            Diagnostic::in_file("b", "all of it"),
            Diagnostic::at("a", (9, 1), "x"),
        ];
        let told = Diagnostics::none_or(found, "see x")
            .unwrap_err()
            .to_string();
        let expected = [
            "a:9:1: x",
            "a:10:1: later",
            "b: all of it",
            "b:2:2: x",
            "--flag: z",
            "DKR_A in the environment: a",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
        assert_eq!(Diagnostics::none_or(Vec::new(), "see x"), Ok(()));
    }
}
