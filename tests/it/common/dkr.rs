//! The built binary, run in a sandbox.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use assert_cmd::assert::OutputAssertExt;
use expectrl::process::unix::{PtyStream, UnixProcess, WaitStatus};
use expectrl::{ControlCode, Expect, Session};
use rustix::process::{Pid, Signal, kill_process};

use super::{Sandbox, wait_until};

/// The built `git-dkr`; another user finds a copy, which `DKR_TEST_BINARY` names.
pub fn binary() -> &'static str {
    static BINARY: LazyLock<String> = LazyLock::new(|| {
        std::env::var("DKR_TEST_BINARY")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_git-dkr").to_owned())
    });
    &BINARY
}

impl Sandbox {
    /// `git-dkr` in this directory, ready to run.
    pub fn dkr_command<S: AsRef<OsStr>>(
        &self,
        directory: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = self.command(binary());
        command.current_dir(directory).args(args);
        command
    }

    /// Runs it to its end.
    pub fn dkr<S: AsRef<OsStr>>(
        &self,
        directory: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Outcome {
        outcome(&mut self.dkr_command(directory, args))
    }

    /// Runs it in the background.
    pub fn dkr_spawn(&self, directory: &Path, args: &[&str]) -> Running {
        spawn(self.dkr_command(directory, args))
    }

    /// Runs it at a terminal.
    pub fn dkr_terminal(&self, directory: &Path, args: &[&str]) -> Terminal {
        terminal(self.dkr_command(directory, args))
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn outcome(command: &mut Command) -> Outcome {
    let run = command.stdin(Stdio::null()).assert();
    let output = run.get_output();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Outcome {
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "\n{stdout}\n{stderr}");
        self
    }

    /// It says in its errors and warnings.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let stderr = &self.stderr;
        assert!(stderr.contains(text), "{text:?} is not in\n{stderr}");
        self
    }

    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        let stderr = &self.stderr;
        assert!(!stderr.contains(text), "{text:?} is in\n{stderr}");
        self
    }

    /// An error as all of ours should be: what, why, and at the end what to do about it.
    #[track_caller]
    pub fn fails(self) -> Self {
        let outcome = self.exits(1);
        let stderr = &outcome.stderr;
        assert!(stderr.contains("error: "), "{stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("hint: "), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        outcome
    }
}

/// A run in the background, killed when dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Printed,
    stderr: Printed,
}

pub fn spawn(mut command: Command) -> Running {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running {
        stdin: child.stdin.take(),
        stdout: Printed::read(child.stdout.take().unwrap()),
        stderr: Printed::read(child.stderr.take().unwrap()),
        child,
    }
}

impl Running {
    /// Sends a signal to it alone, as `kill` does.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has printed this as a result.
    #[track_caller]
    pub fn prints(&self, text: &str) {
        wait_until(text, || self.stdout.so_far().contains(text));
    }

    /// Waits until it has said this.
    #[track_caller]
    pub fn says(&self, text: &str) {
        wait_until(text, || self.stderr.so_far().contains(text));
    }

    /// Writes to its standard input.
    pub fn reads(&mut self, text: &str) {
        let mut stdin = self.stdin.as_ref().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// Closes its standard input.
    pub fn closes(&mut self) {
        drop(self.stdin.take());
    }

    /// Closes its standard input and waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        self.closes();
        self.ends()
    }

    /// Waits for its end with its standard input open.
    #[track_caller]
    pub fn ends(mut self) -> Outcome {
        wait_until("the end of git-dkr", || !self.is_running());
        Outcome {
            code: self.child.wait().unwrap().code(),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes out of a pipe, read by a thread so that nobody waits for us.
struct Printed {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Printed {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut chunk) {
                into.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self {
            bytes,
            thread: Some(thread),
        }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn all(&mut self) -> String {
        self.thread.take().map(JoinHandle::join);
        self.so_far()
    }
}

/// A run at a terminal.
pub struct Terminal(Session<UnixProcess, PtyStream>);

pub fn terminal(command: Command) -> Terminal {
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(120)));
    Terminal(session)
}

impl Terminal {
    /// Waits until it shows this.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> &mut Self {
        if let Err(error) = self.0.expect(text) {
            panic!("{text:?} was not shown: {error}\n{}", self.rest());
        }
        self
    }

    pub fn types(&mut self, line: &str) -> &mut Self {
        self.0.send_line(line).unwrap();
        self
    }

    /// Presses a key, without Enter.
    pub fn presses(&mut self, key: ControlCode) -> &mut Self {
        self.0.send(key).unwrap();
        self
    }

    /// The same with keys that have a sign.
    pub fn presses_text(&mut self, keys: &str) -> &mut Self {
        self.0.send(keys).unwrap();
        self
    }

    /// Sends it SIGTERM.
    pub fn terminate(&mut self) -> &mut Self {
        let pid = self.0.get_process().pid();
        let pid = Pid::from_raw(pid.as_raw()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self
    }

    /// Reads to the end; the exit code.
    #[track_caller]
    pub fn ends(&mut self) -> i32 {
        self.0.expect(expectrl::Eof).unwrap();
        match self.0.get_process().wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}"),
        }
    }

    /// All that it shows until its end.
    pub fn shows_in_all(mut self) -> String {
        let found = self.0.expect(expectrl::Eof).unwrap();
        String::from_utf8_lossy(found.as_bytes()).into_owned()
    }

    fn rest(&mut self) -> String {
        let mut bytes = [0; 4096];
        let read = self.0.try_read(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }
}
