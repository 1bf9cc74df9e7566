//! The hooks themselves, for `sh`. They start our program only when something concerns us.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Event;
use crate::proc;

const SHARED: &str = include_str!("../../hooks/shared");
const EARLY: &str = include_str!("../../hooks/early");
const REFERENCE_TRANSACTION: &str = include_str!("../../hooks/reference-transaction");
const OTHERS: &str = include_str!("../../hooks/others");

/// The second line of each file of ours, by which we know it wherever others move it.
const MARK: &str = "# git-dkr hook";

/// Who starts a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// Git, when it is executable.
    Git,
    /// husky, by `sh -e`, executable or not.
    Husky,
}

/// The text of a hook. `kept` is the name of the file beside it that is to be run first.
pub(super) fn script(event: Event, program: &Path, kept: Option<&str>, runner: Runner) -> String {
    let (early, main) = match event {
        Event::ReferenceTransaction => (EARLY, REFERENCE_TRANSACTION),
        _ => ("", OTHERS),
    };
    let shell = match runner {
        Runner::Git => "",
        Runner::Husky => "sh -e",
    };
    format!(
        "#!/bin/sh\n{MARK} {event}\n\
         # `git dkr hooks install` made it, and `git dkr hooks uninstall` takes it away. DKR_HOOKS=0 silences it.\n\
         dkr_event={event}\ndkr_program={program}\ndkr_kept={kept}\ndkr_shell={shell}\n\n{early}{SHARED}\n{main}",
        event = event.name(),
        program = quote(&program.to_string_lossy()),
        kept = quote(kept.unwrap_or_default()),
        shell = quote(shell),
    )
}

/// Whether a file is one of ours, of this version or another.
pub(super) fn is_ours(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    lines
        .nth(1)
        .is_some_and(|line| line.starts_with(MARK.as_bytes()))
}

/// The program that a hook of ours calls.
pub(super) fn program_of(bytes: &[u8]) -> Option<PathBuf> {
    let text = String::from_utf8_lossy(bytes);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("dkr_program="))?;
    shlex::split(line)?.first().map(PathBuf::from)
}

/// The value of `hook.<name>.command`. Git appends ` "$@"`. Sourced, as starting one more shell
/// would take as long as all the rest; and where the file is gone nothing happens, while a missing
/// command would make a fetch fail.
pub(super) fn command(file: &Path) -> String {
    let file = quote(&file.to_string_lossy());
    format!(r#"f={file}; [ -r "$f" ] || exit 0; . "$f""#)
}

/// One word for a shell, whatever is in it. Always in quotes: `f=~x` would mean something else.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The program that hooks are to call: this one, by the name under which it is on the PATH, as
/// package managers put a new version behind the same link; else by its own path.
pub(super) fn program() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find the path of git-dkr itself")?;
    let this = this.canonicalize().unwrap_or(this);
    let same =
        |path: &PathBuf| path.is_absolute() && path.canonicalize().is_ok_and(|path| path == this);
    Ok(proc::on_path("git-dkr")
        .into_iter()
        .find(same)
        .unwrap_or_else(|| this.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_known_by_its_second_line() {
        let path = Path::new("/it's/a b/git-dkr");
        for event in Event::ALL {
            let text = script(event, path, Some("x.before-dkr"), Runner::Husky);
            assert!(is_ours(text.as_bytes()));
            assert_eq!(program_of(text.as_bytes()).unwrap(), path);
        }
        assert!(!is_ours(b"#!/bin/sh\necho '# git-dkr hook'\n"));
        assert!(!is_ours(b""));
    }

    #[test]
    fn the_command_holds_any_path() {
        assert_eq!(
            command(Path::new("/it's/$x")),
            r#"f='/it'\''s/$x'; [ -r "$f" ] || exit 0; . "$f""#
        );
    }
}
