//! Commands in a container that runs.

use std::ffi::OsString;

use anyhow::Result;

use super::docker::socket;
use super::{ContainerState, Engine};
use crate::proc::{Cmd, check_interrupted};

impl Engine {
    /// A command in the container of this name, as the container's own user. It reads our standard input.
    pub fn exec_command(&self, container: &str, command: &[&str]) -> Cmd {
        self.cmd()
            .args(["exec", "--interactive", container])
            .args(command)
    }

    /// A command in it as the container's own user, in a directory there, on our own terminal if it is to
    /// have one.
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
        if let Some(socket) = &self.socket
            && socket::await_answer(socket, &format!("/containers/{container}/wait")).is_ok()
        {
            return Ok(());
        }
        check_interrupted()?;
        // The client says why.
        self.run(&self.cmd().args(["wait", container])).map(drop)
    }

    /// Asks it to stop, and kills it after ten seconds.
    pub(crate) fn stop(&self, container: &str) -> Result<()> {
        let cmd = self.cmd().args(["stop", container]);
        self.run(&cmd.even_when_stopped()).map(drop)
    }

    /// Removes it, running or not. It may be gone.
    pub(crate) fn remove_container(&self, container: &str) -> Result<()> {
        if let Some(socket) = &self.socket {
            match socket::delete(socket, &format!("/containers/{container}?force=1&v=1")) {
                Ok(()) | Err(ureq::Error::StatusCode(404)) => return Ok(()),
                // The client says why.
                Err(_) => {}
            }
        }
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
            return Ok(socket::exists(socket, &archive));
        }
        let cmd = self.cmd().args(["cp", &format!("{container}:{path}"), "-"]);
        Ok(cmd.output()?.status.success())
    }

    /// What has become of the container; `None` when there is none of this name. Asked again and again, and
    /// so not shown.
    pub(crate) fn state_of(&self, container: &str) -> Result<Option<ContainerState>> {
        if let Some(path) = &self.socket {
            match socket::get_silently(path, &format!("/containers/{container}/json")) {
                Ok(answer) => return Ok(state(&answer)),
                Err(ureq::Error::StatusCode(404)) => return Ok(None),
                // The client says why.
                Err(_) => {}
            }
        }
        let cmd = self.cmd().args(["container", "inspect", container]);
        let output = cmd.silently().output()?;
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        match output.status.success() {
            true => Ok(state(&output.stdout)),
            false if said.contains("no such container") => Ok(None),
            false => Err(self.trouble(&output.stderr).into()),
        }
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

fn says_running(answer: &[u8]) -> bool {
    state(answer).is_some_and(ContainerState::is_alive)
}

/// What docker's daemon answers is an object, and what clients print a list of them.
fn state(answer: &[u8]) -> Option<ContainerState> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let state = answer.get(0).unwrap_or(&answer).get("State")?;
    let word = state
        .get("Status")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let code = state.get("ExitCode").and_then(serde_json::Value::as_i64);
    let code = code.and_then(|code| i32::try_from(code).ok());
    Some(
        match state.get("Running") == Some(&true.into()) && word != "paused" {
            true => ContainerState::Running,
            false => ContainerState::of(word, code),
        },
    )
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
        assert_eq!(state(b"[]"), None);
        let ended = br#"{"State":{"Running":false,"Status":"exited","ExitCode":3}}"#;
        assert_eq!(state(ended), Some(ContainerState::Exited(Some(3))));
        let created = br#"{"State":{"Running":false,"Status":"created","ExitCode":0}}"#;
        assert_eq!(state(created), Some(ContainerState::Created));
    }
}
