//! The functions of a shell that record what uv and pip install. Pure functions.
//!
//! What is recorded, and how, is decided in `templates/uv-shim`, which also runs in containers that
//! have no git-dkr.

use crate::conf::Shell;

const SCRIPT: &str = include_str!("../../templates/uv-shim");
const POSIX: &str = include_str!("../../templates/record-shim.sh");
const FISH: &str = include_str!("../../templates/record-shim.fish");

/// The text for a shell to read; `file`, an absolute path, is where `RUN` lines go. The functions
/// hold the script themselves, so that they work wherever git-dkr has gone.
pub(crate) fn functions(shell: Shell, file: &str) -> String {
    let template = match shell {
        Shell::Bash | Shell::Zsh => POSIX,
        Shell::Fish => FISH,
    };
    // In this order: the script speaks of FILE, too.
    template
        .replace("FILE", &shell.quote(file))
        .replacen("SCRIPT", &shell.quote(&script()), 1)
}

/// Without its comments, as it shows in lists of processes.
fn script() -> String {
    let lines = SCRIPT.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cannot_break_out() {
        let text = functions(Shell::Bash, "/a b/$(x) SCRIPT");
        assert!(text.contains(" dkr-shim '/a b/$(x) SCRIPT' "), "{text}");
        let text = functions(Shell::Fish, "/it's");
        assert!(text.contains(r" dkr-shim '/it\'s' "), "{text}");
    }

    /// A here-document's text would be cut by what leaves out comments.
    #[test]
    fn what_is_left_out_are_comments() {
        assert!(!script().contains("# "), "{}", script());
        assert_eq!(script().matches("<<EOF").count(), 1);
        assert!(script().contains("<<EOF\n$rows\nEOF\n"));
    }
}
