//! What a command prints, piece by piece: all of it may be more than memory should hold.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Output, Stdio};

use anyhow::{Context, Result};

use super::{Cmd, check_interrupted, join};
use crate::ui;

impl Cmd {
    /// Runs it, and hands each record of its standard output to `on_record` as it comes, without the
    /// byte that ends it; what comes behind the last of these bytes is dropped. Ends the command when
    /// `on_record` fails. Returns its status and standard error.
    pub fn records(
        &self,
        end: u8,
        mut on_record: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<Output> {
        let cannot = || format!("cannot read from {}", self.name());
        let (output, read) = self.piped(|stdout| {
            let mut reader = BufReader::new(stdout);
            let mut record = Vec::new();
            loop {
                record.clear();
                reader.read_until(end, &mut record).with_context(cannot)?;
                match record.split_last() {
                    Some((last, record)) if *last == end => on_record(record)?,
                    _ => return Ok(()),
                }
            }
        })?;
        read.map(|()| output)
    }

    /// Runs it while `read` reads its standard output. Returns its status and standard error, and what
    /// `read` gave. What that leaves unread is dropped; when it fails, the command finds its pipe closed.
    pub fn piped<T>(
        &self,
        read: impl FnOnce(&mut dyn Read) -> Result<T>,
    ) -> Result<(Output, Result<T>)> {
        check_interrupted()?;
        ui::echo(self);
        let mut command = self.command();
        command
            .stdin(match self.stdin {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, _registration) = self.spawn(command, self.foreground)?;
        let feeder = self.feed(child.stdin.take());
        let stdout = child.stdout.take();
        let cannot = || format!("cannot read from {}", self.name());
        let read = || {
            let mut stdout = stdout.with_context(cannot)?;
            let given = read(&mut stdout)?;
            io::copy(&mut stdout, &mut io::sink()).with_context(cannot)?;
            Ok(given)
        };
        let (output, read) = join(|| child.wait_with_output(), read)?;
        drop(feeder.map(std::thread::JoinHandle::join));
        check_interrupted()?;
        Ok((output.with_context(cannot)?, read))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn records_come_one_by_one_and_the_status_last() {
        let script = "printf 'one\\0\\0t\\377o\\nx\\0rest'; echo why >&2; exit 3";
        let mut found = Vec::new();
        let output = Cmd::new("sh")
            .args(["-c", script])
            .records(0, |record| {
                found.push(record.to_vec());
                Ok(())
            })
            .unwrap();
        assert_eq!(found, [&b"one"[..], b"", b"t\xffo\nx"]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stderr, b"why\n");
    }

    #[test]
    fn a_command_without_an_end_ends_when_a_record_is_refused() {
        let mut count = 0;
        let error = Cmd::new("yes").records(b'\n', |_| {
            count += 1;
            if count == 3 {
                bail!("no more");
            }
            Ok(())
        });
        assert_eq!(error.unwrap_err().to_string(), "no more");
        assert_eq!(count, 3);
    }
}
