//! What a container is given and held to, as an engine's command line says it.

use super::EngineKind;
use crate::proc::Cmd;

/// What the settings ask of the engine; by default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// As `--user` takes it; the image's own when absent.
    pub user: Option<String>,
    /// Whether the user who runs podman without root is the same one inside.
    pub keeps_id: bool,
    pub cpus: Option<String>,
    pub memory: Option<String>,
    /// `all`, how many, or `device=…`.
    pub gpus: Option<String>,
    /// Ports to publish, as `--publish` takes them.
    pub ports: Vec<String>,
    /// Whether what runs in it has no privileges, and no way to more than its user may do.
    pub confined: bool,
    /// Whatever else the engine knows, as it stands.
    pub args: Vec<String>,
}

impl RunOptions {
    /// Adds them to the command of a run.
    pub(super) fn add_to(&self, kind: EngineKind, mut cmd: Cmd) -> Cmd {
        if self.keeps_id {
            cmd = cmd.arg("--userns=keep-id");
        }
        let valued = [
            ("--user", &self.user),
            ("--cpus", &self.cpus),
            ("--memory", &self.memory),
        ];
        for (option, value) in valued {
            if let Some(value) = value {
                cmd = cmd.arg(option).arg(value);
            }
        }
        if let Some(gpus) = &self.gpus {
            cmd = cmd.args(gpu_args(kind, gpus));
        }
        if self.confined {
            cmd = cmd.args(["--cap-drop=ALL", "--security-opt=no-new-privileges"]);
            cmd = cmd.args(["--pids-limit", MOST_PROCESSES]);
            if self.user.is_none() {
                cmd = cmd.args(OF_ROOT.map(|name| format!("--cap-add={name}")));
            }
        }
        for port in &self.ports {
            cmd = cmd.arg("--publish").arg(port);
        }
        cmd.args(&self.args)
    }
}

/// The most processes of a container without privileges.
const MOST_PROCESSES: &str = "4096";

/// What root keeps there, where it is the user: package managers do not work without.
const OF_ROOT: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// Podman 4 knows `--gpus` and does nothing: it takes them as devices of the Container Device Interface.
fn gpu_args(kind: EngineKind, gpus: &str) -> Vec<String> {
    if kind == EngineKind::Docker {
        return vec!["--gpus".to_owned(), csv_field(gpus)];
    }
    let device = |name: &str| format!("--device=nvidia.com/gpu={name}");
    match (gpus.strip_prefix("device="), gpus.parse::<u32>()) {
        (Some(names), _) => names.split(',').map(device).collect(),
        (None, Ok(count)) => (0..count).map(|index| device(&index.to_string())).collect(),
        (None, Err(_)) => vec![device(gpus)],
    }
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

    fn shown(kind: EngineKind, options: &RunOptions) -> String {
        options.add_to(kind, Cmd::new(kind.to_string())).to_string()
    }

    #[test]
    fn nothing_is_asked_for_by_default() {
        assert_eq!(shown(EngineKind::Docker, &RunOptions::default()), "docker");
    }

    #[test]
    fn all_that_can_be_asked_for() {
        let options = RunOptions {
            user: Some("1000:1000".into()),
            keeps_id: true,
            cpus: Some("1.5".into()),
            memory: Some("512m".into()),
            gpus: Some("device=0,1".into()),
            ports: vec!["127.0.0.1:3000:3000".into()],
            confined: false,
            args: vec!["--cap-add".into(), "SYS_PTRACE".into()],
        };
        insta::assert_snapshot!(shown(EngineKind::Docker, &options), @r#"docker '--userns=keep-id' --user 1000:1000 --cpus 1.5 --memory 512m --gpus '"device=0,1"' --publish 127.0.0.1:3000:3000 --cap-add SYS_PTRACE"#);
        insta::assert_snapshot!(shown(EngineKind::Podman, &options), @"podman '--userns=keep-id' --user 1000:1000 --cpus 1.5 --memory 512m '--device=nvidia.com/gpu=0' '--device=nvidia.com/gpu=1' --publish 127.0.0.1:3000:3000 --cap-add SYS_PTRACE");
    }

    #[test]
    fn without_privileges() {
        let mut options = RunOptions {
            confined: true,
            user: Some("1000:1000".into()),
            ..RunOptions::default()
        };
        insta::assert_snapshot!(shown(EngineKind::Docker, &options), @"docker --user 1000:1000 '--cap-drop=ALL' '--security-opt=no-new-privileges' --pids-limit 4096");
        options.user = None;
        insta::assert_snapshot!(shown(EngineKind::Docker, &options), @"docker '--cap-drop=ALL' '--security-opt=no-new-privileges' --pids-limit 4096 '--cap-add=CHOWN' '--cap-add=DAC_OVERRIDE' '--cap-add=FOWNER' '--cap-add=SETGID' '--cap-add=SETUID'");
    }

    #[test]
    fn gpus_of_podman() {
        assert_eq!(
            gpu_args(EngineKind::Podman, "all"),
            ["--device=nvidia.com/gpu=all"]
        );
        assert_eq!(gpu_args(EngineKind::Podman, "2").len(), 2);
        assert_eq!(gpu_args(EngineKind::Docker, "2"), ["--gpus", "2"]);
    }
}
