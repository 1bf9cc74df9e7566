//! The edge to the container engine: the command line of docker or podman, which people already
//! have set up (contexts, credentials, remote sockets); for docker's lists, the daemon's own
//! socket where it is a local one. What differs is in a directory for each; callers see one engine.

mod archive;
mod build;
mod built;
mod capture;
mod containers;
mod docker;
mod error;
mod exec;
mod find;
#[doc(hidden)]
pub mod fuzz;
mod image;
mod images;
mod kind;
mod network;
mod podman;
mod progress;
mod run;
mod run_options;
mod run_refusal;
mod stderr;
mod temp_name;

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::Result;

pub(crate) use build::{BuildSpec, quote};
pub(crate) use built::Built;
pub(crate) use capture::CaptureSpec;
pub(crate) use containers::{ContainerState, EngineContainer};
pub(crate) use docker::DockerClient;
pub(crate) use error::EngineError;
pub(crate) use find::{Installed, installed};
pub(crate) use image::EngineImage;
pub(crate) use kind::EngineKind;
pub(crate) use network::Network;
pub(crate) use progress::BuildEvent;
pub(crate) use run::{Mount, RunSpec};
pub(crate) use run_options::RunOptions;

use crate::proc::Cmd;
use crate::ui::Printer;

/// A container engine, through its command line.
#[derive(Debug, Clone)]
pub struct Engine {
    kind: EngineKind,
    program: PathBuf,
    /// The daemon's own socket, where it is a local one and this client would ask there.
    socket: Option<PathBuf>,
    /// Docker's client for builds, once it was looked for: the first on the PATH may not be one.
    builder: OnceLock<docker::BuildClient>,
    /// Shows what builds say.
    printer: Printer,
}

impl Engine {
    fn new(kind: EngineKind, program: PathBuf, printer: Printer) -> Self {
        Self {
            kind,
            program,
            socket: None,
            builder: OnceLock::new(),
            printer,
        }
    }

    /// Which one it is.
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// Which engine it is, so that a container is looked for where it was started.
    pub(crate) fn identity(&self) -> String {
        match &self.socket {
            Some(socket) => format!("{} at {}", self.kind, socket.display()),
            None => self.kind.to_string(),
        }
    }

    /// Whether it sees the files of this machine, as far as can be told without asking it.
    pub fn is_local(&self) -> bool {
        self.kind == EngineKind::Podman || self.socket.is_some()
    }

    /// A command of this engine.
    fn cmd(&self) -> Cmd {
        Cmd::new(&self.program)
    }

    /// Runs a command that must succeed; gives what it printed.
    fn run(&self, cmd: &Cmd) -> Result<String> {
        let output = cmd.output()?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.trouble(&output.stderr).into())
        }
    }

    /// What a failed command of this engine said, made out.
    fn trouble(&self, stderr: &[u8]) -> EngineError {
        EngineError::of_stderr(self.kind, &String::from_utf8_lossy(stderr))
    }
}
