//! Which engine is used: the one that was asked for, else docker, else podman. The subject is the
//! choice, so scripts stand for the engines, with the words of the real ones.

use crate::common::dkr::{Outcome, outcome};
use crate::common::{Sandbox, run};

const PODMAN: &str = "case $1 in --version) echo 'podman version 4.3.1' ;; info) echo 4.3.1 ;; images) echo '[]' ;; *) exit 125 ;; esac";
const DOCKER: &str = "case $1 in --version) echo 'Docker version 20.10.24, build 297e128' ;; version) echo 20.10.24 ;; image) echo '[]' ;; esac";

/// A machine with these programs and no other engine.
fn machine(programs: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, script) in programs {
        sandbox.script(&format!("bin/{name}"), script);
    }
    sandbox
}

fn dkr(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Outcome {
    let mut command = sandbox.dkr_command(sandbox.root(), args);
    command.env("PATH", sandbox.bin()).envs(env.iter().copied());
    outcome(&mut command)
}

/// Which engine `list-images` talks to.
#[track_caller]
fn used(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> String {
    let args = [&["-v", "list-images"], args].concat();
    let said = dkr(sandbox, &args, env).ok().stderr;
    let last = said.lines().rfind(|line| line.contains(" images "));
    let program = last.unwrap().split(' ').nth(1).unwrap();
    program.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn docker_comes_first_and_podman_where_there_is_none() {
    let both = machine(&[("docker", DOCKER), ("podman", PODMAN)]);
    assert_eq!(used(&both, &[], &[]), "docker");
    assert_eq!(used(&machine(&[("podman", PODMAN)]), &[], &[]), "podman");
    let strange = machine(&[("docker", "echo hello"), ("podman", PODMAN)]);
    assert_eq!(used(&strange, &[], &[]), "podman");
}

#[test]
fn podman_under_docker_s_name_is_used_as_podman() {
    let alone = machine(&[("docker", PODMAN)]);
    assert_eq!(used(&alone, &[], &[]), "docker");
    assert_eq!(used(&alone, &["--engine=podman"], &[]), "docker");
    let shown = dkr(&alone, &["doctor"], &[]).ok().stdout;
    assert!(shown.contains("podman: there is no docker"), "{shown}");
    // Without the detour where there is none.
    let beside = machine(&[("docker", PODMAN), ("podman", PODMAN)]);
    assert_eq!(used(&beside, &[], &[]), "podman");
    // It is not what was asked for.
    dkr(&alone, &["list-images", "--engine=docker"], &[])
        .fails()
        .says("is podman under docker's name")
        .says("--engine podman");
}

#[test]
fn what_was_asked_for_is_used() {
    let both = machine(&[("docker", DOCKER), ("podman", PODMAN)]);
    assert_eq!(used(&both, &["--engine", "podman"], &[]), "podman");
    let asked = [("DKR_ENGINE", "podman")];
    assert_eq!(used(&both, &[], &asked), "podman");
    // Strongest first: flag, environment, git config.
    assert_eq!(used(&both, &["--engine=docker"], &asked), "docker");
    let set = ["config", "--global", "dkr.engine", "podman"];
    run(both.command("git").args(set));
    assert_eq!(used(&both, &[], &[]), "podman");
    assert_eq!(used(&both, &[], &[("DKR_ENGINE", "docker")]), "docker");
}

#[test]
fn a_repository_may_have_its_own() {
    let both = machine(&[("docker", DOCKER), ("podman", PODMAN)]);
    let repo = both.repo();
    repo.git(["config", "dkr.engine", "podman"]);
    let path = repo.path.to_str().unwrap();
    assert_eq!(used(&both, &[path], &[]), "podman");
    assert_eq!(used(&both, &[], &[]), "docker");
}

#[test]
fn what_was_asked_for_and_is_not_there_is_an_error() {
    let docker = machine(&[("docker", DOCKER)]);
    dkr(&docker, &["list-images"], &[("DKR_ENGINE", "podman")])
        .fails()
        .says("DKR_ENGINE in the environment asks for podman")
        .says("there is no podman on the PATH")
        .says("hint: install podman");
    let podman = machine(&[("podman", PODMAN)]);
    dkr(&podman, &["list-images", "--engine=docker"], &[])
        .fails()
        .says("--engine asks for docker")
        .says("there is no docker on the PATH")
        .says("hint: install Docker");
    dkr(&podman, &["list-images"], &[("DKR_ENGINE", "lxc")])
        .fails()
        .says("DKR_ENGINE in the environment: `lxc` is not an engine");
    dkr(&podman, &["list-images", "--engine=lxc"], &[]).exits(2);
}

#[test]
fn doctor_says_which_and_why() {
    let both = machine(&[("docker", DOCKER), ("podman", PODMAN)]);
    let shown = dkr(&both, &["doctor"], &[]).stdout;
    assert!(shown.contains("docker: it is installed"), "{shown}");
    assert!(shown.contains("bin/podman is not used"), "{shown}");
    assert!(shown.contains("ok  docker daemon  version"), "{shown}");
    let shown = dkr(&both, &["doctor", "--engine=podman"], &[]).stdout;
    assert!(shown.contains("podman: set by --engine"), "{shown}");
    assert!(shown.contains("bin/docker is not used"), "{shown}");
    assert!(shown.contains("ok  podman "), "{shown}");
}

#[test]
fn what_podman_cannot_do_here_is_said() {
    for (says, error, hint) in [
        (
            "Error: cannot find UID/GID for user ada: no subuid ranges found for user \"ada\" in /etc/subuid",
            "podman cannot map user ids",
            "usermod --add-subuids",
        ),
        (
            "Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection list`, or try `podman machine init` and `podman machine start` to manage a new Linux VM",
            "podman's machine is not running",
            "podman machine start",
        ),
        ("Error: what nobody has seen", "podman: what nobody", ""),
    ] {
        let script = format!("echo '{says}' >&2; exit 125");
        let sandbox = machine(&[("podman", &script)]);
        dkr(&sandbox, &["list-images"], &[])
            .exits(1)
            .says(error)
            .says(hint);
    }
}
