//! An engine that is missing, does not answer or is another: what is said about it. The subject is
//! the diagnosis, so scripts stand for the broken engines, with the words of the real ones.

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::{Sandbox, run};

const OLD: &str = "Docker version 20.10.24+dfsg1, build 297e128";
const NEW: &str = "Docker version 28.2.2, build e6534b4";
/// What docker 23 and later say without the plugin, to `docker buildx` and to `docker build`.
const NO_BUILDX: &str = "buildx) echo \"docker: 'buildx' is not a docker command.\" >&2; exit 1 ;;
    build) echo 'ERROR: BuildKit is enabled but the buildx component is missing or broken.' >&2; exit 1 ;;";

/// A `docker` that says `version` of itself, and this to all else.
fn docker(version: &str, rest: &str) -> String {
    format!("case $1 in --version) echo '{version}' ;; {rest} esac")
}

/// Runs a command on a machine where this is the only docker.
fn with(script: Option<&str>, args: &[&str]) -> Outcome {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    if let Some(script) = script {
        sandbox.script("bin/docker", script);
    }
    let mut command = sandbox.dkr_command(&repo.path, args);
    let before = repo.snapshot();
    let outcome = outcome(command.env("PATH", sandbox.bin())).fails();
    before.assert_same(&repo);
    assert_eq!(sandbox.leftovers(), [""; 0]);
    outcome
}

/// Each command that needs an engine says the same.
#[track_caller]
fn every_command(script: Option<&str>, error: &str, hint: &str) {
    for args in [
        &["create-image"][..],
        &["update-image"],
        &["start-image", "--", "true"],
        &["list-images"],
    ] {
        with(script, args).says(error).says(hint);
    }
}

#[test]
fn none() {
    every_command(
        None,
        "there is no docker on the PATH",
        "hint: install Docker",
    );
}

#[test]
fn the_daemon_is_not_running() {
    let says = "*) echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1 ;;";
    every_command(
        Some(&docker(OLD, says)),
        "the docker daemon is not running",
        "hint: start it",
    );
}

#[test]
fn the_socket_is_not_for_us() {
    let says = "*) echo 'Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/images/json\": dial unix /var/run/docker.sock: connect: permission denied' >&2; exit 1 ;;";
    every_command(
        Some(&docker(OLD, says)),
        "may not talk to the docker daemon",
        "usermod -aG docker",
    );
    let says = "*) echo 'permission denied while trying to connect to the docker API at unix:///var/run/docker.sock' >&2; exit 1 ;;";
    every_command(
        Some(&docker(OLD, says)),
        "may not talk to the docker daemon",
        "usermod -aG docker",
    );
}

#[test]
fn a_version_of_the_api_that_is_too_old() {
    let says = "*) echo 'Error response from daemon: client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version' >&2; exit 1 ;;";
    every_command(
        Some(&docker(OLD, says)),
        "client version 1.12 is too old",
        "hint: leave DOCKER_API_VERSION unset",
    );
}

#[test]
fn no_buildx() {
    let script = docker(NEW, &format!("{NO_BUILDX} image) echo '[]' ;;"));
    with(Some(&script), &["create-image"])
        .says("buildx")
        .says("hint: install the plugin");
}

#[test]
fn too_old() {
    let script = docker(
        "Docker version 17.03.2-ce, build f5ec1e2",
        "image) echo '[]' ;;",
    );
    with(Some(&script), &["create-image"])
        .says("too old")
        .says("hint: install Docker 20.10");
}

#[test]
fn something_else() {
    with(Some("echo hello"), &["create-image"]).says("does not answer like docker");
    // Not to be waited for, and no reason to crash.
    with(Some("kill -9 $$"), &["create-image"]).says("docker");
    with(Some("exit 1"), &["list-images"]).says("docker");
}

#[test]
fn a_docker_that_cannot_be_started() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let script = sandbox.script("bin/docker", "");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let mut command = sandbox.dkr_command(&repo.path, ["create-image"]);
    outcome(command.env("PATH", sandbox.bin()))
        .exits(1)
        .says("docker")
        .never_says("panicked");
}

/// A machine with this client first on the PATH, and a working one further down.
fn before_a_working_one(lab: &Lab, repo: &Repo, script: &str, args: &[&str]) -> Outcome {
    lab.script("first/docker", script);
    std::fs::create_dir_all(lab.path("second")).unwrap();
    let _ = std::os::unix::fs::symlink(lab.docker, lab.path("second/docker"));
    let path = std::env::var("PATH").unwrap();
    let (first, second) = (lab.path("first"), lab.path("second"));
    let path = format!("{}:{}:{path}", first.display(), second.display());
    let mut command = lab.dkr_command(&repo.path, args);
    outcome(command.env("PATH", path))
}

#[test]
fn a_client_without_buildx_before_a_working_one_is_passed_over() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    // All but building works with it.
    let script = docker(
        NEW,
        &format!("{NO_BUILDX} *) exec '{}' \"$@\" ;;", lab.docker.display()),
    );
    let image = lab.image(&before_a_working_one(&lab, &repo, &script, &["create-image"]).ok());
    assert_eq!(image.label("commit"), repo.head());
    let args = ["start-image", "--", "git", "rev-parse", "HEAD"];
    let started = before_a_working_one(&lab, &repo, &script, &args).ok();
    assert_eq!(started.stdout, repo.head() + "\n");
    let doctor = before_a_working_one(&lab, &repo, &script, &["doctor"]).ok();
    assert!(
        doctor.stdout.contains("skipped: no buildx"),
        "{}",
        doctor.stdout
    );
}

/// Docker itself refuses the host's network to containers then, and a build fails in words of the runtime's.
#[test]
fn a_daemon_that_maps_users_is_told_by_doctor() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    let script = docker(
        OLD,
        &format!(
            "info) echo '[name=seccomp,profile=default name=userns]' ;; *) exec '{}' \"$@\" ;;",
            lab.docker.display()
        ),
    );
    let doctor = before_a_working_one(&lab, &repo, &script, &["doctor"]).exits(1);
    assert!(
        doctor
            .stdout
            .contains("no  docker daemon  the docker daemon maps users (userns-remap)"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn podman_in_disguise_before_a_working_docker_is_passed_over() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    let script = "case $1 in --version) echo 'podman version 4.3.1' ;; *) exit 125 ;; esac";
    lab.image(&before_a_working_one(&lab, &repo, script, &["create-image"]).ok());
    for args in [
        &["list-images"][..],
        &["start-image", "--", "true"],
        &["doctor"],
    ] {
        before_a_working_one(&lab, &repo, script, args).ok();
    }
}

#[test]
fn a_daemon_elsewhere_is_asked_for_by_its_variable() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let script = docker(
        OLD,
        "*) echo \"Cannot connect to the Docker daemon at $DOCKER_HOST. Is the docker daemon running?\" >&2; exit 1 ;;",
    );
    sandbox.script("bin/docker", &script);
    let mut command = sandbox.dkr_command(&repo.path, ["create-image"]);
    command
        .env("PATH", sandbox.bin())
        .env("DOCKER_HOST", "unix:///elsewhere.sock");
    outcome(&mut command).fails().says("unix:///elsewhere.sock");
}

#[test]
fn settings_of_git_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    sandbox.script("bin/docker", &docker(OLD, "image) echo '[]' ;;"));
    run(sandbox
        .command("git")
        .args(["config", "--global", "dkr.x", "1"]));
    sandbox.file("gitconfig", "[broken\n");
    let mut command = sandbox.dkr_command(&repo.path, ["create-image"]);
    let outcome = outcome(command.env("PATH", sandbox.bin())).exits(1);
    outcome.says("bad config").never_says("panicked");
}
