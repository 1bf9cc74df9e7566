//! What is only so with podman.

use rustix::process::Signal;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::{Gate, Lab};
use crate::common::repo::Repo;
use crate::common::unique;

#[test]
fn a_list_is_one_call() {
    let Some(lab) = Lab::of("podman") else { return };
    let repo = lab.repo();
    for branch in ["one", "two", "three"] {
        lab.create(repo.branch(branch, "main"), &[]);
    }
    let listed = lab.dkr(&repo.path, ["-v", "list-images", "."]).ok();
    let calls = listed
        .stderr
        .lines()
        .filter(|line| line.contains("podman "));
    assert_eq!(calls.count(), 1, "{}", listed.stderr);
    assert!(!listed.stdout.contains("localhost/"), "{}", listed.stdout);
}

#[test]
fn what_updates_stood_on_goes_with_the_next_create() {
    let Some(lab) = Lab::of("podman") else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for text in ["1", "2"] {
        repo.commit("More", &[("b", text)]);
        lab.update(&repo, &[]);
    }
    assert!(lab.images_with_steps().len() > 1);
    let image = lab.create(&repo, &["--force-rebuild"]);
    assert_eq!(lab.images_with_steps(), [image.id()]);
}

/// A base image of the lab, so that podman's working containers on it are known to be ours.
fn base(lab: &Lab) -> String {
    let name = format!("base-{}:1", unique());
    lab.base(&name, 1);
    name
}

#[test]
fn an_interrupted_build_leaves_no_working_container() {
    let Some(lab) = Lab::of("podman") else { return };
    let (repo, gate, base) = (lab.repo(), Gate::new(), base(&lab));
    repo.conf(&format!(
        "base_image = {base}\n[pre_clone]\n{}",
        gate.step()
    ));
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = lab.dkr_command(&repo.path, ["create-image"]);
        command.env_remove("DKR_BASE_IMAGE");
        let running = crate::common::dkr::spawn(command);
        let step = gate.reached();
        assert!(!lab.working_containers().is_empty());
        running.signal(signal);
        running.finish().says("interrupted");
        step.wait_for_end();
        assert_eq!(lab.working_containers().len(), 0);
    }
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn an_interrupt_between_two_steps_ends_the_build_at_the_next() {
    let Some(lab) = Lab::of("podman") else { return };
    let (repo, gate, base) = (lab.repo(), Gate::new(), base(&lab));
    // Many steps that run nothing, then one that would wait for ever.
    let steps: String = (0..30).map(|n| format!("ENV E{n}={n}\n")).collect();
    let first = "RUN echo here they come\n";
    repo.conf(&format!(
        "base_image = {base}\n[pre_clone]\n{first}{steps}{}",
        gate.step()
    ));
    let mut command = lab.dkr_command(&repo.path, ["-v", "create-image"]);
    command.env_remove("DKR_BASE_IMAGE");
    let running = crate::common::dkr::spawn(command);
    running.says(": ENV E1=1");
    running.signal(Signal::INT);
    running.finish().exits(130).says("interrupted");
    assert_eq!(lab.working_containers().len(), 0);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn a_step_runs_again_when_what_it_mounts_has_changed() {
    let Some(lab) = Lab::of("podman") else { return };
    let repo = lab.repo();
    repo.conf("ca_bundle = install\n");
    let build = |bundle: &str| {
        let text = format!("-----BEGIN CERTIFICATE-----\n{bundle}\n-----END CERTIFICATE-----\n");
        let file = lab.file("ca.pem", text);
        let file = file.to_str().unwrap();
        let args = ["-v", "create-image", "--force-rebuild", "--ca-bundle", file];
        let said = lab.dkr(&repo.path, args).ok().stderr;
        let mut lines = said
            .lines()
            .skip_while(|line| !line.contains("sh /run/dkr/install-ca"));
        lines.nth(1).unwrap().contains("Using cache")
    };
    assert!(!build("b25l"));
    assert!(build("b25l"));
    assert!(!build("dHdv"));
}

/// A machine where podman's runtime says this and fails.
fn where_the_runtime_says(lab: &Lab, repo: &Repo, says: &str, args: &[&str]) -> Outcome {
    let runtime = lab.script("runtime", &format!("echo '{says}' >&2; exit 1"));
    let settings = format!(
        "[engine]\nruntime = \"fake\"\n[engine.runtimes]\nfake = [\"{}\"]\n",
        runtime.display()
    );
    let settings = lab.file("containers.conf", settings);
    let mut command = lab.dkr_command(&repo.path, args);
    outcome(command.env("CONTAINERS_CONF", settings))
}

#[test]
fn what_stops_containers_here_is_said_with_the_setting_that_helps() {
    let Some(lab) = Lab::of("podman") else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let cgroups = "cgroups in hybrid mode not supported, drop all controllers from cgroupv2";
    let limits = "error setting rlimit type 7: operation not permitted";
    for args in [
        &["create-image", "--no-cache"][..],
        &["start-image", "--no-update", "--", "true"],
    ] {
        where_the_runtime_says(&lab, &repo, cgroups, args)
            .fails()
            .says("podman cannot start containers with this machine's cgroups")
            .says("runtime = \"runc\"");
        where_the_runtime_says(&lab, &repo, limits, args)
            .fails()
            .says("podman may not raise the limits")
            .says("default_ulimits = ");
    }
}
