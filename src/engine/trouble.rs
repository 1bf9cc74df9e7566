//! What goes wrong with engines, and what to do about it.

/// An engine is missing, does not answer, or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No program of that name.
    #[error("there is no docker on the PATH")]
    NotInstalled,
    /// The client found no daemon.
    #[error("the docker daemon is not running, or not where the client looks: {0}")]
    NoDaemon(String),
    /// The socket is not for us.
    #[error("this user may not talk to the docker daemon: {0}")]
    PermissionDenied(String),
    /// A client without its build plugin, and no other behind it.
    #[error("{0} cannot build: its buildx plugin is missing or broken")]
    NoBuildx(String),
    /// BuildKit came with 18.09.
    #[error("{0} is too old: BuildKit came with Docker 18.09")]
    TooOld(String),
    /// podman under docker's name.
    #[error("{0} is podman in disguise, which git dkr does not drive yet")]
    Podman(String),
    /// Something else.
    #[error("{0} does not answer like docker")]
    Strange(String),
    /// The engine's disk, or ours.
    #[error("no space left on the disk: {0}")]
    DiskFull(String),
    /// The image to start from cannot be had.
    #[error("the base image cannot be had: {0}")]
    NoBaseImage(String),
    /// What a `# syntax=` line names cannot be had.
    #[error("the Dockerfile's frontend cannot be had: {0}")]
    NoFrontend(String),
    /// A raw line that this engine does not know.
    #[error("the engine does not understand the Dockerfile: {0}")]
    BadDockerfile(String),
    /// A step did not reach the ssh server on this machine.
    #[error("step `{0}` does not reach this machine over ssh")]
    HostUnreachable(String),
    /// A step of the build failed; its output was shown.
    #[error("step `{step}` failed: {reason}")]
    Step {
        /// Its number and instruction.
        step: String,
        /// What the engine says of it.
        reason: String,
    },
    /// Anything else.
    #[error("docker: {0}")]
    Other(String),
}

impl EngineError {
    /// Makes out what a failed command said.
    pub(super) fn of_stderr(stderr: &str) -> Self {
        let said = stderr
            .trim()
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("See 'docker"))
            .collect::<Vec<_>>()
            .join("\n");
        let has = |text: &str| said.contains(text);
        if has("permission denied") && (has("docker.sock") || has("daemon socket")) {
            Self::PermissionDenied(said)
        } else if has("Cannot connect to the Docker daemon")
            || has("error during connect")
            || has("Is the docker daemon running")
            || has("failed to connect to the docker API")
        {
            Self::NoDaemon(said)
        } else if has("no space left on device") {
            Self::DiskFull(said)
        } else if has("dockerfile parse error") {
            Self::BadDockerfile(said)
        } else if has("buildx component is missing") {
            Self::NoBuildx("docker".to_owned())
        } else {
            Self::Other(said)
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::NotInstalled => {
                "install Docker (on Debian and Ubuntu: apt-get install docker.io); git dkr doctor checks it"
            }
            Self::NoDaemon(_) => {
                "start it (systemctl start docker, or Docker Desktop), or point DOCKER_HOST to it"
            }
            Self::PermissionDenied(_) => {
                "add yourself to its group (sudo usermod -aG docker $USER) and log in again"
            }
            Self::NoBuildx(_) => {
                "install the plugin (docker-buildx-plugin or docker-buildx), or put a working docker first on the PATH"
            }
            Self::NoFrontend(_) => {
                "leave the line `# syntax=` out, or see that its image can be pulled"
            }
            Self::TooOld(_) => "install Docker 20.10 or later",
            Self::Podman(_) => "install Docker and put it before podman's docker on the PATH",
            Self::Strange(_) => "see what `docker --version` prints",
            Self::DiskFull(_) => {
                "docker system df shows what takes it, docker system prune gives it back"
            }
            Self::NoBaseImage(_) => {
                "see that `docker pull` gets it, or set another with base_image in .dkr.conf, DKR_BASE_IMAGE or git config dkr.baseImage"
            }
            Self::BadDockerfile(_) => {
                "--print-dockerfile shows that line; here-documents (RUN <<EOF) need Docker 23 or later"
            }
            Self::HostUnreachable(_) => {
                "the engine must run on this machine, not behind a remote DOCKER_HOST; with --ssh-key, sshd must listen on port 22 or git config dkr.sshPort"
            }
            Self::Step { .. } => "the whole output: the same command with -v",
            Self::Other(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_says_is_made_out() {
        let of = EngineError::of_stderr;
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
            EngineError::DiskFull(_)
        ));
        assert_eq!(
            of("\nError: boo\nSee 'docker run --help'.\n"),
            EngineError::Other("Error: boo".into())
        );
    }
}
