//! Commands of a user, which may start others and leave them behind.

use std::io::{self, BufReader};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::signals::{Registration, SignalTarget};
use super::{Cmd, check_interrupted, read_line};
use crate::ui;

/// How often we look whether the command has ended.
const LOOK: Duration = Duration::from_millis(100);
/// How long we read on when it has, and something that it has left behind holds our pipe.
const AFTERWARDS: Duration = Duration::from_millis(500);

impl Cmd {
    /// Runs it and hands on each line of what it and all that it starts print. All of them hear of
    /// a signal to us; one that outlives it does not keep us.
    pub fn lines_of_all(&self, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
        check_interrupted()?;
        ui::echo(self);
        let cannot = || format!("cannot start {}", self.name());
        let (reader, writer) = io::pipe().with_context(cannot)?;
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().with_context(cannot)?)
            .stderr(writer);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().with_context(cannot)?;
        // It holds the ends of the pipe to write to: as long as it is there, lines have no end.
        drop(command);
        let _registration =
            Registration::new(&child, SignalTarget::Group, false, self.stop.as_ref());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut reader, mut line) = (BufReader::new(reader), Vec::new());
            while let Ok(true) = read_line(&mut reader, &mut line) {
                if sender
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    break;
                }
            }
        });
        let mut ended: Option<Instant> = None;
        while ended.is_none_or(|ended| ended.elapsed() < AFTERWARDS) {
            match lines.recv_timeout(LOOK) {
                Ok(line) => on_line(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let cannot = || format!("cannot wait for {}", self.name());
            if ended.is_none() && child.try_wait().with_context(cannot)?.is_some() {
                ended = Some(Instant::now());
            }
        }
        let status = child.wait();
        check_interrupted()?;
        status.with_context(|| format!("cannot wait for {}", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str) -> (Vec<String>, Option<i32>) {
        let mut lines = Vec::new();
        let cmd = Cmd::new("sh").args(["-c", script]).directory("/");
        let status = cmd.lines_of_all(|line| lines.push(line.to_owned()));
        (lines, status.unwrap().code())
    }

    #[test]
    fn both_streams_in_their_order() {
        let expected = ["/", "err", "last"].map(str::to_owned).to_vec();
        assert_eq!(
            lines("pwd; echo err >&2; printf last; exit 3"),
            (expected, Some(3))
        );
    }

    #[test]
    fn what_is_left_behind_does_not_keep_us() {
        let (lines, code) = lines("sleep 20 & echo $!");
        assert_eq!(code, Some(0));
        // It is still there.
        let pid = lines[0]
            .parse()
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL).unwrap();
    }
}
