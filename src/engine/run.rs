//! Running a container in the foreground.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::run_options::csv_field;
use super::{Engine, EngineKind, Network, RunOptions};
use crate::proc::Cmd;

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
    /// What it is, for who finds it later. Those of the image are inherited.
    pub labels: Vec<(String, String)>,
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
    /// What else it is given and held to.
    pub options: RunOptions,
    /// Whether it stays when it has ended.
    pub stays: bool,
    /// Whether nobody waits for it.
    pub detached: bool,
    /// The command; the entrypoint's choice when empty.
    pub command: Vec<OsString>,
}

impl Engine {
    /// Runs it and returns the command's exit code.
    pub fn start(&self, spec: &RunSpec) -> Result<i32> {
        let code = self.start_command(spec).attached()?;
        self.check_refusal(code, spec)?;
        Ok(code)
    }

    /// Starts it in the background.
    pub(crate) fn start_detached(&self, spec: &RunSpec) -> Result<()> {
        let output = self.start_command(spec).output()?;
        if output.status.success() {
            return Ok(());
        }
        self.check_refusal(output.status.code().unwrap_or(1), spec)?;
        Err(self.trouble(&output.stderr).into())
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
    let mut cmd = cmd.args(["run", "--init", "--pull=never"]);
    if !spec.stays {
        cmd = cmd.arg("--rm");
    }
    cmd = cmd.arg(if spec.detached {
        "--detach"
    } else {
        "--interactive"
    });
    if spec.terminal {
        cmd = cmd.arg("--tty");
    }
    if spec.terminal && !spec.detached {
        // What ends this terminal does not end the container.
        cmd = cmd.arg("--sig-proxy=false");
    }
    if let Some(network) = network_arg(kind, spec.network) {
        cmd = cmd.arg(network);
    }
    if spec.network != Network::Bridge {
        // The engine then copies the host's own /etc/hosts, or writes none of its names into it, and sudo
        // complains of one that is not there.
        let address = format!("{}:127.0.0.1", spec.hostname);
        cmd = cmd.args(["--add-host", &address]);
    }
    cmd = cmd.args(["--hostname", &spec.hostname, "--name", &spec.hostname]);
    cmd = spec.options.add_to(kind, cmd);
    for (name, value) in &spec.labels {
        cmd = cmd.arg("--label").arg(format!("{name}={value}"));
    }
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

/// What podman takes without being told works without root, too.
pub(super) fn network_arg(kind: EngineKind, network: Network) -> Option<String> {
    let told = (kind, network) != (EngineKind::Podman, Network::Bridge);
    told.then(|| format!("--network={network}"))
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
            labels: vec![("dkr.branch".into(), "main".into())],
            env: vec![("DKR_NAME".into(), "brave-panda".into())],
            pass_env: vec!["HTTPS_PROXY".into()],
            mounts: vec![Mount {
                source: "/a, \"b\"/run".into(),
                target: "/run/from-host".into(),
            }],
            tmpfs: vec!["/run/dkr".into()],
            volumes: vec!["bazel-cache:/bazel-cache".into()],
            options: RunOptions::default(),
            stays: true,
            detached: false,
            command: vec!["make".into(), "check".into()],
        };
        let run =
            |kind: EngineKind| run_command(kind, Cmd::new(kind.to_string()), &spec).to_string();
        insta::assert_snapshot!(run(EngineKind::Docker), @r#"docker run --init '--pull=never' --interactive --tty '--sig-proxy=false' '--network=host' --add-host app-1f2e:127.0.0.1 --hostname app-1f2e --name app-1f2e --label 'dkr.branch=main' --env 'DKR_NAME=brave-panda' --env HTTPS_PROXY --mount 'type=bind,"source=/a, ""b""/run",target=/run/from-host,readonly' --tmpfs /run/dkr --volume bazel-cache:/bazel-cache dkr:app-main make check"#);
        insta::assert_snapshot!(run(EngineKind::Podman), @r#"podman run --init '--pull=never' --interactive --tty '--sig-proxy=false' '--network=host' --add-host app-1f2e:127.0.0.1 --hostname app-1f2e --name app-1f2e --label 'dkr.branch=main' --env 'DKR_NAME=brave-panda' --env HTTPS_PROXY --volume '/a, "b"/run:/run/from-host:ro' --tmpfs /run/dkr --volume bazel-cache:/bazel-cache dkr:app-main make check"#);
    }
}
