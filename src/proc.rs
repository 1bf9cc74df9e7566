//! The one place that starts processes. A command is a value that prints itself, ready to paste.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result};

use crate::ui;

mod background;
mod process_group;
mod records;
mod signals;
mod threads;

pub(crate) use background::BackgroundProcess;
pub use background::{leave_terminal, lower_priority};
use signals::{Registration, SignalTarget};
pub(crate) use signals::{catch_signals, check_interrupted};
pub use threads::CancelToken;
pub(crate) use threads::{join, lock, parallel_map};

/// A command to run: program, arguments, environment changes.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    /// Variables whose values are shown to nobody.
    masked: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    /// Stays in our process group, so that it may ask the user on the terminal.
    foreground: bool,
    /// Runs whatever signal has come, and is told of none.
    clears_up: bool,
    by_hangup: bool,
    directory: Option<PathBuf>,
    stop: Option<CancelToken>,
    silent: bool,
}

impl Cmd {
    /// A command without arguments.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            masked: Vec::new(),
            stdin: None,
            foreground: false,
            clears_up: false,
            by_hangup: false,
            directory: None,
            stop: None,
            silent: false,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// The same with a value that may be a secret: the command shows only its name.
    #[must_use]
    pub fn masked_env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.masked.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Takes a variable out of the child's environment.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// What the child reads; nothing (`/dev/null`) otherwise.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Lets the child ask the user on the terminal (a passphrase, a password).
    #[must_use]
    pub fn foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    /// Lets it be ended by another thread.
    #[must_use]
    pub fn until(mut self, stop: &CancelToken) -> Self {
        self.stop = Some(stop.clone());
        self
    }

    /// Lets it run to its end even when we were asked to stop: for what clears up behind us.
    #[must_use]
    pub fn even_when_stopped(mut self) -> Self {
        self.clears_up = true;
        self
    }

    /// Stops it by SIGHUP when we are interrupted, asked again and again: for what does not listen
    /// all the time. A podman build cleans up after that, and must ignore it otherwise (`nohup`).
    #[must_use]
    pub fn stops_by_hangup(mut self) -> Self {
        self.by_hangup = true;
        self
    }

    /// Does not show it among the commands that are run.
    #[must_use]
    pub fn silently(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Runs it and returns its status and what it printed, whatever the status.
    pub fn output(&self) -> Result<Output> {
        if !self.clears_up {
            check_interrupted()?;
        }
        if !self.silent {
            ui::echo(self);
        }
        let mut command = self.command();
        command
            .stdin(if self.stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, _registration) = self.spawn(command, self.foreground)?;
        let feeder = self.feed(child.stdin.take());
        let output = child
            .wait_with_output()
            .with_context(|| format!("cannot read from {}", self.name()))?;
        drop(feeder.map(std::thread::JoinHandle::join));
        if !self.clears_up {
            check_interrupted()?;
        }
        Ok(output)
    }

    /// Runs it with its standard output in an open file, and returns the rest. All of it goes through us: a
    /// command that outlives us finds its pipe closed, and writes no more.
    pub fn output_to(&self, mut file: File) -> Result<Output> {
        check_interrupted()?;
        ui::echo(self);
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, _registration) = self.spawn(command, self.foreground)?;
        let stdout = child.stdout.take();
        let copy = || stdout.map_or(Ok(0), |mut stdout| io::copy(&mut stdout, &mut file));
        let (output, copied) = join(|| child.wait_with_output(), copy)?;
        check_interrupted()?;
        copied.with_context(|| format!("cannot write what {} prints", self.name()))?;
        output.with_context(|| format!("cannot read from {}", self.name()))
    }

    /// Runs it, hands each line of its standard error to `on_line` as it comes, and drops its
    /// standard output. For long work that reports its progress.
    pub fn stderr_lines(&self, on_line: impl FnMut(&str)) -> Result<ExitStatus> {
        check_interrupted()?;
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        self.lines(command, |child| child.stderr.take(), on_line)
    }

    /// The same with both, in the order in which they come.
    pub fn all_lines(&self, on_line: impl FnMut(&str)) -> Result<ExitStatus> {
        check_interrupted()?;
        let cannot = || format!("cannot start {}", self.name());
        let (reader, writer) = io::pipe().with_context(cannot)?;
        let mut command = self.command();
        command
            .stdout(writer.try_clone().with_context(cannot)?)
            .stderr(writer);
        self.lines(command, |_| Some(reader), on_line)
    }

    fn lines<R: io::Read>(
        &self,
        mut command: Command,
        output: impl FnOnce(&mut Child) -> Option<R>,
        mut on_line: impl FnMut(&str),
    ) -> Result<ExitStatus> {
        ui::echo(self);
        command.stdin(match self.stdin {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        });
        let (mut child, _registration) = self.spawn(command, self.foreground)?;
        let feeder = self.feed(child.stdin.take());
        if let Some(output) = output(&mut child) {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            while read_line(&mut reader, &mut line)? {
                on_line(&String::from_utf8_lossy(&line));
            }
        }
        let status = child
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name()))?;
        drop(feeder.map(std::thread::JoinHandle::join));
        check_interrupted()?;
        Ok(status)
    }

    /// Runs it on our own terminal, standard streams and all, and returns its exit code: 128 plus
    /// the signal's number when one ended it. A signal to us goes to the child, and its own code
    /// is still what is returned.
    pub fn attached(&self) -> Result<i32> {
        check_interrupted()?;
        ui::echo(self);
        // On a terminal the child must stay in the foreground group to read from it, and the
        // terminal itself tells both of us of Ctrl-C. Elsewhere the signal comes to us alone.
        let (mut child, _registration) = self.spawn(self.command(), io::stdin().is_terminal())?;
        let status = child
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name()))?;
        Ok(status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    }

    /// The program's name, for messages.
    pub fn name(&self) -> String {
        Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program)
            .to_string_lossy()
            .into_owned()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts processes"
    )]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.envs(self.masked.iter().map(|(name, value)| (name, value)));
        command
    }

    fn spawn(&self, mut command: Command, in_our_group: bool) -> Result<(Child, Registration)> {
        if !in_our_group {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.name()))?;
        let registration = if self.clears_up {
            Registration::none()
        } else {
            let told = if in_our_group {
                SignalTarget::NotOfCtrlC
            } else {
                SignalTarget::Alone
            };
            Registration::new(&child, told, self.by_hangup, self.stop.as_ref())
        };
        Ok((child, registration))
    }

    /// Writes standard input from a thread, so that a child that prints before it has read all
    /// cannot block us. A child that stops reading is no error here: its status tells.
    fn feed(&self, stdin: Option<ChildStdin>) -> Option<std::thread::JoinHandle<()>> {
        let (mut stdin, bytes) = (stdin?, self.stdin.clone()?);
        Some(std::thread::spawn(move || {
            let _ = stdin.write_all(&bytes);
        }))
    }
}

/// Reads up to the next `\n` or `\r` (progress meters use it) into `line`, without the mark.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(!line.is_empty());
        }
        match buffer.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            Some(at) => {
                line.extend_from_slice(&buffer[..at]);
                reader.consume(at + 1);
                return Ok(true);
            }
            None => {
                let read = buffer.len();
                line.extend_from_slice(buffer);
                reader.consume(read);
            }
        }
    }
}

impl fmt::Display for Cmd {
    /// As one would type it in a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |text: &OsStr| {
            let text = text.to_string_lossy().into_owned();
            shlex::try_quote(&text).map_or(text.clone(), |quoted| quoted.into_owned())
        };
        if let Some(directory) = &self.directory {
            write!(f, "cd {} && ", quote(directory.as_os_str()))?;
        }
        for (name, value) in &self.env {
            if let Some(value) = value {
                write!(f, "{}={} ", name.to_string_lossy(), quote(value))?;
            }
        }
        for (name, _) in &self.masked {
            write!(f, "{}=… ", name.to_string_lossy())?;
        }
        write!(f, "{}", quote(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quote(arg))?;
        }
        Ok(())
    }
}

/// Who we are: user and group.
pub fn user() -> (u32, u32) {
    use rustix::process::{getgid, getuid};
    (getuid().as_raw(), getgid().as_raw())
}

/// Every executable of this name on the PATH, in its order.
pub fn on_path(name: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = which::which_all(name).into_iter().flatten().collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_itself_ready_to_paste() {
        let cmd = Cmd::new("git")
            .arg("-C")
            .arg("/a b/$(c)")
            .env("LC_ALL", "C")
            .env_remove("GIT_DIR");
        assert_eq!(cmd.to_string(), "LC_ALL=C git -C '/a b/$(c)'");
    }

    #[test]
    fn lines_end_at_newlines_and_carriage_returns() {
        let mut reader = BufReader::with_capacity(3, &b"one\rtwo\n\nlast"[..]);
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while read_line(&mut reader, &mut line).unwrap() {
            lines.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(lines, ["one", "two", "", "last"]);
    }

    #[test]
    fn output_feeds_stdin_and_keeps_the_status() {
        let output = Cmd::new("sh")
            .args(["-c", "cat; exit 3"])
            .stdin("hello")
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"hello");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Cmd::new("/no/such/program").output().unwrap_err();
        assert_eq!(error.to_string(), "cannot start program");
    }
}
