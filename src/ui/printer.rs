//! What a job says of its way.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};

use super::progress::{Board, Progress};
use super::{DIM, GREEN, YELLOW, stderr};

/// How much to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Errors and warnings only.
    pub quiet: bool,
    /// Each command that is run, and all of its output.
    pub verbose: bool,
}

/// Says how a run goes, as much as the user wants to hear. Whoever has something to say is given one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Printer {
    options: Options,
}

impl Printer {
    /// One that says this much.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// One that says warnings and errors only.
    #[must_use]
    pub(crate) fn silenced(self) -> Self {
        Self::new(Options {
            quiet: true,
            verbose: false,
        })
    }

    /// Whether all output of commands is shown.
    pub fn verbose(self) -> bool {
        self.options.verbose
    }

    /// Whether only warnings and errors are wanted.
    pub fn quiet(self) -> bool {
        self.options.quiet
    }

    /// Whether a person sits at both ends: we may ask.
    pub fn interactive(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// A step that was done: what, and about what.
    pub fn status(self, what: &str, text: &str) {
        if !self.options.quiet {
            stderr(format_args!("   {GREEN}{what:<8}{GREEN:#} {text}"));
        }
    }

    /// A line of a command's own output, where the user asked to see all or a failure is explained.
    pub fn quoted(self, line: &str) {
        stderr(format_args!("     {DIM}|{DIM:#} {line}"));
    }

    /// Something the user should know and may want to mend.
    pub fn warn(self, text: impl Display) {
        stderr(format_args!("{YELLOW}warning:{YELLOW:#} {text}"));
    }

    /// A line of ours amid the output of git, which says whose it is. On standard output: a hook leads
    /// that to git's standard error, and nothing else.
    pub fn notice(self, text: impl Display) {
        let _ = writeln!(anstream::stdout(), "{YELLOW}dkr:{YELLOW:#} {text}");
    }

    /// Asks a question that ends in `[y/N]`; `false` unless the answer is yes.
    pub fn confirm(self, question: &str) -> Result<bool> {
        dialoguer::Confirm::new()
            .with_prompt(question)
            .default(false)
            .wait_for_newline(true)
            .interact()
            .context("cannot read the answer")
    }

    /// A line that moves until it is dropped. Hidden when standard error is no terminal or the user wants
    /// quiet.
    pub fn progress(self, text: &str) -> Progress {
        Progress::start(self.moves(), text)
    }

    /// Several lines that move at the same time; none yet.
    pub fn board(self) -> Board {
        Board::new(self.moves())
    }

    /// Whether there is somebody to watch lines that move.
    fn moves(self) -> bool {
        !self.options.quiet && !self.options.verbose && std::io::stderr().is_terminal()
    }
}
