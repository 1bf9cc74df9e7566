//! Random work in containers that are killed in the midst of it: what resumes is what was there.

use std::fmt::Write;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rustix::process::{Signal, kill_process};

use super::kills::client_of;
use super::running::{SLEEP, STATE, Started};
use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// What somebody does in a clone; N is a number, and F a file.
const EDITS: [&str; 24] = [
    "echo N >F",
    "echo N >>F",
    "rm -f F",
    "chmod +x F",
    "ln -sf F link",
    "mkdir -p d/N; echo N >'d/N/a \"b\" c'",
    "printf 'N\\0' >'new\nline'",
    "echo N >ignored.log",
    "git add F",
    "git add -A",
    "git mv -f F moved",
    "git rm -q --cached F",
    "git reset -q",
    "git commit -qm Commit-N",
    "git commit -qam Commit-N",
    "git add -A; git commit -qm Commit-N",
    "git commit -q --amend -m Amended-N",
    "git switch -qc branch-N",
    "git switch -q work",
    "git checkout -q --detach",
    "git stash push -q --include-untracked",
    "git worktree add -q -b other-N /tmp/other-N; cd /tmp/other-N; echo N >F; git add -A; git commit -qm Other-N",
    "cd lib; echo N >a; echo N >new",
    "cd lib; git switch -qc lib-N; echo N >a; git commit -qam Lib-N; echo N >>a",
];

const FILES: [&str; 4] = ["a", "one", "two", "d/three"];

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    Container,
    Keeper,
    Both,
    /// The engine's client, of a start that waits for its end.
    Client,
    /// The `git dkr` that waits.
    Start,
}

#[test]
fn random_work_survives_what_is_killed() {
    let Some(lab) = Lab::new() else { return };
    let (lib, repo) = (lab.repo(), lab.repo());
    repo.submodule("lib", &lib);
    repo.conf("submodules = yes\n");
    repo.commit("Ignore logs", &[(".gitignore", "*.log\n"), ("one", "1\n")]);
    lab.create(&repo, &[]);
    let number = |name| Some(std::env::var(name).ok()?.parse().expect(name));
    let first = number("DKR_CAMPAIGN_SEED").unwrap_or_else(|| rand::random_range(0..1_000_000));
    for seed in first..first + number("DKR_CAMPAIGN_ROUNDS").unwrap_or(3) {
        println!("DKR_CAMPAIGN_ROUNDS=1 DKR_CAMPAIGN_SEED={seed} plays this again:");
        play(&lab, &repo, &mut StdRng::seed_from_u64(seed));
    }
}

#[track_caller]
fn play(lab: &Lab, repo: &Repo, random: &mut StdRng) {
    let options = [&[][..], &["--user=agent"], &["--network=none"]];
    let options = *options.choose(random).unwrap();
    let is_awaited = random.random();
    let killed = match is_awaited {
        true => [Killed::Client, Killed::Start, Killed::Container].choose(random),
        false => [Killed::Container, Killed::Keeper, Killed::Both].choose(random),
    };
    let killed = *killed.unwrap();
    println!("start-image {options:?}, killed: {killed:?}");
    let (work, running) = match is_awaited {
        true => {
            let host = format!("--hostname={}", lab.host);
            let start = ["start-image", "--name=work", &host];
            let command = ["--", "sh", "-c", SLEEP];
            let running = lab.dkr_spawn(&repo.path, &[&start, options, &command].concat());
            let work = Started::of(lab, repo, &lab.host);
            work.await_ready();
            (work, Some(running))
        }
        false => (Started::new(lab, repo, options), None),
    };

    let before = edit(&work, random);
    work.save();
    assert_eq!(state(&work), before, "a save touches nothing");
    let after = match random.random() {
        true => edit(&work, random),
        false => before,
    };
    match killed {
        Killed::Container => drop(lab.docker(&["kill", &work.name])),
        Killed::Keeper => work.kill_keeper(),
        Killed::Both => {
            work.kill_keeper();
            lab.docker(&["kill", &work.name]);
        }
        Killed::Client => kill_process(client_of(&work.name), Signal::KILL).unwrap(),
        Killed::Start => {}
    }
    match running {
        Some(running) if killed != Killed::Start => drop(running.finish()),
        // It is killed as it is dropped.
        running => drop(running),
    }
    if matches!(killed, Killed::Keeper | Killed::Client | Killed::Start) {
        work.dkr(&["stop"]).ok();
    } else if random.random() {
        work.dkr(&["save"]);
    }
    assert_eq!(work.resumed_with(options, &look()), after);
    work.dkr(&["remove", "--force"]);
}

/// Does some work; the state after it.
#[track_caller]
fn edit(work: &Started, random: &mut StdRng) -> String {
    let mut script = String::new();
    for _ in 0..random.random_range(1..12) {
        let number = random.random_range(0..1000).to_string();
        let edit = EDITS.choose(random).unwrap().replace('N', &number);
        let edit = edit.replace('F', FILES.choose(random).unwrap());
        writeln!(script, "( {edit} ) || :").unwrap();
    }
    // So that there is something to resume.
    let last = ["echo >last", "git commit -q --allow-empty -m Last"];
    script += last.choose(random).unwrap();
    println!("{script}");
    work.sh(&format!("mkdir -p d\n{script}"));
    state(work)
}

/// The state of the submodule.
const LIB: &str = "cd /workspace/lib; look lib; git for-each-ref refs/heads/lib-*; git stash list";

/// Prints all of the state.
fn look() -> String {
    format!("{STATE}{LIB}")
}

fn state(work: &Started) -> String {
    work.sh(&look())
}
