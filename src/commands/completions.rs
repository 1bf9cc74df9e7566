//! `git dkr completions`

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use crate::ui;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// git's own completion calls `_git_dkr` for `git dkr <TAB>`; it hands the line on to clap's
/// function, as if it began with `dkr`.
const GIT_IN_BASH: &str = r#"
_git_dkr() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local at=1
    while [ "$at" -lt "$COMP_CWORD" ] && [ "${COMP_WORDS[at]}" != dkr ]; do at=$((at + 1)); done
    COMP_WORDS=("${COMP_WORDS[@]:at}")
    COMP_CWORD=$((COMP_CWORD - at))
    _dkr dkr "$cur" "$prev"
    # git completes without a space behind.
    COMPREPLY=("${COMPREPLY[@]/%/ }")
}
"#;

impl Completions {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, grammar: &clap::Command) -> Result<u8> {
        ui::result(script(self.shell, grammar).trim_end())?;
        Ok(0)
    }
}

fn script(shell: Shell, grammar: &clap::Command) -> String {
    let generate = |name: &'static str| {
        let mut script = Vec::new();
        let mut grammar = grammar.clone().name(name).bin_name(name);
        clap_complete::generate(shell, &mut grammar, name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    };
    match shell {
        // In bash, clap_complete mixes up its own labels when a name holds a hyphen.
        Shell::Bash => {
            generate("dkr").replace("-o default dkr", "-o default git-dkr") + GIT_IN_BASH
        }
        _ => generate("git-dkr"),
    }
}
