//! Containers with our labels, and refs of saved work, made by the engine's and git's own means.

use serde_json::{Value, json};

use crate::common::Sandbox;
use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// Makes a container with the labels that `start-image` gives, running in the background.
#[track_caller]
pub fn container(lab: &Lab, repo: &Repo, name: &str, command: &[&str]) {
    let labels = [
        ("repo_path", repo.path.to_str().unwrap().to_owned()),
        ("repo_name", repo.name()),
        ("branch", "main".to_owned()),
        ("branch_from", "main".to_owned()),
        ("commit", repo.id("main")),
        ("work_branch", "work".to_owned()),
        ("image", format!("dkr:{}-main", repo.name())),
        ("agent", String::new()),
        ("schema", "1".to_owned()),
    ];
    let labels = labels.map(|(key, value)| format!("--label=dkr.{key}={value}"));
    let mut args = vec!["run", "--detach", "--interactive", "--init"];
    args.extend(["--tmpfs=/workspace", "--name", name]);
    args.extend(labels.iter().map(String::as_str));
    args.push("debian:bookworm-slim");
    args.extend(command);
    lab.docker(&args);
}

/// One that has ended with this code.
#[track_caller]
pub fn ended(lab: &Lab, repo: &Repo, name: &str, code: u8) {
    container(
        lab,
        repo,
        name,
        &["sh", "-c", &format!("echo said; exit {code}")],
    );
    lab.docker(&["wait", name]);
}

/// What is kept of a container that began at `main`.
pub fn info(repo: &Repo, name: &str) -> Value {
    json!({
        "v": 1, "name": name, "image": "dkr:shop-main", "branch": "main", "branch_from": "main",
        "commit": repo.id("main"), "work_branch": "work", "agent": "claude",
        "started_at": "2026-01-01T10:00:00Z", "ended_at": "2026-01-01T11:00:00Z", "exit_code": 3,
    })
}

/// Saves it.
#[track_caller]
pub fn save_info(repo: &Repo, name: &str, info: impl ToString) {
    let file = repo.sandbox.file("container.json", info.to_string());
    let blob = repo.git(["hash-object", "-w", "--no-filters", file.to_str().unwrap()]);
    let list = repo
        .sandbox
        .file("list", format!("100644 blob {blob}\tcontainer.json\n"));
    let mut mktree = repo.command();
    mktree
        .arg("mktree")
        .stdin(std::fs::File::open(list).unwrap());
    let tree = crate::common::run(&mut mktree);
    let commit = repo.git(["commit-tree", "-m", "info", &tree]);
    save(repo, name, "info", &commit);
}

/// Saves a commit of a container.
#[track_caller]
pub fn save(repo: &Repo, name: &str, what: &str, commit: &str) {
    repo.git([
        "update-ref",
        &format!("refs/dkr/work/{name}/{what}"),
        commit,
    ]);
}

/// A clone as a container has one, with a commit more than `main`.
#[track_caller]
pub fn clone<'a>(repo: &Repo<'a>) -> Repo<'a> {
    let clone = repo.clone_with(&[]);
    clone.branch("work", "HEAD");
    clone.commit("Add b", &[("b", "1\n")]);
    clone
}

/// Saves what is not committed in a clone as work of a container: this many files.
#[track_caller]
pub fn save_wip(repo: &Repo, clone: &Repo, name: &str, files: usize) -> String {
    clone.git(["stash", "push", "--quiet", "--include-untracked"]);
    let mut args = vec!["commit-tree".to_owned(), "stash^{tree}".to_owned()];
    for parent in clone.git(["show", "-s", "--format=%P", "stash"]).split(' ') {
        args.extend(["-p".to_owned(), parent.to_owned()]);
    }
    args.extend(["-m".to_owned(), format!("WIP on work: {files} files")]);
    let wip = clone.git(args);
    push(repo, clone, &wip, name, "wip/workspace");
    wip
}

/// Saves a commit of a clone as work of a container.
#[track_caller]
pub fn push(repo: &Repo, clone: &Repo, commit: &str, name: &str, what: &str) {
    let to = format!("{commit}:refs/dkr/work/{name}/{what}");
    clone.git(["push", "--quiet", repo.path.to_str().unwrap(), &to]);
}

/// `git dkr` where no engine is found.
pub fn without_engine(sandbox: &Sandbox, repo: &Repo, args: &[&str]) -> Outcome {
    let mut command = sandbox.dkr_command(&repo.path, args);
    outcome(command.env("PATH", sandbox.bin()))
}

/// The containers as `list-containers` tells programs of them.
#[track_caller]
pub fn rows(outcome: Outcome) -> Vec<Value> {
    serde_json::from_str(&outcome.ok().stdout).unwrap()
}
