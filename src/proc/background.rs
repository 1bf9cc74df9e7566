//! Commands for which nobody waits.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result, bail};

use super::Cmd;
use crate::ui;

/// A process that outlives us, and our ends of its pipes.
#[derive(Debug)]
pub(crate) struct BackgroundProcess {
    input: ChildStdin,
    output: ChildStdout,
}

impl BackgroundProcess {
    /// Ends what it reads; what it says is left.
    pub(crate) fn close_input(self) -> ChildStdout {
        drop(self.input);
        self.output
    }
}

impl Cmd {
    /// Starts it and does not wait: it outlives us, reads nothing, and writes to the end of a
    /// file. No stream of ours stays open in it, as whoever reads ours would wait for it. It is
    /// to call [`leave_terminal`] at once.
    pub fn detached(&self, log: &Path) -> Result<()> {
        ui::echo(self);
        let open = || File::options().create(true).append(true).open(log);
        let log = || open().with_context(|| format!("cannot write {}", log.display()));
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log()?).stderr(log()?);
        command
            .spawn()
            .map(drop)
            .with_context(|| format!("cannot start {}", self.name()))
    }

    /// Starts it and does not wait: it outlives us, writes messages to the end of a file, and hears and tells
    /// through pipes until we are gone. It is to call [`leave_terminal`] at once.
    pub(crate) fn in_background(&self, log: &Path) -> Result<BackgroundProcess> {
        ui::echo(self);
        let open = || File::options().create(true).append(true).open(log);
        let log = open().with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = self.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let cannot = || format!("cannot start {}", self.name());
        let mut child = command.spawn().with_context(cannot)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(BackgroundProcess { input, output }),
            _ => bail!(cannot()),
        }
    }

    /// Starts it for the ssh server, which carries its three streams and waits for it: the only asynchronous
    /// part of the tool. It is in a process group of its own, so that Ctrl-C is not for it, and killed when
    /// dropped.
    pub(crate) fn spawn_piped(&self) -> io::Result<tokio::process::Child> {
        ui::echo(self);
        tokio::process::Command::from(self.command())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// Makes this process one of the background: no terminal, so that neither Ctrl-C nor the end of a
/// session reaches it and nothing in it can wait for an answer.
pub fn leave_terminal() -> Result<()> {
    rustix::process::setsid().context("cannot leave the terminal")?;
    Ok(())
}

/// Lets others go first.
pub fn lower_priority() -> Result<()> {
    rustix::process::nice(10).context("cannot lower the priority")?;
    Ok(())
}
