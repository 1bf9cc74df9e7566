//! Running a container in the foreground.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::{Engine, EngineKind, Network, podman};
use crate::proc::{Cmd, check_interrupted};

/// A file or directory of the host inside the container, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its absolute path on the host.
    pub source: PathBuf,
    pub target: String,
}

/// A container to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// The image's name or id.
    pub image: String,
    /// Its hostname, and its name among the engine's containers.
    pub hostname: String,
    pub network: Network,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// Variables of its environment; never secrets.
    pub env: Vec<(String, String)>,
    /// Variables whose values it takes from our environment, as they may hold passwords.
    pub pass_env: Vec<String>,
    /// Read-only files.
    pub mounts: Vec<Mount>,
    /// Directories in memory: for what must be in no layer.
    pub tmpfs: Vec<String>,
    /// Volumes as the user wrote them.
    pub volumes: Vec<String>,
    /// The command; the entrypoint's choice when empty.
    pub command: Vec<OsString>,
}

impl Engine {
    /// Runs it and returns the command's exit code.
    pub fn start(&self, spec: &RunSpec) -> Result<i32> {
        let code = self.start_command(spec).attached()?;
        // A client that hears of a signal after it has made the container and before it starts it forgets it.
        if check_interrupted().is_err() {
            self.discard_stopped(&spec.hostname);
        }
        // What podman gives when it could not start anything; a command may give it as well.
        if self.kind == EngineKind::Podman && matches!(code, 125 | 126) {
            self.starts_containers(&spec.image)?;
        }
        Ok(code)
    }

    /// Fails when podman cannot start containers on this machine, for a reason that we know.
    fn starts_containers(&self, image: &str) -> Result<()> {
        let probe = [
            "run",
            "--rm",
            "--init",
            "--network=none",
            "--entrypoint=true",
        ];
        let output = self.cmd().args(probe).arg(image).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        match podman::known(&said).filter(|_| !output.status.success()) {
            Some(known) => Err(known.into()),
            None => Ok(()),
        }
    }

    /// Whether a container has this name, running or not.
    pub fn has_container(&self, name: &str) -> Result<bool> {
        let cmd = self.cmd().args(["container", "inspect", name]);
        Ok(cmd.output()?.status.success())
    }

    /// The command that [`Engine::start`] runs.
    pub fn start_command(&self, spec: &RunSpec) -> Cmd {
        run_command(self.kind, self.cmd(), spec)
    }
}

fn run_command(kind: EngineKind, cmd: Cmd, spec: &RunSpec) -> Cmd {
    // --init: a command that is process 1 itself would not hear of Ctrl-C. --pull: of an image that was
    // removed meanwhile no registry is asked, as its name tells of the repository.
    let mut cmd = cmd.args(["run", "--rm", "--init", "--interactive", "--pull=never"]);
    if spec.terminal {
        cmd = cmd.arg("--tty");
    }
    // What podman takes without being told works without root, too.
    if (kind, spec.network) != (EngineKind::Podman, Network::Bridge) {
        cmd = cmd.arg(format!("--network={}", spec.network));
    }
    if spec.network != Network::Bridge {
        // The engine then copies the host's own /etc/hosts, or writes none of its names into it, and sudo
        // complains of one that is not there.
        let address = format!("{}:127.0.0.1", spec.hostname);
        cmd = cmd.args(["--add-host", &address]);
    }
    cmd = cmd.args(["--hostname", &spec.hostname, "--name", &spec.hostname]);
    for (name, value) in &spec.env {
        cmd = cmd.arg("--env").arg(format!("{name}={value}"));
    }
    for name in &spec.pass_env {
        cmd = cmd.arg("--env").arg(name);
    }
    for Mount { source, target } in &spec.mounts {
        let source = source.display().to_string();
        // Podman 4 splits at commas whatever the quotes; --volume of podman takes commas as they
        // are, and splits at colons.
        cmd = if kind == EngineKind::Podman && source.contains(',') {
            cmd.arg("--volume").arg(format!("{source}:{target}:ro"))
        } else {
            let source = csv_field(&format!("source={source}"));
            cmd.arg("--mount")
                .arg(format!("type=bind,{source},target={target},readonly"))
        };
    }
    for target in &spec.tmpfs {
        cmd = cmd.arg("--tmpfs").arg(target);
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
            network: Network::Host,
            terminal: true,
            env: vec![("DKR_NAME".into(), "brave-panda".into())],
            pass_env: vec!["HTTPS_PROXY".into()],
            mounts: vec![Mount {
                source: "/a, \"b\"/run".into(),
                target: "/run/from-host".into(),
            }],
            tmpfs: vec!["/run/dkr".into()],
            volumes: vec!["bazel-cache:/bazel-cache".into()],
            command: vec!["make".into(), "check".into()],
        };
        let run =
            |kind: EngineKind| run_command(kind, Cmd::new(kind.to_string()), &spec).to_string();
        insta::assert_snapshot!(run(EngineKind::Docker), @r#"docker run --rm --init --interactive '--pull=never' --tty '--network=host' --add-host app-1f2e:127.0.0.1 --hostname app-1f2e --name app-1f2e --env 'DKR_NAME=brave-panda' --env HTTPS_PROXY --mount 'type=bind,"source=/a, ""b""/run",target=/run/from-host,readonly' --tmpfs /run/dkr --volume bazel-cache:/bazel-cache dkr:app-main make check"#);
        insta::assert_snapshot!(run(EngineKind::Podman), @r#"podman run --rm --init --interactive '--pull=never' --tty '--network=host' --add-host app-1f2e:127.0.0.1 --hostname app-1f2e --name app-1f2e --env 'DKR_NAME=brave-panda' --env HTTPS_PROXY --volume '/a, "b"/run:/run/from-host:ro' --tmpfs /run/dkr --volume bazel-cache:/bazel-cache dkr:app-main make check"#);
    }
}
