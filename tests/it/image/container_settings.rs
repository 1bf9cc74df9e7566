//! What a container is given and held to: `user`, `network`, limits, ports, variables.

use std::net::TcpListener;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::unique;

/// A start that gives up, in a line.
#[track_caller]
fn refused(lab: &Lab, repo: &Repo, options: &[&str]) -> String {
    let outcome = lab.start(repo, options, "echo started").fails();
    assert_eq!(outcome.stdout, "", "nothing was started");
    let from = outcome.stderr.find("error: cannot start").unwrap();
    outcome.stderr[from..].to_owned()
}

/// An engine may have none.
fn has_bridge(lab: &Lab) -> bool {
    let mut command = lab.client();
    let name = if lab.docker.ends_with("podman") {
        "podman"
    } else {
        "bridge"
    };
    command
        .args(["network", "inspect", name])
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn limits_and_variables_reach_the_container() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("env = FROM_FILE=file BOTH=file\nmemory = 300m\n");
    lab.create(&repo, &[]);
    let script =
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null
        echo \"$FROM_FILE $BOTH $PASSED\"; ulimit -n";
    let options = [
        "--env=BOTH=a flag",
        "--env=PASSED",
        "--run-arg=--ulimit",
        "--run-arg=nofile=99:99",
    ];
    let args = [&["start-image"], &options[..], &["--", "sh", "-c", script]].concat();
    let mut command = lab.dkr_command(&repo.path, args);
    let started = outcome(command.env("PASSED", "from here")).ok();
    assert_eq!(started.stdout, "314572800\nfile a flag from here\n99\n");
}

/// What is passed on stands nowhere but in the container.
#[test]
fn a_variable_that_is_passed_on_leaves_no_trace() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let secret = format!("s3cret-{}", unique());
    repo.commit("Newer", &[]);
    // An update first: its image remembers the flags that it was made with.
    let args = [
        "start-image",
        "-v",
        "--update",
        "--env=TOKEN",
        "--env=GONE",
        "--",
        "sh",
        "-c",
        "echo $TOKEN",
    ];
    let mut command = lab.dkr_command(&repo.path, args);
    let started = outcome(command.env("TOKEN", &secret)).ok();
    assert_eq!(started.stdout, format!("{secret}\n"));
    started
        .says("--env TOKEN")
        .says("GONE is not set here, so the container has none (--env)")
        .never_says(&secret);
    let mut all = lab.docker(&["image", "inspect", &image.tag]);
    all += &lab.docker(&["image", "history", "--no-trunc", &image.tag]);
    all += &repo.git(["notes", "--ref=dkr", "show"]);
    assert!(!all.contains(&secret), "{all}");
    assert!(!all.contains("TOKEN"), "{all}");
    let args = [
        "start-image",
        "--dry-run",
        "--env=TOKEN",
        "--user=agent",
        "--cpus=1",
        "--",
        "true",
    ];
    let mut command = lab.dkr_command(&repo.path, args);
    let shown = outcome(command.env("TOKEN", &secret)).ok().stdout;
    assert!(shown.contains("--user 1000:1000 --cpus 1 "), "{shown}");
    assert!(
        shown.contains("--env TOKEN ") && !shown.contains(&secret),
        "{shown}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_starts() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let mut all = String::new();
    for options in [
        &["--network=wifi"][..],
        &["--user=a b", "--cpus=-1", "--memory=much", "--gpus=some"],
        &["--publish=80:web", "--env=1=x"],
        &["--run-arg=--privileged", "--run-arg=--name=x"],
    ] {
        all += &refused(&lab, &repo, options);
    }
    insta::assert_snapshot!(all, @r"
    error: cannot start an image
      caused by: --network: `wifi` is none of `bridge`, `host`, `none`
    hint: docs/configuration.md of git dkr describes the settings
    error: cannot start an image
      caused by: --user: `a b` is not a user: expected root, agent, host, a uid, or the name of an account of the image
        --cpus: `-1` is not a number of processors, such as 2 or 1.5
        --memory: `much` is not an amount of memory, such as 512m or 4g
        --gpus: `some` is neither `all`, nor a number of GPUs, nor `device=` and their ids
    hint: docs/configuration.md of git dkr describes the settings
    error: cannot start an image
      caused by: --publish: `80:web` is not a port: expected 3000, 8080:80 or 127.0.0.1:8080:80, and /udp if wanted
        --env: `1` is not the name of a variable
    hint: docs/configuration.md of git dkr describes the settings
    error: cannot start an image
      caused by: --run-arg: `--name` is git dkr's own to say: use --hostname
    hint: docs/configuration.md of git dkr describes the settings
    ");
}

#[test]
fn what_the_engine_does_not_give_is_said() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let limit = refused(&lab, &repo, &["--memory=1m"]);
    assert!(
        limit.contains("the engine does not set this limit: "),
        "{limit}"
    );
    let user = refused(&lab, &repo, &["--user=nobody-here"]);
    assert!(
        user.contains("the image has no user nobody-here\nhint: "),
        "{user}"
    );
    let option = refused(&lab, &repo, &["--run-arg=--no-such-option"]);
    assert!(
        option.contains("unknown flag: --no-such-option\nhint: change --run-arg"),
        "{option}"
    );
    assert_eq!(lab.containers(), [""; 0]);
    // A command may end with the engine's own code.
    lab.start(&repo, &["--cpus=1"], "exit 125").exits(125);
}

#[test]
fn ports() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let publish = format!("--publish={port}");
    let started = lab.start(&repo, &[&publish, "--network=host"], "true").ok();
    started.says("ports (--publish) are left out");
    if !has_bridge(&lab) {
        return;
    }
    let said = refused(&lab, &repo, &[&publish, "--network=bridge"]);
    let expected = format!("127.0.0.1:{port} is in use on this machine");
    assert!(said.contains(&expected), "{said}");
    drop(taken);
    let _: Outcome = lab
        .start(&repo, &[&publish, "--network=bridge"], "true")
        .ok();
}
