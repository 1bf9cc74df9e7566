//! `git dkr list-containers`: what the engine has and what is saved.

use serde_json::{Value, json};

use super::lab::{
    clone, container, ended, info, push, rows, save, save_info, save_wip, without_engine,
};
use crate::common::Sandbox;
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::{unique, wait_until};

fn list(lab: &Lab, repo: &Repo, args: &[&str]) -> Vec<Value> {
    let all = [&["list-containers", "--format=json"], args].concat();
    rows(lab.dkr(&repo.path, all))
}

fn names(rows: &[Value]) -> Vec<&str> {
    let names = rows.iter().map(|row| row["name"].as_str().unwrap());
    names.collect()
}

#[test]
fn what_was_started_is_listed_while_it_runs() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    let start = ["start-image", "--name=work", &host, "--", "sh", "-c"];
    let script =
        "git commit --quiet --allow-empty -m One; git push --quiet; echo ready; read -r end || :";
    let running = lab.dkr_spawn(&repo.path, &[&start[..], &[script]].concat());
    running.prints("ready");
    let rows = list(&lab, &repo, &[]);
    assert_eq!(names(&rows), [&lab.host]);
    let row = &rows[0];
    for (key, value) in [
        ("repo", repo.name().into()),
        ("repo_path", repo.path.to_str().unwrap().into()),
        ("branch", "main".into()),
        ("branch_from", "main".into()),
        ("commit", repo.head().into()),
        ("work_branch", "work".into()),
        ("image", image.tag.clone().into()),
        ("agent", Value::Null),
        ("state", "running".into()),
        ("exit_code", Value::Null),
        ("commits_ahead", 1.into()),
        ("pushed", json!(["work"])),
    ] {
        assert_eq!(row[key], value, "{key}");
    }
    running.finish().ok();
}

#[test]
fn running_ended_and_saved_from_any_worktree() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    let (running, stopped, old, others) = (unique(), unique(), unique(), unique());
    container(&lab, &repo, &running, &["sleep", "1000"]);
    ended(&lab, &repo, &stopped, 7);
    container(&lab, &other, &others, &["sleep", "1000"]);
    let work = clone(&repo);
    work.commit("Add c", &[("c", "1\n")]);
    push(&repo, &work, "HEAD", &stopped, "heads/work");
    push(&repo, &work, "HEAD~1", &old, "heads/fix/typo");
    save_info(&repo, &old, info(&repo, &old));
    work.write("new", "1\n");
    work.write("a", "2\n");
    save_wip(&repo, &work, &old, 2);

    let found = list(&lab, &repo, &[]);
    let mut engine_s = vec![&*running, &*stopped];
    let mut first = names(&found[..2]);
    engine_s.sort_unstable();
    first.sort_unstable();
    assert_eq!(first, engine_s);
    assert_eq!(found.len(), 3);
    let row = |name: &str| found.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row(&running)["state"], "running");
    assert_eq!(row(&running)["commits_ahead"], 0);
    assert_eq!(row(&stopped)["state"], "ended");
    assert_eq!(row(&stopped)["exit_code"], 7);
    assert_eq!(row(&stopped)["commits_ahead"], 2);
    assert_eq!(row(&stopped)["saved"]["branches"], json!(["work"]));
    let saved = row(&old);
    for (key, value) in [
        ("state", json!("saved")),
        ("exit_code", json!(3)),
        ("commits_ahead", json!(1)),
        ("files_changed", json!(2)),
        ("agent", json!("claude")),
        ("repo_path", json!(repo.path)),
        ("ended_at", json!("2026-01-01T11:00:00Z")),
    ] {
        assert_eq!(saved[key], value, "{key}");
    }

    // The same from a linked worktree, and by the path.
    let linked = repo.worktree("topic");
    assert_eq!(list(&lab, &linked, &[]), found);
    let path = repo.path.to_str().unwrap();
    assert_eq!(list(&lab, &other, &[path]), found);
    // Each repository has its own.
    assert_eq!(names(&list(&lab, &other, &[])), [&others]);
    let all = list(&lab, &repo, &["--all"]);
    let elsewhere = all.iter().find(|row| row["name"] == *others).unwrap();
    assert_eq!(elsewhere["repo_path"], json!(other.path));
    assert_eq!(elsewhere["files_changed"], Value::Null);
    let outside = lab.dkr(lab.root(), ["ps", "--format=json"]);
    let outside = rows(outside);
    let names = names(&outside);
    assert!(names.contains(&&*running) && names.contains(&&*others));
    assert!(!names.contains(&&*old));

    let shown = lab.dkr(&repo.path, ["ps"]).ok().stdout;
    let header = shown.lines().next().unwrap();
    let header: Vec<&str> = header.split("  ").filter(|word| !word.is_empty()).collect();
    let header: Vec<&str> = header.iter().map(|word| word.trim()).collect();
    assert_eq!(
        header,
        [
            "NAME",
            "BRANCH",
            "WORK BRANCH",
            "STATE",
            "AHEAD",
            "CHANGED",
            "PUSHED",
            "CONFLICTS",
            "AGENT",
            "AGE"
        ]
    );
    assert!(shown.contains("ended 7"), "{shown}");
    let shown = lab.dkr(&repo.path, ["ps", "--all"]).ok().stdout;
    assert!(shown.contains(&other.name()), "{shown}");
}

#[test]
fn a_paused_one_and_one_that_never_started() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    let name = unique();
    container(&lab, &repo, &name, &["sleep", "1000"]);
    lab.docker(&["pause", &name]);
    assert_eq!(list(&lab, &repo, &[])[0]["state"], "paused");
    lab.dkr(&repo.path, ["exec", &name, "--", "true"])
        .fails()
        .says(&format!("hint: docker unpause {name}"));
    lab.docker(&["unpause", &name]);
    lab.docker(&["kill", &name]);
    wait_until("its end", || list(&lab, &repo, &[])[0]["state"] == "ended");
    assert_eq!(list(&lab, &repo, &[])[0]["exit_code"], 137);
}

#[test]
fn labels_that_make_no_sense_are_told() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let (name, path) = (unique(), repo.path.display());
    let label = format!("--label=dkr.repo_path={path}");
    let run = ["create", "--name", &name, "--label=dkr.work_branch=--help"];
    let image = ["debian:bookworm-slim", "true"];
    lab.docker(&[&run[..], &[&label], &image[..]].concat());
    let outcome = lab.dkr(&repo.path, ["ps"]).ok();
    outcome.says(&format!("container {name} is left out: "));
    lab.dkr(&repo.path, ["exec", &name, "--", "true"]).fails();
}

#[test]
fn saved_work_is_listed_without_an_engine() {
    let sandbox = Sandbox::new();
    for options in [&[][..], &["--object-format=sha256"], &["--bare"]] {
        let begun = Repo::init(&sandbox, &unique(), options);
        if !options.contains(&"--bare") {
            begun.commit("Begin", &[("a", "1\n")]);
        }
        let source = sandbox.repo();
        let repo = match options {
            ["--bare"] => {
                let path = begun.path.to_str().unwrap();
                source.git(["push", "--quiet", path, "main"]);
                begun
            }
            _ => begun,
        };
        let work = clone(&repo);
        push(&repo, &work, "HEAD", "box", "heads/work");
        save_info(&repo, "box", info(&repo, "box"));
        let outcome = without_engine(&sandbox, &repo, &["ps", "--format=json"]);
        outcome.says("only what is saved is listed, as the engine does not answer");
        let found = rows(outcome);
        assert_eq!(names(&found), ["box"], "{options:?}");
        assert_eq!(found[0]["commits_ahead"], 1, "{options:?}");
    }
}

#[test]
fn hostile_refs_break_nothing() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    save(&repo, "box", "heads/$(touch${IFS}x)`;&'", &head);
    save(&repo, "box", "wip/workspace", &head);
    save(&repo, "box", "stash/none", &head);
    save(&repo, "box", "else", &head);
    save(&repo, "--help", "heads/main", &head);
    save(&repo, "$(touch${IFS}x)", "heads/main", &head);
    let blob = repo.git(["rev-parse", "main:a"]);
    let tree = repo.git(["rev-parse", "main^{tree}"]);
    save(&repo, "box", "heads/blob", &blob);
    save(&repo, "box", "detached/workspace", &tree);
    // One that leads nowhere.
    let lost = repo.path.join(".git/refs/dkr/work/box/heads/lost");
    std::fs::write(lost, format!("{}\n", "1".repeat(40))).unwrap();
    let escaped = info(&repo, "box").to_string().replace("shop", "\\u001b[2J");
    let broken = [
        ("escape", escaped),
        ("none", String::new()),
        ("list", "[]".to_owned()),
        ("later", r#"{"v":2}"#.to_owned()),
        ("other", info(&repo, "box").to_string()),
        ("deep", "[".repeat(10_000)),
        ("huge", " ".repeat(2_000_000)),
    ];
    for (name, json) in &broken {
        save_info(&repo, name, json);
    }
    save(&repo, "commit", "info", &head);
    save(&repo, "blob", "info", &blob);
    let outcome = without_engine(&sandbox, &repo, &["ps", "--format=json"]);
    for name in [
        "escape", "none", "list", "later", "other", "deep", "huge", "commit", "blob",
    ] {
        let told = format!("what is saved of container {name} does not say what it was");
        outcome.says(&told);
    }
    assert!(!outcome.stderr.contains('\x1b'), "{}", outcome.stderr);
    let found = rows(outcome);
    assert_eq!(found.len(), 10, "{found:?}");
    let row = found.iter().find(|row| row["name"] == "box").unwrap();
    assert_eq!(row["commit"], Value::Null);
    // It does not say how many.
    assert_eq!(row["files_changed"], 1);
    without_engine(&sandbox, &repo, &["diff", "box"])
        .fails()
        .says("the commit that box began at is not known");
    without_engine(&sandbox, &repo, &["diff", "later"])
        .ok()
        .says("the repository has no work of this container");
    // What container.json says is in another repository, perhaps.
    let mut away = info(&repo, "away");
    away["commit"] = "2".repeat(40).into();
    save_info(&repo, "away", away);
    save(&repo, "away", "heads/work", &head);
    without_engine(&sandbox, &repo, &["log", "away"])
        .fails()
        .says("the commit 2222222, which away began at, is not in this repository");
    let found = without_engine(&sandbox, &repo, &["ps"]).ok().stdout;
    let line = found.lines().find(|line| line.starts_with("away")).unwrap();
    assert!(line.contains("saved  ?"), "{line}");
}
