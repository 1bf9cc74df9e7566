//! `git dkr attach`

use std::ffi::OsString;

use anyhow::{Context, Result};
use clap::Args;

use super::named_container::NamedContainer;
use crate::engine::Engine;
use crate::error::Failure;
use crate::proc::Cmd;
use crate::ui::{self, Printer};

/// Go to the terminal of a container that runs
///
/// To its tmux session, which Ctrl-B D leaves; without one, to the terminal of the command that it was
/// started with, which Ctrl-P Ctrl-Q leaves. The container goes on.
#[derive(Debug, Args)]
pub(crate) struct Attach {
    #[command(flatten)]
    container: NamedContainer,
}

/// The session that the entrypoint makes: no other that begins like it.
const SESSION: &str = "=main";

impl Attach {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let command = self
            .command(printer)
            .with_context(|| format!("cannot attach to {}", self.container.name))?;
        Ok(u8::try_from(command.attached()?).unwrap_or(1))
    }

    fn command(&self, printer: Printer) -> Result<Cmd> {
        let (engine, container) = self.container.running(printer)?;
        let name = &container.name;
        if !ui::on_terminal() {
            return Err(
                Failure::new("standard input and output are not a terminal")
                    .hint(format!(
                        "git dkr exec {name} -- CMD runs a command in it, git dkr logs {name} shows what it has printed"
                    ))
                    .into(),
            );
        }
        Ok(match has_session(&engine, name)? {
            true => {
                let attach = ["tmux", "attach-session", "-t", SESSION].map(OsString::from);
                engine.exec_in(name, "/", true, &attach)
            }
            false => engine.attach_command(name),
        })
    }
}

fn has_session(engine: &Engine, name: &str) -> Result<bool> {
    let ask = engine.exec_command(name, &["tmux", "has-session", "-t", SESSION]);
    Ok(ask.output()?.status.success())
}
