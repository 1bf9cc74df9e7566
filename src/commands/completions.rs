//! `git dkr completions`

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use super::named_container::CONTAINER;
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
    _dkr_and_containers dkr "$cur" "$prev"
    # git completes without a space behind.
    COMPREPLY=("${COMPREPLY[@]/%/ }")
}
"#;

/// Names of containers, in bash: of what comes before, only options may stand before one.
const CONTAINERS_IN_BASH: &str = r#"
_dkr_and_containers() {
    _dkr "$@"
    local word cur=${COMP_WORDS[COMP_CWORD]}
    case " COMMANDS " in *" ${COMP_WORDS[1]-} "*) ;; *) return ;; esac
    [ "$COMP_CWORD" -ge 2 ] || return
    for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
        case $word in --) return ;; -*) ;; *) return ;; esac
    done
    case $cur in -*) ;; *) COMPREPLY=($(compgen -W "$(git-dkr list-containers --format names 2>/dev/null)" -- "$cur")) ;; esac
}
"#;

/// The same in zsh, as an action of `_arguments`.
const CONTAINERS_IN_ZSH: &str = r#"
_dkr_containers() {
    local -a names
    names=(${(f)"$(git-dkr list-containers --format names 2>/dev/null)"})
    compadd -a names
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
    let commands = grammar.get_subcommands();
    let commands = commands.filter(|command| {
        let mut positionals = command.get_positionals();
        positionals
            .next()
            .is_some_and(|first| first.get_id() == CONTAINER)
    });
    let commands = commands.flat_map(clap::Command::get_name_and_visible_aliases);
    let commands: Vec<&str> = commands.collect();
    match shell {
        // In bash, clap_complete mixes up its own labels when a name holds a hyphen.
        Shell::Bash => {
            let containers = CONTAINERS_IN_BASH.replace("COMMANDS", &commands.join(" "));
            generate("dkr")
                .replace("-o default dkr", "-o default git-dkr")
                .replace("complete -F _dkr ", "complete -F _dkr_and_containers ")
                + &containers
                + GIT_IN_BASH
        }
        Shell::Zsh => {
            let argument = format!("':{CONTAINER} -- ");
            let lines = generate("git-dkr");
            let lines = lines.lines().map(|line| {
                let is_name = line.starts_with(&argument);
                let action = if is_name {
                    ":_dkr_containers'"
                } else {
                    ":_default'"
                };
                line.replace(":_default'", action)
            });
            let script = lines.collect::<Vec<_>>().join("\n");
            // Before what is run when the script is loaded as a function.
            script.replacen("\n\n", &format!("\n{CONTAINERS_IN_ZSH}\n"), 1)
        }
        Shell::Fish => {
            let offer = |command: &&str| {
                format!(
                    "complete -c git-dkr -n \"__fish_git_dkr_using_subcommand {command}\" -f \
                     -a '(git-dkr list-containers --format names 2>/dev/null)'\n"
                )
            };
            generate("git-dkr") + &commands.iter().map(offer).collect::<String>()
        }
        _ => generate("git-dkr"),
    }
}
