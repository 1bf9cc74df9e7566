//! What is killed costs no work.

use expectrl::ControlCode;
use rustix::process::{Pid, Signal};

use super::running::{Started, processes};
use crate::common::dkr::Running;
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::wait_until;

/// Work that is not pushed, and a sleep that says so.
const WORK: &str = "echo 2 >a; git commit -qam Two; echo 3 >a; echo new >new; : >/tmp/ready; echo up; exec sleep 90";

/// How such work is told of.
const TOLD: &str = "1 commit on work, 2 changed files: git dkr resume ";

fn arguments<'a>(host: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [
        &["start-image", "--name=work", host],
        rest,
        &["--", "sh", "-c", WORK],
    ]
    .concat()
}

/// That the work of [`WORK`] is saved, and no container is left.
#[track_caller]
fn all_saved(work: &Started) {
    work.await_gone();
    assert_eq!(work.text("wip/workspace", "a"), "3");
    assert_eq!(work.text("wip/workspace^3", "new"), "new");
    assert_eq!(work.text("heads/work", "a"), "2");
    let seen = work.resumed("git status --porcelain; git log --format=%s -1");
    assert_eq!(seen, " M a\n?? new\nTwo");
}

/// Starts such work in the foreground, and waits until it is done.
#[track_caller]
fn started<'a>(lab: &'a Lab, repo: &'a Repo<'a>, options: &[&str]) -> (Running, Started<'a>) {
    let host = format!("--hostname={}", lab.host);
    let running = lab.dkr_spawn(&repo.path, &arguments(&host, options));
    let work = Started::of(lab, repo, &lab.host);
    running.prints("up");
    (running, work)
}

fn lab_with_image(lab: &Lab) -> Repo<'_> {
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo
}

#[test]
fn a_killed_git_dkr_leaves_the_container_to_its_keeper() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    let (running, work) = started(&lab, &repo, &[]);
    // The engine's client goes on, and with it what it prints.
    drop(running);
    assert!(work.is_running());
    work.save().says("1 commit on work, 2 changed files");
    // It ends as any other, by whatever.
    lab.docker(&["stop", "--time=10", &work.name]);
    all_saved(&work);
}

#[test]
fn a_killed_keeper_comes_back_with_the_next_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    let work = Started::new(&lab, &repo, &[]);
    work.kill_keeper();
    work.sh("echo 2 >a; git commit -qam Two; echo 3 >a; echo new >new");
    work.save().says("1 commit on work, 2 changed files");
    assert!(work.keeper().is_some());
    // And so it goes with a push, and again.
    work.sh("git push -q");
    work.kill_keeper();
    work.dkr(&["stop"])
        .ok()
        .says("2 changed files: git dkr resume");
    work.await_gone();
    assert_eq!(
        repo.git(["log", "-1", "--format=%s", &format!("{}/work", work.name)]),
        "Two"
    );
    assert_eq!(work.text("wip/workspace", "a"), "3");
}

#[test]
fn a_killed_container_is_started_once_more_to_save() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    for options in [&[][..], &["--user=agent"], &["--network=none"]] {
        let (running, work) = started(&lab, &repo, options);
        lab.docker(&["kill", &work.name]);
        let outcome = running.finish().exits(137);
        outcome.says(&format!("{TOLD}{}", work.name));
        all_saved(&work);
        work.dkr(&["remove", "--force"]).ok();
    }
}

#[test]
fn a_killed_client_of_the_engine_detaches() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    let (running, work) = started(&lab, &repo, &[]);
    let client = client_of(&work.name);
    rustix::process::kill_process(client, Signal::KILL).unwrap();
    let outcome = running.finish();
    outcome.says(&format!(
        "{} goes on: git dkr attach {}",
        work.name, work.name
    ));
    assert!(work.is_running());
    work.dkr(&["stop"])
        .ok()
        .says(&format!("{TOLD}{}", work.name));
    all_saved(&work);
}

/// The process of the client that runs a container in the foreground.
pub fn client_of(name: &str) -> Pid {
    let wanted = format!("\0--name\0{name}\0");
    processes(|line| line.contains("\0run\0") && line.contains(&wanted))[0]
}

#[test]
fn keeper_and_container_killed_are_saved_by_a_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    for command in ["save", "stop", "resume", "remove"] {
        let work = Started::new(&lab, &repo, &[]);
        work.sh("echo 2 >a; git commit -qam Two; echo 3 >a; echo new >new");
        work.kill_keeper();
        lab.docker(&["kill", &work.name]);
        assert!(work.exists());
        let args = match command {
            "resume" => vec!["resume", "--", "true"],
            _ => vec![command],
        };
        let outcome = work.dkr(&args);
        if command == "remove" {
            // It must not take it for saved.
            let loss = "work that was not pushed: 1 commit on work, 2 changed files";
            outcome.fails().says(loss);
        } else {
            outcome.ok().says(&format!("{TOLD}{}", work.name));
        }
        all_saved(&work);
        work.dkr(&["remove", "--force"]).ok();
    }
}

/// It runs for that, and its command does not.
#[test]
fn commands_wait_for_one_that_is_started_once_more_to_save() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    for command in ["resume", "stop", "save"] {
        let work = Started::new(&lab, &repo, &[]);
        work.sh("head -c 50000000 /dev/urandom >large");
        lab.docker(&["kill", &work.name]);
        let mark = repo
            .path
            .join(format!(".git/dkr/containers/{}/run/save-only", work.name));
        wait_until("it runs once more", || mark.exists() && work.is_running());
        work.dkr(&["exec", "--", "true"])
            .fails()
            .says(&format!("the container {} has ended", work.name));
        let args = match command {
            "resume" => vec!["resume", "--", "test", "-s", "large"],
            _ => vec![command],
        };
        work.dkr(&args).ok().says("1 changed file: git dkr resume");
        work.await_gone();
        work.dkr(&["remove", "--force"]).ok();
    }
}

#[test]
fn one_that_is_started_once_more_to_save_is_not_stopped() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    for options in [&[][..], &["--user=agent"]] {
        let work = Started::new(&lab, &repo, options);
        work.sh("echo 2 >a; git commit -qam Two; echo 3 >a; echo new >new");
        lab.docker(&["kill", &work.name]);
        wait_until("it runs once more", || !work.exists() || work.is_running());
        // It may be done by now.
        let _ = lab.client().args(["stop", &work.name]).output();
        all_saved(&work);
        work.dkr(&["remove", "--force"]).ok();
    }
}

#[test]
fn a_signal_to_end_saves_and_tells() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    for signal in [Signal::TERM, Signal::INT] {
        let (running, work) = started(&lab, &repo, &[]);
        running.signal(signal);
        let outcome = running.finish();
        outcome.says(&format!("{TOLD}{}", work.name));
        all_saved(&work);
        work.dkr(&["remove", "--force"]).ok();
    }
}

#[test]
fn a_closed_terminal_detaches() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    let host = format!("--hostname={}", lab.host);
    let mut terminal = lab.dkr_terminal(&repo.path, &arguments(&host, &[]));
    let work = Started::of(&lab, &repo, &lab.host);
    terminal.shows("up");
    let container = lab.docker(&[
        "container",
        "inspect",
        "--format={{.State.Pid}}",
        &work.name,
    ]);
    drop(terminal);
    wait_until("git dkr has ended", || git_dkr_of(&work.name) == 0);
    assert!(work.is_running());
    assert!(work.keeper().is_some());
    assert_eq!(
        lab.docker(&[
            "container",
            "inspect",
            "--format={{.State.Pid}}",
            &work.name
        ]),
        container
    );
    work.dkr(&["stop"])
        .ok()
        .says(&format!("{TOLD}{}", work.name));
    all_saved(&work);
}

/// How many processes started the container, and wait for it.
fn git_dkr_of(name: &str) -> usize {
    let wanted = format!("--hostname={name}\0");
    processes(|line| line.contains(&wanted)).len()
}

#[test]
fn ctrl_c_is_for_the_command_and_what_it_leaves_is_saved() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab_with_image(&lab);
    let host = format!("--hostname={}", lab.host);
    let script = "echo 2 >a; trap 'echo got-it; echo 3 >a; exit 5' INT; echo ready-$((40 + 2)); while :; do sleep 0.1; done";
    let args = [
        "start-image",
        "--name=work",
        &host,
        "--",
        "sh",
        "-c",
        script,
    ];
    let mut terminal = lab.dkr_terminal(&repo.path, &args);
    terminal
        .shows("ready-42")
        .presses(ControlCode::EndOfText)
        .shows("got-it");
    terminal.shows("1 changed file: git dkr resume");
    assert_eq!(terminal.ends(), 5);
    let work = Started::of(&lab, &repo, &lab.host);
    work.await_gone();
    assert_eq!(work.text("wip/workspace", "a"), "3");
}
