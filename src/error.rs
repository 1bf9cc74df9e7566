//! Errors a person can act on: what went wrong, and a hint that says what to do about it.

use std::fmt;

/// A failure with the advice that goes with it. Wrap it in `anyhow` contexts that say what was
/// being done; the hint is printed last.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// What went wrong, without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// What the user can do about it; printed as `hint: …`.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The advice, if there is any.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// The user (or the system) asked us to stop, by this signal number.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted(pub i32);

/// What an interruption, or a failure, has left half done, in a sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PartialState(pub &'static str);

/// A thing that is wrong in a file that a user wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file, as the user knows it.
    pub file: String,
    /// Line and column, both counted from 1, the column in characters; `None` when it is the file.
    pub at: Option<(usize, usize)>,
    /// What.
    pub message: String,
}

impl Mistake {
    /// In `text`, which is all of `file`, at this byte.
    pub fn at(file: &str, text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.get(line_start..).unwrap_or("").chars().count();
        Self {
            file: file.to_owned(),
            at: Some((line, column)),
            message: message.into(),
        }
    }

    /// In no particular place of the file.
    pub fn in_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            at: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// So many things that are wrong are told at once: whoever makes more has another file in mind.
pub const MOST_MISTAKES: usize = 100;

/// All that is wrong in files that a user wrote; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    found: Vec<Mistake>,
    /// The page of the manual that says how such files are written.
    pub page: &'static str,
}

impl Mistakes {
    /// Sorted by file and place; an error unless there are none.
    pub fn none_or(mut found: Vec<Mistake>, page: &'static str) -> Result<(), Self> {
        found.sort();
        found.dedup();
        if found.is_empty() {
            Ok(())
        } else {
            Err(Self { found, page })
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.found.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
