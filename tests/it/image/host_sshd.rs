//! The other way to the repository: the host's own sshd, with a key that the user names.

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::sshd::{Sshd, keygen};

/// Runs `git dkr` with the key, in the repository.
#[track_caller]
fn dkr(lab: &Lab, sshd: &Sshd, repo: &Repo, args: &[&str]) -> Outcome {
    let (command, rest) = args.split_first().unwrap();
    let mut command = lab.dkr_command(&repo.path, [command]);
    command.arg("--ssh-key").arg(&sshd.key).args(rest);
    outcome(command.env("DKR_SSH_PORT", &sshd.port)).ok()
}

#[test]
fn create_update_start_and_push() {
    let Some(lab) = Lab::new() else { return };
    let (repo, sshd) = (lab.repo(), Sshd::start(&lab));
    let image = lab.image(&dkr(&lab, &sshd, &repo, &["create-image"]));
    assert_eq!(
        image.sh("git rev-parse HEAD; git status --porcelain"),
        repo.head()
    );

    repo.commit("More", &[("b", "2")]);
    let image = lab.image(&dkr(&lab, &sshd, &repo, &["update-image"]));
    assert_eq!(image.label("type"), "update");
    assert_eq!(image.sh("git rev-parse HEAD; ls"), repo.head() + "\na\nb");

    repo.commit("News", &[("news", "3")]);
    let script = "ls && git -c user.name=B -c user.email=b@x commit --quiet --allow-empty -m Work \
        && git push --quiet && git rev-parse HEAD";
    let host = format!("--hostname={}", lab.host);
    let args = [
        "start-image",
        "--name=work",
        &host,
        "--",
        "sh",
        "-c",
        script,
    ];
    let started = dkr(&lab, &sshd, &repo, &args);
    let pushed = lab.pushed_work(&repo);
    assert_eq!(started.stdout, format!("a\nb\nnews\n{pushed}\n"));
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn the_key_is_in_no_layer() {
    let Some(lab) = Lab::new() else { return };
    let (repo, sshd) = (lab.repo(), Sshd::start(&lab));
    lab.image(&dkr(&lab, &sshd, &repo, &["create-image"]));
    repo.commit("More", &[("b", "2")]);
    let image = lab.image(&dkr(&lab, &sshd, &repo, &["update-image"]));
    let layers = image.layers_unpacked();
    assert!(layers.hold("Working copy updated to"));
    let key = std::fs::read_to_string(&sshd.key).unwrap();
    // A line of the middle is this key's alone.
    let line = key.lines().nth(2).unwrap();
    assert!(line.len() > 30 && !layers.hold(line));
    let path = sshd.key.to_str().unwrap();
    assert!(!layers.hold(path), "the key's path is baked");
}

#[test]
fn the_key_may_be_a_setting() {
    let Some(lab) = Lab::new() else { return };
    let (repo, sshd) = (lab.repo(), Sshd::start(&lab));
    let key = sshd.key.to_str().unwrap();
    repo.git(["config", "dkr.sshKey", key]);
    repo.git(["config", "dkr.sshPort", &sshd.port]);
    assert_eq!(lab.create(&repo, &[]).label("commit"), repo.head());
}

#[test]
fn a_key_that_may_not_come_in_fails_with_advice() {
    let Some(lab) = Lab::new() else { return };
    let (repo, sshd) = (lab.repo(), Sshd::start(&lab));
    let stranger = keygen(&lab, "stranger", "");
    let mut command = lab.dkr_command(&repo.path, ["create-image", "--ssh-key"]);
    let command = command.arg(stranger).env("DKR_SSH_PORT", &sshd.port);
    outcome(command).fails().says("Permission denied");
    assert_eq!(lab.images(), [""; 0]);
}

#[test]
fn no_server_at_the_port_fails_with_advice() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let sshd = Sshd::start(&lab);
    let (key, port) = (sshd.key.clone(), sshd.port.clone());
    drop(sshd);
    let mut command = lab.dkr_command(&repo.path, ["create-image", "--ssh-key"]);
    outcome(command.arg(key).env("DKR_SSH_PORT", port))
        .fails()
        .says("does not reach");
}

#[test]
fn a_server_that_shows_another_host_key_is_not_trusted() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let sshd = Sshd::start_with(&lab, &keygen(&lab, "strange_host_key", ""));
    let mut command = lab.dkr_command(&repo.path, ["create-image", "--ssh-key"]);
    let command = command.arg(&sshd.key).env("DKR_SSH_PORT", &sshd.port);
    outcome(command)
        .fails()
        .says("Host key verification failed");
    assert_eq!(lab.images(), [""; 0]);
}
