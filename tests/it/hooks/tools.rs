//! Beside the real husky, lefthook, pre-commit and git-lfs, installed before and after.
//! `scripts/test-tools` gets them.

use std::path::{Path, PathBuf};

use crate::common::dkr::{Outcome, outcome};
use crate::hooks::lab::{Lab, NAMES, hook, state};

/// Where `scripts/test-tools` puts them.
#[track_caller]
fn tool(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let tools = cache.unwrap_or_else(home).join("git-dkr-test-tools");
    let path = tools.join(name);
    assert!(
        path.exists(),
        "there is no {}: run scripts/test-tools",
        path.display()
    );
    path
}

/// A pair of repositories, and a file where the tools' own hooks write a line.
struct Beside {
    lab: Lab,
    up: PathBuf,
    repo: PathBuf,
    log: PathBuf,
    count: std::cell::Cell<u32>,
}

impl Beside {
    fn new() -> Self {
        let lab = Lab::new();
        let (up, repo) = lab.cloned(&[]);
        Self {
            log: lab.sandbox.path("theirs"),
            count: Default::default(),
            lab,
            up,
            repo,
        }
    }

    fn directory(&self) -> PathBuf {
        self.repo.join(".git/hooks")
    }

    fn watch(&self) {
        self.lab
            .watch(&self.repo, &["refs/heads/main", "refs/remotes/origin/main"]);
    }

    /// With the tools on the PATH.
    fn run(&self, program: &str, args: &[&str]) -> Outcome {
        let mut command = self.lab.command(program, &self.repo);
        let path = command
            .get_envs()
            .find(|(name, _)| *name == "PATH")
            .unwrap()
            .1
            .unwrap();
        let directories = [tool("python/bin")]
            .into_iter()
            .chain(std::env::split_paths(path));
        let path = std::env::join_paths(directories).unwrap();
        outcome(command.env("PATH", path).args(args))
    }

    /// Pulls something new: whether the tool's hook ran, and how ours were called.
    fn pull(&self) -> (usize, Vec<String>) {
        self.count.set(self.count.get() + 1);
        self.lab
            .commit(&self.up, "b", &self.count.get().to_string());
        let _ = std::fs::remove_file(&self.log);
        self.lab.calls();
        let done = self.run("git", &["pull", "--quiet"]).ok();
        done.never_says("bug");
        let theirs = std::fs::read_to_string(&self.log).unwrap_or_default();
        (theirs.lines().count(), self.lab.calls())
    }

    #[track_caller]
    fn both_run(&self) {
        let (theirs, ours) = self.pull();
        assert_eq!(theirs, 1, "theirs; ours: {ours:?}");
        assert_eq!(ours, OURS);
    }

    #[track_caller]
    fn only_theirs_run(&self) {
        assert_eq!(self.pull(), (1, vec![]));
    }
}

const OURS: [&str; 3] = [
    "reference-transaction refs/remotes/origin/main",
    "reference-transaction refs/heads/main",
    "post-merge 0",
];

fn husky(beside: &Beside) {
    let script = tool("node_modules/husky/bin.js");
    beside.run("node", &[script.to_str().unwrap()]).ok();
}

fn husky_hook(beside: &Beside) {
    let text = format!("echo husky >>'{}'\n", beside.log.display());
    std::fs::write(beside.repo.join(".husky/post-merge"), text).unwrap();
}

fn both(directory: &Path) -> (Vec<String>, Vec<String>) {
    (state(directory), state(&directory.join("_")))
}

#[test]
fn husky_before() {
    let beside = Beside::new();
    husky(&beside);
    husky_hook(&beside);
    let directory = beside.repo.join(".husky");
    let before = both(&directory);
    beside.only_theirs_run();
    beside.lab.install(&beside.repo).says("do not commit them");
    beside.watch();
    beside.both_run();
    // As `npm install` does it.
    husky(&beside);
    beside.both_run();
    beside.lab.install(&beside.repo).says("already installed");
    let status = beside.lab.status(&beside.repo);
    assert_eq!(status.matches("  installed").count(), 4, "{status}");
    // What it says with a failure is still what counts.
    let text = std::fs::read_to_string(directory.join("post-merge.before-dkr")).unwrap();
    std::fs::write(
        directory.join("post-merge.before-dkr"),
        format!("false\n{text}"),
    )
    .unwrap();
    assert_eq!(beside.pull(), (0, OURS.map(String::from).to_vec()), "sh -e");
    std::fs::write(directory.join("post-merge.before-dkr"), &text).unwrap();
    beside.lab.uninstall(&beside.repo);
    let after = both(&directory);
    assert_eq!(names(&after.0), names(&before.0));
    assert_eq!(names(&after.1), names(&before.1));
    assert_eq!(
        std::fs::read_to_string(directory.join("post-merge")).unwrap(),
        text
    );
    beside.only_theirs_run();
}

/// Without the time: what husky writes anew has another.
fn names(state: &[String]) -> Vec<&str> {
    state
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect()
}

#[test]
fn husky_before_is_put_back_byte_for_byte() {
    let beside = Beside::new();
    husky(&beside);
    husky_hook(&beside);
    let directory = beside.repo.join(".husky");
    let before = both(&directory);
    beside.lab.install(&beside.repo);
    assert_ne!(both(&directory), before);
    beside.lab.uninstall(&beside.repo);
    assert_eq!(both(&directory), before);
}

#[test]
fn husky_after() {
    let beside = Beside::new();
    let before = state(&beside.directory());
    beside.lab.install(&beside.repo);
    beside.watch();
    husky(&beside);
    husky_hook(&beside);
    beside.only_theirs_run();
    let status = beside.lab.status(&beside.repo);
    assert!(
        status.contains("core.hooksPath leads elsewhere"),
        "{status}"
    );
    beside.lab.install(&beside.repo);
    assert_eq!(state(&beside.directory()), before);
    beside.both_run();
    beside.lab.uninstall(&beside.repo);
    beside.only_theirs_run();
}

fn lefthook(beside: &Beside) -> Outcome {
    let text = format!(
        "no_auto_install: true\npost-merge:\n  commands:\n    x:\n      run: echo lefthook >>'{}'\n",
        beside.log.display()
    );
    std::fs::write(beside.repo.join("lefthook.yml"), text).unwrap();
    beside.run("lefthook", &["install"])
}

#[test]
fn lefthook_before() {
    let beside = Beside::new();
    lefthook(&beside).ok();
    beside.only_theirs_run();
    let before = state(&beside.directory());
    beside.lab.install(&beside.repo);
    let status = beside.lab.status(&beside.repo);
    assert!(
        status.contains("runs the hook of lefthook first"),
        "{status}"
    );
    beside.watch();
    beside.both_run();
    beside.lab.uninstall(&beside.repo);
    assert_eq!(state(&beside.directory()), before);
    beside.only_theirs_run();
}

#[test]
fn lefthook_after() {
    let beside = Beside::new();
    let file = beside.directory().join("post-merge");
    hook(&file, "#!/bin/sh", "echo own");
    let own = std::fs::read(&file).unwrap();
    beside.lab.install(&beside.repo);
    beside.watch();
    lefthook(&beside).ok();
    let status = beside.lab.status(&beside.repo);
    assert!(
        status.contains("replaced: the hook of lefthook has replaced it"),
        "{status}"
    );
    assert_eq!(beside.pull().0, 1);
    beside.lab.install(&beside.repo);
    beside.both_run();
    // As lefthook would have left it without us.
    let old = beside.directory().join("post-merge.old");
    assert_eq!(std::fs::read(&old).unwrap(), own);
    beside.lab.uninstall(&beside.repo);
    assert_eq!(std::fs::read(&old).unwrap(), own);
    beside.only_theirs_run();
}

#[test]
fn lefthook_after_and_uninstalled_at_once() {
    let beside = Beside::new();
    let file = beside.directory().join("post-merge");
    hook(&file, "#!/bin/sh", "echo own");
    let own = std::fs::read(&file).unwrap();
    beside.lab.install(&beside.repo);
    lefthook(&beside).ok();
    beside.lab.uninstall(&beside.repo);
    assert_eq!(
        std::fs::read(beside.directory().join("post-merge.old")).unwrap(),
        own
    );
    beside.only_theirs_run();
    // And it puts back what it moved.
    beside.run("lefthook", &["uninstall"]).ok();
    assert_eq!(std::fs::read(&file).unwrap(), own);
}

fn pre_commit(beside: &Beside, command: &str) -> Outcome {
    let text = format!(
        "repos:\n- repo: local\n  hooks:\n  - id: x\n    name: x\n    language: system\n    always_run: true\n    \
         stages: [post-merge]\n    entry: sh -c \"echo pre-commit >>'{}'\"\n",
        beside.log.display()
    );
    std::fs::write(beside.repo.join(".pre-commit-config.yaml"), text).unwrap();
    let types = ["-t", "post-merge", "-t", "post-checkout"];
    beside
        .run("pre-commit", &[&[command], &types[..]].concat())
        .ok()
}

#[test]
fn pre_commit_before_and_again() {
    let beside = Beside::new();
    pre_commit(&beside, "install");
    beside.only_theirs_run();
    let before = state(&beside.directory());
    beside.lab.install(&beside.repo);
    beside.watch();
    beside.both_run();
    beside.lab.uninstall(&beside.repo);
    assert_eq!(state(&beside.directory()), before);

    // It takes ours for what was there before it, and what ours keeps is its own.
    beside.lab.install(&beside.repo);
    pre_commit(&beside, "install");
    beside.both_run();
    let status = beside.lab.status(&beside.repo);
    assert!(
        status.contains("installed: pre-commit runs it first"),
        "{status}"
    );
    beside.lab.install(&beside.repo).says("already installed");
    beside.both_run();
    beside.lab.uninstall(&beside.repo);
    assert_eq!(names(&state(&beside.directory())), names(&before));
    beside.only_theirs_run();
}

#[test]
fn pre_commit_after() {
    let beside = Beside::new();
    let own = beside.lab.sandbox.path("own");
    let file = beside.directory().join("post-merge");
    hook(
        &file,
        "#!/bin/sh",
        &format!("echo own >>'{}'", own.display()),
    );
    let before = state(&beside.directory());
    beside.lab.install(&beside.repo);
    beside.watch();
    pre_commit(&beside, "install");
    beside.both_run();
    beside.lab.install(&beside.repo).says("already installed");
    beside.both_run();
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "own\nown\n");
    // It puts ours back itself.
    pre_commit(&beside, "uninstall");
    assert_eq!(beside.pull(), (0, OURS.map(String::from).to_vec()));
    pre_commit(&beside, "install");
    // Without us it runs what was there before us.
    beside.lab.uninstall(&beside.repo);
    beside.only_theirs_run();
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "own\n".repeat(4));
    pre_commit(&beside, "uninstall");
    assert_eq!(state(&beside.directory()), before);
}

#[test]
fn pre_commit_before_with_an_older_hook_behind_it() {
    let beside = Beside::new();
    let own = beside.lab.sandbox.path("own");
    let file = beside.directory().join("post-merge");
    hook(
        &file,
        "#!/bin/sh",
        &format!("echo own >>'{}'", own.display()),
    );
    pre_commit(&beside, "install");
    let before = state(&beside.directory());
    beside.lab.install(&beside.repo);
    beside.watch();
    beside.both_run();
    // It moves nothing over the older one.
    pre_commit(&beside, "install");
    beside.both_run();
    beside.lab.install(&beside.repo).says("already installed");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "own\nown\n");
    beside.lab.uninstall(&beside.repo);
    assert_eq!(names(&state(&beside.directory())), names(&before));
    beside.only_theirs_run();
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "own\nown\nown\n");
}

#[test]
fn pre_commit_that_overwrites() {
    let beside = Beside::new();
    beside.lab.install(&beside.repo);
    beside.watch();
    let types = ["install", "-f", "-t", "post-merge"];
    pre_commit(&beside, "install");
    beside.run("pre-commit", &types).ok();
    let status = beside.lab.status(&beside.repo);
    assert!(status.contains("there is a hook of pre-commit"), "{status}");
    beside.lab.install(&beside.repo);
    beside.both_run();
}

#[test]
fn git_lfs_before() {
    let beside = Beside::new();
    beside.run("git", &["lfs", "install", "--local"]).ok();
    let before = state(&beside.directory());
    beside.lab.install(&beside.repo);
    beside.watch();
    let status = beside.lab.status(&beside.repo);
    assert!(
        status.contains("post-merge             installed: runs the hook of git-lfs first"),
        "{status}"
    );
    assert_eq!(beside.pull().1, OURS);
    beside.lab.uninstall(&beside.repo);
    assert_eq!(state(&beside.directory()), before);
}

#[test]
fn git_lfs_after() {
    let beside = Beside::new();
    beside.lab.install(&beside.repo);
    beside.watch();
    let refused = beside.run("git", &["lfs", "install", "--local"]);
    assert!(
        refused.code != Some(0)
            || refused.stdout.contains("already exists")
            || refused.stderr.contains("already exists")
    );
    assert_eq!(beside.pull().1, OURS);
    beside
        .run("git", &["lfs", "install", "--local", "--force"])
        .ok();
    let status = beside.lab.status(&beside.repo);
    assert!(
        status.contains("there is a hook of git-lfs, which an install keeps"),
        "{status}"
    );
    beside.lab.install(&beside.repo);
    assert_eq!(beside.pull().1, OURS);
    // Both run: it is asked for a file that it would write.
    let traced = beside
        .run("sh", &["-c", "GIT_TRACE=1 git checkout -q -b x"])
        .ok();
    traced.says("git-lfs post-checkout").says("said");
    // Once more over ours, and no copy of its hooks is left.
    beside
        .run("git", &["lfs", "install", "--local", "--force"])
        .ok();
    beside.lab.install(&beside.repo);
    let files = state(&beside.directory());
    assert!(
        !names(&files).iter().any(|name| name.ends_with(".1")),
        "{files:?}"
    );
    beside.lab.uninstall(&beside.repo);
    let text = std::fs::read_to_string(beside.directory().join(NAMES[1])).unwrap();
    assert!(text.contains("git lfs post-merge"));
}
