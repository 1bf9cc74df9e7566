//! Running a command in a container of its own and hearing what it says, and clearing up behind
//! work that was interrupted.

use std::path::Path;

use anyhow::Result;

use super::{Engine, EngineError};
use crate::proc::{Cmd, check_interrupted};

/// A command for a container that is gone with it, and is without network and terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureSpec {
    /// The image's name or id.
    pub image: String,
    /// Whether it runs as root, whatever user the image has.
    pub root: bool,
    /// Named volumes, as `name:/target`.
    pub volumes: Vec<String>,
    /// The program, instead of the image's entrypoint.
    pub program: String,
    pub args: Vec<String>,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its exit code; `None` when a signal ended the client.
    pub code: Option<i32>,
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Engine {
    /// Runs it to its end. Nothing of it outlives a signal to us.
    pub fn capture(&self, task: &CaptureSpec) -> Result<Captured> {
        check_interrupted()?;
        // A client that makes and starts in one go forgets what it made when a signal comes between.
        let create = create_command(self.cmd(), task).even_when_stopped();
        let container = TempContainer {
            engine: self,
            id: self.run(&create)?.trim().to_owned(),
        };
        // Asked again and again: process 1 does not listen from its first moment.
        let start = self.cmd().args(["start", "--attach", &container.id]);
        let output = start.stops_by_hangup().output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Captured {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
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
        let captured = self.capture(&CaptureSpec {
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

/// A container that is gone with this value.
struct TempContainer<'a> {
    engine: &'a Engine,
    id: String,
}

impl Drop for TempContainer<'_> {
    fn drop(&mut self) {
        let cmd = self.engine.cmd().args(["container", "rm", "--force"]);
        let _ = cmd.arg(&self.id).even_when_stopped().output();
    }
}

fn create_command(cmd: Cmd, task: &CaptureSpec) -> Cmd {
    // --rm: should we be killed, it goes with its program. --init: so do those that this has left behind.
    let create = ["create", "--rm", "--init", "--pull=never"];
    let mut cmd = cmd.args(create).arg("--network=none");
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
        let task = CaptureSpec {
            image: "a/b:1".into(),
            root: true,
            volumes: vec!["cargo-cache:/cargo-cache".into()],
            program: "chown".into(),
            args: vec!["1:1".into(), "/a b".into()],
        };
        insta::assert_snapshot!(
            create_command(Cmd::new("docker"), &task).to_string(),
            @"docker create --rm --init '--pull=never' '--network=none' '--user=0:0' --volume cargo-cache:/cargo-cache --entrypoint chown a/b:1 1:1 '/a b'"
        );
    }
}
