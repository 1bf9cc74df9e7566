//! Errors a person can act on: what went wrong, and a hint that says what to do about it.

mod diagnostic;

pub(crate) use diagnostic::{Diagnostic, Diagnostics, MOST_DIAGNOSTICS, line_and_column};

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

impl Interrupted {
    /// Whether we are to end what we do, and not only lost our terminal.
    pub(crate) fn is_request_to_end(self) -> bool {
        self.0 != signal_hook::consts::SIGHUP
    }
}

/// What an interruption, or a failure, has left half done, in a sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PartialState(pub &'static str);
