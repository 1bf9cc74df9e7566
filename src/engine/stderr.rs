//! What a failed command said, made out.

use super::{EngineError, EngineKind, podman};

impl EngineError {
    /// Makes out what a failed command said.
    pub(super) fn of_stderr(kind: EngineKind, stderr: &str) -> Self {
        let said = stderr
            .trim()
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("See 'docker"))
            // Each retry of podman is a remark before the error, which says the same.
            .filter(|line| kind == EngineKind::Docker || !line.starts_with("time=\""))
            .map(|line| match kind {
                EngineKind::Docker => line,
                EngineKind::Podman => line.strip_prefix("Error: ").unwrap_or(line),
            })
            .collect::<Vec<_>>()
            .join("\n");
        let has = |text: &str| said.contains(text);
        if kind == EngineKind::Podman
            && let Some(known) = podman::known(&said)
        {
            known
        } else if has("permission denied") && (has("docker.sock") || has("daemon socket")) {
            Self::PermissionDenied(said)
        } else if has("Cannot connect to the Docker daemon")
            || has("error during connect")
            || has("Is the docker daemon running")
            || has("failed to connect to the docker API")
        {
            Self::NoDaemon(said)
        } else if has("client version") && (has("is too old") || has("is too new"))
            || has("requires API version")
            || has("requires the Docker daemon API version")
        {
            Self::ApiVersion(said)
        } else if has("no space left on device") {
            Self::DiskFull(kind, said)
        } else if has("dockerfile parse error") {
            Self::BadDockerfile(kind, said)
        } else if has("host's network namespace when user namespaces are enabled") {
            Self::MapsUsers
        } else if has("buildx component is missing") {
            Self::NoBuildx("docker".to_owned())
        } else {
            Self::Other(kind, said)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_says_is_made_out() {
        let of = |said| EngineError::of_stderr(EngineKind::Docker, said);
        assert!(matches!(
            of(
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
            ),
            EngineError::NoDaemon(_)
        ));
        assert!(matches!(
            of(
                "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: …: dial unix /var/run/docker.sock: connect: permission denied"
            ),
            EngineError::PermissionDenied(_)
        ));
        assert!(matches!(
            of("failed to copy: write /var/lib/docker/tmp/x: no space left on device"),
            EngineError::DiskFull(..)
        ));
        for said in [
            "Error response from daemon: client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
            "Error response from daemon: client version 1.99 is too new. Maximum supported API version is 1.41",
            "\"--platform\" requires API version 1.32, but the Docker daemon API version is 1.30",
        ] {
            assert!(matches!(of(said), EngineError::ApiVersion(_)), "{said}");
        }
        assert_eq!(
            of("\nError: boo\nSee 'docker run --help'.\n"),
            EngineError::Other(EngineKind::Docker, "Error: boo".into())
        );
    }

    #[test]
    fn what_podman_says_is_its_last_word() {
        let said = "time=\"2026-11-21T17:27:15Z\" level=warning msg=\"Failed, retrying in 1s ... (1/3). Error: pinging\"\nError: initializing source docker://127.0.0.1:1/no/such:image: pinging container registry 127.0.0.1:1\n";
        let EngineError::Other(EngineKind::Podman, said) =
            EngineError::of_stderr(EngineKind::Podman, said)
        else {
            panic!("{said}");
        };
        assert!(said.starts_with("initializing source"), "{said}");
        assert!(!said.contains("retrying"), "{said}");
    }
}
