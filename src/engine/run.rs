//! Running a container in the foreground.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::Engine;
use crate::proc::Cmd;

/// A file or folder of the host inside the container, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its absolute path on the host.
    pub source: PathBuf,
    /// Where it appears.
    pub target: String,
}

/// A container to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// The image's name or id.
    pub image: String,
    /// Its hostname, and its name among the engine's containers.
    pub hostname: String,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// Variables of its environment; never secrets.
    pub env: Vec<(String, String)>,
    /// Variables whose values it takes from our environment, as they may hold passwords.
    pub pass_env: Vec<String>,
    /// Read-only files.
    pub mounts: Vec<Mount>,
    /// Volumes as the user wrote them.
    pub volumes: Vec<String>,
    /// The command; the entrypoint's choice when empty.
    pub command: Vec<OsString>,
}

impl Engine {
    /// Runs it and returns the command's exit code.
    pub fn start(&self, spec: &RunSpec) -> Result<i32> {
        run_command(self.cmd(), spec).attached()
    }

    /// Whether a container has this name, running or not.
    pub fn has_container(&self, name: &str) -> Result<bool> {
        let cmd = self.cmd().args(["container", "inspect", name]);
        Ok(cmd.output()?.status.success())
    }

    /// The command that [`Engine::start`] runs.
    pub fn start_command(&self, spec: &RunSpec) -> Cmd {
        run_command(self.cmd(), spec)
    }
}

fn run_command(cmd: Cmd, spec: &RunSpec) -> Cmd {
    // --init: a command that is process 1 itself would not hear of Ctrl-C.
    let mut cmd = cmd.args(["run", "--rm", "--init", "--interactive"]);
    if spec.terminal {
        cmd = cmd.arg("--tty");
    }
    if cfg!(target_os = "linux") {
        cmd = cmd.arg("--network=host");
    }
    cmd = cmd.args(["--hostname", &spec.hostname, "--name", &spec.hostname]);
    for (name, value) in &spec.env {
        cmd = cmd.arg("--env").arg(format!("{name}={value}"));
    }
    for name in &spec.pass_env {
        cmd = cmd.arg("--env").arg(name);
    }
    for Mount { source, target } in &spec.mounts {
        let source = csv_field(&format!("source={}", source.display()));
        cmd = cmd
            .arg("--mount")
            .arg(format!("type=bind,{source},target={target},readonly"));
    }
    for volume in &spec.volumes {
        cmd = cmd.arg("--volume").arg(volume);
    }
    cmd.arg(&spec.image).args(&spec.command)
}

/// `--mount` takes a line of comma-separated values, where quotes protect commas and are doubled.
pub(super) fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_s_command_line() {
        let spec = RunSpec {
            image: "dkr:app-main".into(),
            hostname: "app-1f2e".into(),
            terminal: true,
            env: vec![("DKR_NAME".into(), "brave-panda".into())],
            pass_env: vec!["HTTPS_PROXY".into()],
            mounts: vec![Mount {
                source: "/a, \"b\"/run".into(),
                target: "/run/dkr".into(),
            }],
            volumes: vec!["bazel-cache:/bazel-cache".into()],
            command: vec!["make".into(), "check".into()],
        };
        insta::assert_snapshot!(run_command(Cmd::new("docker"), &spec).to_string(), @r#"docker run --rm --init --interactive --tty '--network=host' --hostname app-1f2e --name app-1f2e --env 'DKR_NAME=brave-panda' --env HTTPS_PROXY --mount 'type=bind,"source=/a, ""b""/run",target=/run/dkr,readonly' --volume bazel-cache:/bazel-cache dkr:app-main make check"#);
    }
}
