//! Why an engine did not start a container: it says so on the terminal, among what the container says, and is
//! asked once more for us to hear it.

use anyhow::Result;

use super::run::network_arg;
use super::{Engine, EngineError, EngineKind, RunSpec, podman};
use crate::proc::Cmd;

impl Engine {
    /// Fails when a run that ended with this code did not start for a reason that we know. A command may end
    /// with such a code, too.
    pub(super) fn check_refusal(&self, code: i32, spec: &RunSpec) -> Result<()> {
        let asked = spec.options != super::RunOptions::default();
        let refused = match self.kind {
            EngineKind::Docker => code == 125 && asked,
            EngineKind::Podman => matches!(code, 125 | 126),
        };
        if !refused {
            return Ok(());
        }
        let output = probe(self.kind, self.cmd(), spec).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let known = || {
            refusal(self.kind, &said).or_else(|| match self.kind {
                EngineKind::Docker => None,
                EngineKind::Podman => podman::known(&said),
            })
        };
        match known().filter(|_| !output.status.success()) {
            Some(known) => Err(known.into()),
            None => Ok(()),
        }
    }
}

/// A container that is given the same and does nothing.
fn probe(kind: EngineKind, cmd: Cmd, spec: &RunSpec) -> Cmd {
    let mut cmd = cmd.args(["run", "--rm", "--init", "--pull=never", "--entrypoint=true"]);
    if let Some(network) = network_arg(kind, spec.network) {
        cmd = cmd.arg(network);
    }
    spec.options.add_to(kind, cmd).arg(&spec.image)
}

/// Makes out what an engine does not give to a container: said by Docker 20.10 and 28, and by podman 4.3
/// with runc.
fn refusal(kind: EngineKind, said: &str) -> Option<EngineError> {
    let line = |signs: &[&str]| {
        let said = said
            .lines()
            .find(|line| signs.iter().all(|sign| line.contains(sign)))?;
        let said = said.trim().trim_end_matches('.');
        let prefixes = ["docker: ", "Error response from daemon: ", "Error: "];
        Some(prefixes.iter().fold(said, |said, prefix| {
            said.strip_prefix(prefix).unwrap_or(said)
        }))
    };
    let found = |signs: &[&[&str]]| {
        signs
            .iter()
            .find_map(|signs| line(signs))
            .map(str::to_owned)
    };
    if let Some(said) = found(&[&["port is already allocated"], &["address already in use"]]) {
        return Some(EngineError::PortInUse(port(&said).unwrap_or(said)));
    }
    if let Some(said) = found(&[&["unable to find user "]]) {
        let user = said.strip_prefix("unable to find user ").unwrap_or(&said);
        let user = user.split(':').next().unwrap_or(user).to_owned();
        return Some(EngineError::NoUser(user));
    }
    if let Some(said) = found(&[
        &["could not select device driver", "gpu"],
        &["unresolvable CDI devices"],
        &["stat nvidia.com/gpu"],
    ]) {
        return Some(EngineError::NoGpus(kind, said));
    }
    if let Some(said) = found(&[
        &["ange of CPUs is from"],
        &["emory limit allowed is"],
        &["unable to set memory limit"],
        &["CPU cfs quota cannot be less than"],
        &["cpu.cfs_quota_us", "invalid argument"],
        &["cpu.max", "invalid argument"],
        &["container init was OOM-killed"],
    ]) {
        // What the runtime says goes on and on; the end of it tells.
        let short = said
            .rsplit(": error setting cgroup config for procHooks process: ")
            .next();
        return Some(EngineError::Limit(short.unwrap_or(&said).to_owned()));
    }
    let said = found(&[
        &["unknown flag:"],
        &["unknown shorthand flag:"],
        &["invalid argument", " flag"],
        &["flag needs an argument"],
        &["nknown capability"],
    ])?;
    Some(EngineError::RunArgs(kind, said))
}

/// The port in `Bind for 127.0.0.1:80 failed`, `listen tcp4 127.0.0.1:80: bind`, and `failed to bind host
/// port for 127.0.0.1:80:172.17.0.2:80/tcp`.
fn port(said: &str) -> Option<String> {
    let after = [
        "Bind for ",
        "listen tcp4 ",
        "listen tcp6 ",
        "listen tcp ",
        "bind host port for ",
        "bind host port ",
    ];
    let rest = after.iter().find_map(|before| said.split_once(before))?.1;
    let word = rest.split(' ').next()?.trim_end_matches(':');
    if word.starts_with('[') {
        return Some(word.to_owned());
    }
    let mut parts = word.split(':');
    Some(format!("{}:{}", parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Network, RunOptions};

    #[test]
    fn what_engines_refuse_is_made_out() {
        use EngineKind::{Docker, Podman};
        let said = [
            (
                Docker,
                "docker: Error response from daemon: Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available.\nSee 'docker run --help'.",
            ),
            (
                Docker,
                "docker: Error response from daemon: range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available\n\nRun 'docker run --help' for more information",
            ),
            (
                Docker,
                "docker: Error response from daemon: Minimum memory limit allowed is 6MB.\nSee 'docker run --help'.",
            ),
            (
                Docker,
                "docker: Error response from daemon: could not select device driver \"\" with capabilities: [[gpu]].",
            ),
            (
                Docker,
                "docker: Error response from daemon: unable to find user nobodyx: no matching entries in passwd file.",
            ),
            (
                Docker,
                "docker: Error response from daemon: driver failed programming external connectivity on endpoint quirky_wescoff (0c8a): Error starting userland proxy: listen tcp4 127.0.0.1:3999: bind: address already in use.\ntime=\"2026-11-30T14:36:20Z\" level=error msg=\"error waiting for container: context canceled\"",
            ),
            (
                Docker,
                "docker: Error response from daemon: driver failed programming external connectivity on endpoint practical_kalam (adb6): Bind for 127.0.0.1:3999 failed: port is already allocated.",
            ),
            (
                Docker,
                "docker: Error response from daemon: failed to set up container networking: driver failed programming external connectivity on endpoint x (1f): failed to bind host port for 127.0.0.1:3999:172.17.0.2:80/tcp: address already in use",
            ),
            (
                Docker,
                "docker: Error response from daemon: invalid CapAdd: unknown capability: \"CAP_NOPE\".\nSee 'docker run --help'.",
            ),
            (
                Docker,
                "unknown flag: --nosuchflag\nSee 'docker run --help'.",
            ),
            (
                Docker,
                "docker: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting cgroup config for procHooks process: failed to write \"100\": write /sys/fs/cgroup/cpu/docker/37c9/cpu.cfs_quota_us: invalid argument: unknown.",
            ),
            (
                Podman,
                "Error: OCI runtime error: runc: runc create failed: unable to start container process: error during container init: error setting cgroup config for procHooks process: unable to set memory limit to 1048576 (current usage: 2240512, peak usage: 2371584)",
            ),
            (
                Podman,
                "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all",
            ),
            (
                Podman,
                "Error: unable to find user nobodyx: no matching entries in passwd file",
            ),
            (
                Podman,
                "Error: cannot listen on the TCP port: listen tcp4 127.0.0.1:3999: bind: address already in use",
            ),
            (Podman, "Error: \"CAP_NOPE\": unknown capability"),
            (
                Podman,
                "Error: unknown flag: --nosuchflag\nSee 'podman run --help'",
            ),
            (
                Podman,
                "Error: CPU cfs quota cannot be less than 1ms (i.e. 1000)",
            ),
            (Docker, "docker: Error response from daemon: Conflict."),
        ];
        let told = said.map(|(kind, said)| match refusal(kind, said) {
            Some(known) => format!("{known}\n  hint: {}", known.hint().unwrap_or_default()),
            None => "not known".to_owned(),
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_probe_asks_for_the_same() {
        let spec = RunSpec {
            image: "dkr:app-main".into(),
            hostname: "box".into(),
            network: Network::Bridge,
            terminal: true,
            labels: Vec::new(),
            env: Vec::new(),
            pass_env: Vec::new(),
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            volumes: Vec::new(),
            options: RunOptions {
                cpus: Some("9".into()),
                ..RunOptions::default()
            },
            stays: false,
            detached: false,
            command: vec!["make".into()],
        };
        insta::assert_snapshot!(
            probe(EngineKind::Docker, Cmd::new("docker"), &spec).to_string(),
            @"docker run --rm --init '--pull=never' '--entrypoint=true' '--network=bridge' --cpus 9 dkr:app-main"
        );
    }
}
