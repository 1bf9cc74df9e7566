//! The shells that functions are written for.

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::variable;
use crate::error::Failure;

/// A shell that functions are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU's.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly one.
    Fish,
}

impl Shell {
    /// The user's own, by `$SHELL`; bash where that is not set. Fails where it is another.
    pub(crate) fn of_user() -> Result<Self> {
        let program = variable("SHELL").unwrap_or_else(|| "bash".to_owned());
        match Self::of(&program) {
            Some(shell) => Ok(shell),
            None => bail!(
                Failure::new(format!(
                    "$SHELL is {program}, for which there are no functions"
                ))
                .hint("--shell bash, zsh or fish")
            ),
        }
    }

    /// By the path or name of its program; a plain `sh` reads no functions of bash, but who has it
    /// for a login shell has bash for scripts.
    fn of(program: &str) -> Option<Self> {
        match program.rsplit('/').next()? {
            "bash" | "sh" | "dash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            _ => None,
        }
    }

    /// A word as this shell reads it back. It has no NUL in it.
    pub(crate) fn quote(self, word: &str) -> String {
        if self != Self::Fish {
            return shlex::try_quote(word)
                .map_or_else(|_| String::new(), std::borrow::Cow::into_owned);
        }
        let plain = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '=' | '+')
        };
        if !word.is_empty() && word.chars().all(plain) {
            return word.to_owned();
        }
        format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_by_their_programs() {
        assert_eq!(Shell::of("/usr/bin/zsh"), Some(Shell::Zsh));
        assert_eq!(Shell::of("/bin/sh"), Some(Shell::Bash));
        assert_eq!(Shell::of("/usr/bin/nu"), None);
    }

    #[test]
    fn words_are_quoted() {
        assert_eq!(Shell::Fish.quote(r"it's \ $x"), r"'it\'s \\ $x'");
        assert_eq!(Shell::Zsh.quote("$x"), "'$x'");
    }
}
