//! Commands for which nobody waits.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::Cmd;
use crate::ui;

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

    /// Starts it for the ssh server, which carries its three streams and waits for it: the only asynchronous part
    /// of the tool. It is in a process group of its own, so that Ctrl-C is not for it, and killed when dropped.
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
/// session reaches it and nothing in it can wait for an answer, and a low priority.
pub fn leave_terminal() -> Result<()> {
    rustix::process::setsid().context("cannot leave the terminal")?;
    rustix::process::nice(10).context("cannot lower the priority")?;
    Ok(())
}
