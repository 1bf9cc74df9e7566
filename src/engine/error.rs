//! What goes wrong with engines, and what to do about it.

use super::EngineKind;

/// An engine is missing, does not answer, or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// No engine at all.
    #[error("there is no docker on the PATH, and no podman")]
    NotInstalled,
    /// Not the one that was asked for.
    #[error("there is no {0} on the PATH")]
    Missing(EngineKind),
    /// The client found no daemon.
    #[error("the docker daemon is not running, or not where the client looks: {0}")]
    NoDaemon(String),
    /// Nothing in it may have the host's network.
    #[error(
        "the docker daemon maps users (userns-remap), and so nothing in it can share this machine's network, as a build must to reach the repository"
    )]
    MapsUsers,
    /// The socket is not for us.
    #[error("this user may not talk to the docker daemon: {0}")]
    PermissionDenied(String),
    /// A client without its build plugin, and no other behind it.
    #[error("{0} cannot build: its buildx plugin is missing or broken")]
    NoBuildx(String),
    /// BuildKit came with 18.09.
    #[error("{0} is too old: BuildKit came with Docker 18.09")]
    TooOld(String),
    /// podman under docker's name, and docker was asked for.
    #[error("{0} is podman under docker's name")]
    Disguised(String),
    /// crun refuses a mixture of both versions of cgroups.
    #[error("podman cannot start containers with this machine's cgroups: {0}")]
    Cgroups(String),
    /// Podman gives containers higher limits than its own.
    #[error("podman may not raise the limits of a container on this machine: {0}")]
    Limits(String),
    /// What `--init` runs is a package of its own.
    #[error("podman lacks the program that --init runs: {0}")]
    NoInit(String),
    /// Without root, podman needs ids to give to containers.
    #[error("podman cannot map user ids for this user: {0}")]
    Rootless(String),
    /// Podman's virtual machine, where it needs one.
    #[error("podman's machine is not running: {0}")]
    NoMachine(String),
    /// The client and the daemon speak different versions, or the client may not speak its own.
    #[error("docker's client and daemon have no version of the API in common: {0}")]
    ApiVersion(String),
    #[error("{0} does not answer like docker")]
    Strange(String),
    /// The engine's disk, or ours.
    #[error("no space left on the disk: {1}")]
    DiskFull(EngineKind, String),
    /// The image to start from cannot be had.
    #[error("cannot get the base image: {1}")]
    NoBaseImage(EngineKind, String),
    /// What a `# syntax=` line names cannot be had.
    #[error("cannot get the Dockerfile's frontend: {0}")]
    NoFrontend(String),
    /// A raw line that this engine does not know.
    #[error("{0} does not understand the Dockerfile: {1}")]
    BadDockerfile(EngineKind, String),
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
    /// A port that a container was to be reached by.
    #[error("{0} is in use on this machine, so it cannot lead to the container")]
    PortInUse(String),
    /// The image has no such account.
    #[error("the image has no user {0}")]
    NoUser(String),
    /// GPUs that are not here, or that the engine was not set up for.
    #[error("{0} gives containers no GPUs here: {1}")]
    NoGpus(EngineKind, String),
    /// A limit that the machine does not have, or that no container can live with.
    #[error("the engine does not set this limit: {0}")]
    Limit(String),
    /// What the user added to the command line.
    #[error("{0} run does not take what was asked of it: {1}")]
    RunArgs(EngineKind, String),
    /// The client says that the build went well, and the image is not what was asked for.
    #[error("{0} build ended without an error, but made no {1}")]
    BuiltNothing(EngineKind, String),
    /// Anything else.
    #[error("{0}: {1}")]
    Other(EngineKind, String),
}

impl EngineError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotInstalled => {
                "install Docker or podman (on Debian and Ubuntu: apt-get install docker.io, or podman); git dkr doctor checks it"
            }
            Self::Missing(EngineKind::Docker) => {
                "install Docker (on Debian and Ubuntu: apt-get install docker.io), or ask for podman; git dkr doctor shows what is here"
            }
            Self::Missing(EngineKind::Podman) => {
                "install podman (on Debian and Ubuntu: apt-get install podman), or ask for docker; git dkr doctor shows what is here"
            }
            Self::NoDaemon(_) => {
                "start it (systemctl start docker, or Docker Desktop), point DOCKER_HOST to it, or use podman: --engine podman"
            }
            Self::MapsUsers => {
                "start the daemon without userns-remap, or use podman, which maps users by itself (--engine podman); containers start there with --network=bridge or none"
            }
            Self::PermissionDenied(_) => {
                "add yourself to its group (sudo usermod -aG docker $USER) and log in again"
            }
            Self::NoBuildx(_) => {
                "install the plugin (docker-buildx-plugin or docker-buildx), or put a working docker first on the PATH"
            }
            Self::NoFrontend(_) => {
                "remove the line `# syntax=`, or check that its image can be pulled"
            }
            Self::TooOld(_) => "install Docker 20.10 or later",
            Self::Disguised(_) => {
                "use it as podman (--engine podman), or install Docker and put it before podman on the PATH"
            }
            Self::Cgroups(_) => {
                "let podman use runc: apt-get install runc, and in /etc/containers/containers.conf (without root: ~/.config/containers/containers.conf), under [engine], runtime = \"runc\""
            }
            Self::Limits(_) => {
                "set limits that are allowed here in /etc/containers/containers.conf (without root: ~/.config/containers/containers.conf), under [containers]: default_ulimits = [\"nofile=1024:4096\", \"nproc=4096:4096\"]"
            }
            Self::NoInit(_) => "install it (on Debian and Ubuntu: apt-get install catatonit)",
            Self::Rootless(_) => {
                "install newuidmap (on Debian and Ubuntu: apt-get install uidmap) and give this user ids: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"
            }
            Self::NoMachine(_) => "start it: podman machine init, then podman machine start",
            Self::ApiVersion(_) => {
                "leave DOCKER_API_VERSION unset, so that they agree on one; if it is not set, one of the two is too old: docker version shows both"
            }
            Self::Strange(_) => "check what `docker --version` prints",
            Self::DiskFull(kind, _) => {
                return Some(format!(
                    "{kind} system df shows what uses the space, {kind} system prune frees some"
                ));
            }
            Self::NoBaseImage(_, said) if said.contains("short-name") => {
                "podman does not know which registry that is on: write the name in full (docker.io/library/…) in base_image of .dkr.conf, DKR_BASE_IMAGE or git config dkr.baseImage"
            }
            Self::NoBaseImage(kind, _) => {
                return Some(format!(
                    "check that `{kind} pull` gets it, or set another with base_image in .dkr.conf, DKR_BASE_IMAGE or git config dkr.baseImage"
                ));
            }
            Self::BadDockerfile(..) => {
                "--print-dockerfile shows that line; here-documents (RUN <<EOF) need Docker 23 or podman 4.8, or later"
            }
            Self::HostUnreachable(_) => {
                "the engine must run on this machine, not behind a remote DOCKER_HOST; with --ssh-key, sshd must listen on port 22 or git config dkr.sshPort"
            }
            Self::BuiltNothing(EngineKind::Docker, _) => {
                "the same command with -v shows what it said; a builder of its own (docker buildx ls) may have kept the image, or a script takes the place of docker (git dkr doctor)"
            }
            Self::BuiltNothing(EngineKind::Podman, _) => {
                "the same command with -v shows what it said"
            }
            Self::PortInUse(_) => {
                "stop what listens there, or name another: --publish 3001:3000, DKR_PORTS or git config dkr.ports"
            }
            Self::NoUser(_) => {
                "name one that it has, a number, or agent: --user, DKR_USER or git config dkr.user"
            }
            Self::NoGpus(EngineKind::Docker, _) => {
                "install the NVIDIA Container Toolkit and restart the daemon, or start without: git dkr start-image --gpus none"
            }
            Self::NoGpus(EngineKind::Podman, _) => {
                "describe them for podman (nvidia-ctk cdi generate), or start without: git dkr start-image --gpus none"
            }
            Self::Limit(_) => {
                "set another: --cpus and --memory, DKR_CPUS and DKR_MEMORY, or git config dkr.cpus and dkr.memory"
            }
            Self::RunArgs(EngineKind::Docker, _) => {
                "change --run-arg, DKR_RUN_ARGS or git config dkr.runArgs; docker run --help lists what there is"
            }
            Self::RunArgs(EngineKind::Podman, _) => {
                "change --run-arg, DKR_RUN_ARGS or git config dkr.runArgs; podman run --help lists what there is"
            }
            Self::Step { .. } => "the whole output: the same command with -v",
            Self::Other(..) => return None,
        };
        Some(hint.to_owned())
    }
}
