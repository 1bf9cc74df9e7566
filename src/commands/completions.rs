//! `git dkr completions`

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use crate::{cli, ui};

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// git's own completion calls `_git_dkr` for `git dkr <TAB>`; it hands the line on to clap's
/// function as if it began with `git-dkr`.
const BASH: &str = r#"
_git_dkr() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local at=1
    while [ "$at" -lt "$COMP_CWORD" ] && [ "${COMP_WORDS[at]}" != dkr ]; do at=$((at + 1)); done
    COMP_WORDS=(git-dkr "${COMP_WORDS[@]:at+1}")
    COMP_CWORD=$((COMP_CWORD - at))
    _git__dkr git-dkr "$cur" "$prev"
    # git completes without a space behind.
    COMPREPLY=("${COMPREPLY[@]/%/ }")
}
"#;

impl Completions {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let mut script = Vec::new();
        // The scripts are for the command that the shell sees, which is `git-dkr`.
        let mut grammar = cli::grammar().bin_name("git-dkr");
        clap_complete::generate(self.shell, &mut grammar, "git-dkr", &mut script);
        ui::result(String::from_utf8_lossy(&script).trim_end());
        if self.shell == Shell::Bash {
            ui::result(BASH.trim_end());
        }
        Ok(0)
    }
}
