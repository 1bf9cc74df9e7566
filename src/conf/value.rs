//! A setting's value, and where it came from.

use std::fmt;

use crate::error::{Diagnostic, Diagnostics};

/// The file's name, at the top of the repository.
pub(crate) const FILE: &str = ".dkr.conf";

/// The page of the manual that says what there is.
pub(super) const ADVICE: &str = "docs/configuration.md of git dkr describes the settings";

/// A setting and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<T> {
    pub value: T,
    pub origin: ValueOrigin,
}

impl<T> Value<T> {
    pub(super) fn default_of(value: T) -> Self {
        let origin = ValueOrigin::Default;
        Self { value, origin }
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// A flag on the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Env(String),
    /// A key of git's config.
    GitConfig(String),
    /// A line of `.dkr.conf`.
    File(Position),
    Default,
}

impl ValueOrigin {
    /// What is wrong with what stands there.
    pub(super) fn diagnostic(&self, message: impl Into<String>) -> Diagnostic {
        match self {
            Self::File(place) => Diagnostic::at(FILE, (place.line, place.column), message),
            other => Diagnostic::elsewhere(other, message),
        }
    }

    /// The same where nothing else is wrong.
    pub(super) fn diagnostics(&self, message: impl Into<String>) -> Diagnostics {
        Diagnostics::one(self.diagnostic(message), ADVICE)
    }
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "{name}"),
            Self::Env(name) => write!(f, "{name} in the environment"),
            Self::GitConfig(key) => write!(f, "git config {key}"),
            Self::File(place) => write!(f, "{place}"),
            Self::Default => write!(f, "default"),
        }
    }
}

/// A place in `.dkr.conf`, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}:{}:{}", self.line, self.column)
    }
}
