//! Commands in a container that runs.

use std::ffi::OsString;

use anyhow::Result;

use super::Engine;
use super::docker::socket;
use crate::proc::Cmd;

impl Engine {
    /// A command in the container of this name, as the container's own user. It reads our standard input.
    pub fn exec_command(&self, container: &str, command: &[&str]) -> Cmd {
        self.cmd()
            .args(["exec", "--interactive", container])
            .args(command)
    }

    /// A command in it as the container's own user, in a directory there, on our own terminal if it is to have one.
    pub fn exec_in(
        &self,
        container: &str,
        directory: &str,
        terminal: bool,
        command: &[OsString],
    ) -> Cmd {
        let terminal = terminal.then_some("--tty");
        let cmd = self.cmd().args(["exec", "--interactive"]).args(terminal);
        let cmd = cmd.args(["--workdir", directory, container]);
        cmd.args(command)
    }

    /// The terminal of the program that a container was started with. Signals to us, such as that a terminal
    /// was closed, do not reach it.
    pub fn attach_command(&self, container: &str) -> Cmd {
        self.cmd().args(["attach", "--sig-proxy=false", container])
    }

    /// What the program that a container was started with has printed.
    pub fn logs_command(&self, container: &str, follow: bool) -> Cmd {
        let follow = follow.then_some("--follow");
        self.cmd().arg("logs").args(follow).arg(container)
    }

    /// A command in it as root, whoever its user is: with what root may do in the container, or with all that
    /// the engine has to give.
    pub fn exec_as_root(&self, container: &str, privileged: bool, command: &[&str]) -> Cmd {
        let privileged = privileged.then_some("--privileged");
        let cmd = self.cmd().args(["exec", "--user", "0"]).args(privileged);
        cmd.arg(container).args(command)
    }

    /// Starts one again that has ended, and does not wait for it.
    pub(crate) fn start_again(&self, container: &str) -> Result<()> {
        self.run(&self.cmd().args(["start", container])).map(drop)
    }

    /// Waits until it has ended, by itself or by whatever; fails when the engine is gone.
    pub(crate) fn wait(&self, container: &str) -> Result<()> {
        self.run(&self.cmd().args(["wait", container])).map(drop)
    }

    /// Asks it to stop, and kills it after ten seconds.
    pub(crate) fn stop(&self, container: &str) -> Result<()> {
        let output = self
            .cmd()
            .args(["stop", container])
            .even_when_stopped()
            .output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(self.trouble(&output.stderr).into()),
        }
    }

    /// Removes it, running or not. It may be gone.
    pub(crate) fn remove_container(&self, container: &str) -> Result<()> {
        let cmd = self.cmd().args(["rm", "--force", "--volumes", container]);
        let output = cmd.even_when_stopped().output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let gone = said.contains("No such container") || said.contains("no such container");
        match output.status.success() || gone {
            true => Ok(()),
            false => Err(self.trouble(&output.stderr).into()),
        }
    }

    /// The last lines that it printed.
    pub(crate) fn last_lines(&self, container: &str, number: u32) -> Result<String> {
        let tail = format!("--tail={number}");
        let output = self.cmd().args(["logs", &tail, container]).output()?;
        let mut all = output.stdout;
        all.extend(output.stderr);
        Ok(String::from_utf8_lossy(&all).into_owned())
    }

    /// Whether a file is in a container that has ended.
    pub(crate) fn has_file(&self, container: &str, path: &str) -> Result<bool> {
        if let Some(socket) = &self.socket {
            let archive = format!("/containers/{container}/archive?path={path}");
            return Ok(socket::get_silently(socket, &archive).is_ok());
        }
        let cmd = self.cmd().args(["cp", &format!("{container}:{path}"), "-"]);
        Ok(cmd.output()?.status.success())
    }

    /// What has become of the container; `None` when there is none of this name.
    pub(crate) fn status_of(&self, container: &str) -> Result<Option<ContainerStatus>> {
        let answer = match &self.socket {
            Some(path) => socket::get_silently(path, &format!("/containers/{container}/json")).ok(),
            None => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            None => {
                let output = self
                    .cmd()
                    .args(["container", "inspect", container])
                    .silently()
                    .output()?;
                let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
                if !output.status.success() && said.contains("no such container") {
                    return Ok(None);
                }
                if !output.status.success() {
                    return Err(self.trouble(&output.stderr).into());
                }
                output.stdout
            }
        };
        Ok(status(&answer))
    }

    /// Whether a container of this name runs. Asked again and again, and so not shown.
    pub fn is_running(&self, container: &str) -> bool {
        if let Some(path) = &self.socket {
            let answer = socket::get_silently(path, &format!("/containers/{container}/json"));
            return answer.is_ok_and(|answer| says_running(&answer));
        }
        let asked = self
            .cmd()
            .args(["container", "inspect", container])
            .silently()
            .even_when_stopped()
            .output();
        asked.is_ok_and(|output| says_running(&output.stdout))
    }
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerStatus {
    /// It was made, and never ran.
    Created,
    Running,
    /// With this exit code.
    Ended(i64),
}

fn says_running(answer: &[u8]) -> bool {
    status(answer) == Some(ContainerStatus::Running)
}

/// What docker's daemon answers is an object, and what clients print a list of them.
fn status(answer: &[u8]) -> Option<ContainerStatus> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let state = answer.get(0).unwrap_or(&answer).get("State")?;
    if state.get("Running") == Some(&true.into()) {
        return Some(ContainerStatus::Running);
    }
    match state.get("Status").and_then(serde_json::Value::as_str) {
        Some("created" | "configured") => Some(ContainerStatus::Created),
        _ => Some(ContainerStatus::Ended(state.get("ExitCode")?.as_i64()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_and_a_client_say_that_a_container_runs() {
        assert!(says_running(br#"{"State":{"Running":true}}"#));
        assert!(says_running(br#"[{"State":{"Running":true}}]"#));
        assert!(!says_running(
            br#"[{"State":{"Running":false,"ExitCode":0}}]"#
        ));
        assert!(!says_running(b"[]"));
        assert!(!says_running(b""));
        assert_eq!(status(b"[]"), None);
        let ended = br#"{"State":{"Running":false,"Status":"exited","ExitCode":3}}"#;
        assert_eq!(status(ended), Some(ContainerStatus::Ended(3)));
        let created = br#"{"State":{"Running":false,"Status":"created","ExitCode":0}}"#;
        assert_eq!(status(created), Some(ContainerStatus::Created));
    }
}
