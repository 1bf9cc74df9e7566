//! Running a command in a container of its own and hearing what it says, and clearing up behind
//! work that was interrupted.

use std::path::Path;

use anyhow::Result;

use super::{Engine, EngineError};
use crate::proc::Cmd;

/// A command for a container that is gone with it, and is without network and terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// The image's name or id.
    pub image: String,
    /// Whether it runs as root, whatever user the image has.
    pub root: bool,
    /// Named volumes, as `name:/target`.
    pub volumes: Vec<String>,
    /// The program, instead of the image's entrypoint.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its exit code; `None` when a signal ended the client.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Engine {
    /// Runs it to its end. A signal to us goes to it, so that no container outlives us.
    pub fn capture(&self, task: &Task) -> Result<Captured> {
        let output = capture_command(self.cmd(), task).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let captured = Captured {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        // The client's own code for what the engine refused.
        if captured.code == Some(125) {
            return Err(EngineError::of_stderr(self.kind, &captured.stderr).into());
        }
        Ok(captured)
    }

    /// Makes these named volumes, `name:/target`, where they are not there, and lets a user write
    /// to them: a new one is root's.
    pub fn give(&self, image: &str, volumes: &[String], user: (u32, u32)) -> Result<()> {
        if volumes.is_empty() {
            return Ok(());
        }
        let targets = volumes.iter().filter_map(|volume| volume.split_once(':'));
        let mut args = vec![format!("{}:{}", user.0, user.1)];
        args.extend(targets.map(|(_, target)| target.to_owned()));
        let captured = self.capture(&Task {
            image: image.to_owned(),
            root: true,
            volumes: volumes.to_vec(),
            program: "chown".to_owned(),
            args,
        })?;
        match captured.code {
            Some(0) => Ok(()),
            _ => Err(EngineError::of_stderr(self.kind, &captured.stderr).into()),
        }
    }

    /// The client's program, for command lines that others run.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Removes an image of ours by its name, even when we were asked to stop. There is nobody to
    /// hear of a failure.
    pub fn discard(&self, name: &str) {
        let cmd = self.cmd().args(["image", "rm", "--force", name]);
        let _ = cmd.even_when_stopped().output();
    }
}

fn capture_command(cmd: Cmd, task: &Task) -> Cmd {
    // --init: process 1 hears of no signal that it does not ask for.
    let mut cmd = cmd.args(["run", "--rm", "--init", "--network=none"]);
    if task.root {
        cmd = cmd.arg("--user=0:0");
    }
    for volume in &task.volumes {
        cmd = cmd.arg("--volume").arg(volume);
    }
    cmd = cmd.arg("--entrypoint").arg(&task.program);
    cmd.arg(&task.image).args(&task.args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_s_command_line() {
        let task = Task {
            image: "a/b:1".into(),
            root: true,
            volumes: vec!["cargo-cache:/cargo-cache".into()],
            program: "chown".into(),
            args: vec!["1:1".into(), "/a b".into()],
        };
        insta::assert_snapshot!(
            capture_command(Cmd::new("docker"), &task).to_string(),
            @"docker run --rm --init '--network=none' '--user=0:0' --volume cargo-cache:/cargo-cache --entrypoint chown a/b:1 1:1 '/a b'"
        );
    }
}
