//! What is wrong with settings: every problem at once, each with its place.

use std::fmt;

use super::value::ValueOrigin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: ValueOrigin,
    /// What.
    pub message: String,
}

impl Problem {
    pub(super) fn new(at: ValueOrigin, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// All that is wrong; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Sorted as they stand in the file; what comes from elsewhere follows.
    pub(super) fn none_or(mut problems: Vec<Problem>) -> Result<(), Self> {
        problems.sort_by_key(|problem| match &problem.at {
            ValueOrigin::File(place) => (0, Some(*place)),
            _ => (1, None),
        });
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {}", problem.at, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
