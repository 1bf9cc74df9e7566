//! How a failure is printed: what went wrong, and what the user can do about it.

use crate::engine::EngineError;
use crate::error::{Diagnostics, Failure, Interrupted, PartialState};
use crate::git::GitError;
use crate::overlay::cache::CorruptEntry;
use crate::overlay::restore::Unusable;
use crate::ui::{self, Printer};

/// Prints the story of a failure and gives its exit code.
pub(crate) fn report(error: &anyhow::Error, printer: Printer) -> u8 {
    if let Some(Interrupted(signal)) = error.downcast_ref() {
        let left = error.downcast_ref::<PartialState>();
        let left = left.map_or("nothing was left behind", |half_done| half_done.0);
        printer.warn(format_args!("interrupted; {left}"));
        return u8::try_from(128 + signal).unwrap_or(130);
    }
    ui::error(error, hint(error).as_deref());
    1
}

/// What the user can do about it, from whichever cause knows.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.advice().map(str::to_owned);
        }
        if let Some(git) = cause.downcast_ref::<GitError>() {
            return git.hint();
        }
        if let Some(engine) = cause.downcast_ref::<EngineError>() {
            return engine.hint();
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>()
            && error.kind() == std::io::ErrorKind::StorageFull
        {
            let hint = "free some space there, or name another directory: TMPDIR for temporary files, \
                        --cache-dir for snapshots";
            return Some(hint.to_owned());
        }
        if cause.is::<Unusable>() || cause.is::<CorruptEntry>() {
            return Some("git dkr overlay restore-or-build builds it again".to_owned());
        }
        let diagnostics = cause.downcast_ref::<Diagnostics>()?;
        Some(diagnostics.advice.to_owned())
    })
}
