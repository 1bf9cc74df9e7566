//! Commands that are shown as they are run.

use std::fmt::Display;
use std::sync::OnceLock;

use super::{DIM, stderr};

static ECHO: OnceLock<bool> = OnceLock::new();

/// Sets whether commands are shown, once, at the start.
pub(crate) fn echo_commands(yes: bool) {
    let _ = ECHO.set(yes);
}

/// A command about to run, when the user asked to see them.
pub(crate) fn echo(command: &impl Display) {
    if ECHO.get() == Some(&true) {
        stderr(format_args!("{DIM}+ {command}{DIM:#}"));
    }
}
