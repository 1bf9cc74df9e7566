//! `exec`, `logs` and `attach`.

use expectrl::ControlCode;

use super::lab::{container, ended, info, save_info};
use crate::common::engine::Lab;
use crate::common::{unique, wait_until};

#[test]
fn a_command_runs_as_the_container_s_user_in_the_clone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    let options = ["start-image", "--name=work", &host, "--user=agent"];
    let command = ["--", "sh", "-c", "echo ready; read -r end || :"];
    let running = lab.dkr_spawn(&repo.path, &[&options[..], &command[..]].concat());
    running.prints("ready");
    let exec = |script: &str| lab.dkr(&repo.path, ["exec", &lab.host, "--", "sh", "-c", script]);
    let outcome = exec("pwd; id -u; git branch --show-current; echo $HOME; test -t 1 || exit 7");
    let outcome = outcome.exits(7);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[..3], ["/workspace", "1000", "work"]);
    assert!(lines[3].starts_with("/home/"), "{lines:?}");
    // A push works from there as well.
    let push = "git commit --quiet --allow-empty -m One && git push --quiet";
    exec(push).ok();
    assert_eq!(repo.id(&format!("{}/work~1", lab.host)), repo.head());
    let mut terminal = lab.dkr_terminal(
        &repo.path,
        &[
            "exec",
            &lab.host,
            "--",
            "sh",
            "-c",
            "test -t 1 && echo terminal; exit 5",
        ],
    );
    terminal.shows("terminal");
    assert_eq!(terminal.ends(), 5);
    running.finish().ok();
}

#[test]
fn standard_input_goes_to_the_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let name = unique();
    container(&lab, &repo, &name, &["sh", "-c", "sleep 1000"]);
    let mut running = lab.dkr_spawn(
        &repo.path,
        &[
            "exec",
            &name,
            "--",
            "sh",
            "-c",
            "read -r line; echo got $line",
        ],
    );
    running.reads("hello\n");
    running.prints("got hello");
    running.finish().ok();
}

#[test]
fn what_was_printed_is_shown_and_followed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let (name, old) = (unique(), unique());
    let script = "echo one; read -r line; echo two";
    container(&lab, &repo, &name, &["sh", "-c", script]);
    wait_until("what it prints", || {
        lab.dkr(&repo.path, ["logs", &name]).ok().stdout == "one\n"
    });
    let following = lab.dkr_spawn(&repo.path, &["logs", "-f", &name]);
    following.prints("one");
    lab.docker(&["kill", &name]);
    following.ends().ok();
    save_info(&repo, &old, info(&repo, &old));
    lab.dkr(&repo.path, ["logs", &old])
        .fails()
        .says(&format!("the container {old} is gone"));
}

#[test]
fn one_that_has_ended_is_resumed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let (name, old) = (unique(), unique());
    ended(&lab, &repo, &name, 3);
    save_info(&repo, &old, info(&repo, &old));
    for name in [&name, &old] {
        let hint = format!("hint: git dkr resume {name}");
        let attach = lab.dkr(&repo.path, ["attach", name]);
        attach.fails().says(&hint);
        let exec = lab.dkr(&repo.path, ["exec", name, "--", "true"]);
        exec.fails().says(&hint);
    }
    assert_eq!(lab.dkr(&repo.path, ["logs", &name]).ok().stdout, "said\n");
}

#[test]
fn attach_goes_to_tmux_and_leaves_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    let mut started = lab.dkr_terminal(&repo.path, &["start-image", "--name=work", &host]);
    started.shows("/workspace");
    lab.dkr(&repo.path, ["attach", &lab.host])
        .fails()
        .says("standard input and output are not a terminal")
        .says(&format!("git dkr exec {} -- CMD", lab.host));
    let mut attached = lab.dkr_terminal(&repo.path, &["attach", &lab.host]);
    attached.types("echo in-$((40 + 2))").shows("in-42");
    attached.presses(ControlCode::StartOfText);
    attached.presses_text("d");
    assert_eq!(attached.ends(), 0);
    started.shows("in-42");
    started.types("exit");
    assert_eq!(started.ends(), 0);
}

#[test]
fn attach_without_tmux_goes_to_the_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let name = unique();
    // With a terminal, as start-image gives one to who sits at one.
    container(
        &lab,
        &repo,
        &name,
        &["sh", "-c", "read -r line; echo got $line"],
    );
    let mut attached = lab.dkr_terminal(&repo.path, &["attach", &name]);
    attached.types("hello").shows("got hello");
    assert_eq!(attached.ends(), 0);
}
