//! Commands in a container that runs.

use std::ffi::OsString;

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
            .output();
        asked.is_ok_and(|output| says_running(&output.stdout))
    }
}

/// What docker's daemon answers is an object, and what clients print a list of them.
fn says_running(answer: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else {
        return false;
    };
    let container = answer.get(0).unwrap_or(&answer);
    container.pointer("/State/Running") == Some(&true.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_and_a_client_say_that_a_container_runs() {
        assert!(says_running(br#"{"State":{"Running":true}}"#));
        assert!(says_running(br#"[{"State":{"Running":true}}]"#));
        assert!(!says_running(br#"[{"State":{"Running":false}}]"#));
        assert!(!says_running(b"[]"));
        assert!(!says_running(b""));
    }
}
