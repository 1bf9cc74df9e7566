//! `git dkr list-images`: which images there are, and how far behind they are.

use serde_json::Value;

use crate::common::client;
use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;

#[track_caller]
fn tags(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["tag"].as_str().unwrap())
        .collect()
}

#[test]
fn both_branches_newest_first() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("feature/x", "main");
    let one = lab.create(&repo, &["main"]);
    let two = lab.create(&repo, &["feature/x"]);
    let rows = lab.list(&repo, &[]);
    assert_eq!(tags(&rows), [&two.tag, &one.tag]);
    let row = &rows[0];
    assert_eq!(row["id"], two.id());
    assert_eq!(row["repo"], repo.name());
    assert_eq!(row["repo_path"], repo.path.to_str().unwrap());
    assert_eq!(row["branch"], "feature/x");
    assert_eq!(row["commit"], repo.head());
    assert_eq!(row["type"], "base");
    assert_eq!(row["staleness"]["state"], "fresh");
    assert!(row["size"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn a_table_for_people() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    repo.commits(3);
    let shown = lab.dkr(&repo.path, ["list-images", "."]).ok().stdout;
    let lines: Vec<&str> = shown.lines().collect();
    let header: Vec<&str> = lines[0]
        .split("  ")
        .map(str::trim)
        .filter(|w| !w.is_empty())
        .collect();
    assert_eq!(
        header,
        [
            "TAG", "REPO", "BRANCH", "COMMIT", "CREATED", "TYPE", "IMAGE ID", "SIZE", "STATE"
        ]
    );
    assert_eq!(lines.len(), 2);
    for part in [
        &image.tag,
        &image.label("commit")[..7],
        &image.id()[7..19],
        "base",
        "3 behind",
    ] {
        assert!(lines[1].contains(part), "{part} is not in\n{shown}");
    }
}

#[test]
fn filters() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("space", &other).branch("topic", "main");
    let main = lab.create(&repo, &["space/main"]).tag;
    let topic = lab.create(&repo, &["topic"]).tag;
    let others = lab.create(&other, &[]).tag;

    assert_eq!(tags(&lab.list(&repo, &[])), [&topic, &main]);
    assert_eq!(tags(&lab.list(&repo, &["topic"])), [&topic]);
    // By either name of the branch.
    assert_eq!(tags(&lab.list(&repo, &["main"])), [&main]);
    assert_eq!(tags(&lab.list(&repo, &["space/main"])), [&main]);
    assert_eq!(tags(&lab.list(&other, &[])), [&others]);
    // A branch that is gone may still have an image.
    repo.checkout("main").git(["branch", "-D", "topic"]);
    assert_eq!(tags(&lab.list(&repo, &["topic"])), [&topic]);
    // Without a filter those of all repositories, from anywhere.
    let outcome = lab.dkr(lab.root(), ["ls", "--format=json"]).ok();
    let rows: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    for tag in [&main, &topic, &others] {
        assert!(tags(&rows).contains(&tag.as_str()), "{tag}");
    }
}

#[test]
fn how_far_behind() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.git(["tag", "v1"]);
    for branch in ["behind", "diverged", "gone", "lost"] {
        repo.branch(branch, "main").commit("Work", &[(branch, "1")]);
        lab.create(&repo, &[]);
    }
    lab.create(&repo, &["v1"]);
    repo.checkout("behind").commits(7);
    repo.checkout("diverged").amend("Rewritten");
    repo.checkout("main").git(["branch", "-D", "gone"]);
    // Rewritten too, and the old commit is nowhere any more.
    repo.checkout("lost").amend("Rewritten");
    let lost = repo.id("lost@{1}");
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    std::fs::remove_file(
        repo.path
            .join(".git/objects")
            .join(&lost[..2])
            .join(&lost[2..]),
    )
    .unwrap();

    let rows = lab.list(&repo, &[]);
    let states: Vec<String> = ["v1", "behind", "diverged", "gone", "lost"]
        .iter()
        .map(|branch| rows.iter().find(|row| row["branch"] == *branch).unwrap())
        .map(|row| row["staleness"].to_string())
        .collect();
    assert_eq!(
        states,
        [
            r#"{"state":"fresh"}"#,
            r#"{"commits":7,"key_files":[],"state":"behind"}"#,
            r#"{"state":"diverged"}"#,
            r#"{"state":"gone"}"#,
            r#"{"state":"unknown"}"#,
        ]
    );
}

#[test]
fn a_repository_that_is_gone_is_unknown() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    std::fs::remove_dir_all(&repo.path).unwrap();
    assert_eq!(state_of(&lab, &tag), "unknown");
}

#[test]
fn a_broken_repository_does_not_spoil_the_list() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    std::fs::write(repo.path.join(".git/packed-refs"), "nonsense\n").unwrap();
    assert_eq!(state_of(&lab, &tag), "unknown");
}

/// Among all images, from outside.
#[track_caller]
fn state_of(lab: &Lab, tag: &str) -> String {
    let outcome = lab.dkr(lab.root(), ["list-images", "--format=json"]).ok();
    let rows: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let row = rows.iter().find(|row| row["tag"] == tag).unwrap();
    row["staleness"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_that_knows_another_way_to_the_daemon_lists_the_same() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    for branch in ["one", "two", "three"] {
        lab.create(repo.branch(branch, "main"), &[]);
    }
    let args = ["-v", "list-images", ".", "--format=json"];
    let calls = |outcome: &Outcome, what: &str| {
        let echoed = |line: &&str| line.starts_with("+ ") && line.contains(what);
        outcome.stderr.lines().filter(echoed).count()
    };
    // The daemon is at its usual place: it is asked itself.
    let asked = lab.dkr(&repo.path, args).ok();
    assert_eq!(calls(&asked, "docker images"), 0, "{}", asked.stderr);
    // A script may have its own idea of where the daemon is.
    lab.script(
        "bin/docker",
        &format!("exec '{}' \"$@\"", lab.docker.display()),
    );
    let mut command = lab.dkr_command(&repo.path, args);
    let scripted = outcome(command.env("PATH", lab.bin_first())).ok();
    assert_eq!(calls(&scripted, "docker images"), 1, "{}", scripted.stderr);
    assert_eq!(calls(&scripted, "docker image inspect"), 1);
    assert_eq!(asked.stdout, scripted.stdout);
}

#[test]
fn labels_of_others_that_make_no_sense_are_left_out_with_a_word() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let tag = format!("dkr:{}-odd", repo.name());
    let path = format!("dkr.repo_path={}", repo.path.display());
    lab.file(
        "odd/Dockerfile",
        "FROM scratch\nLABEL dkr.schema=1 dkr.commit=main\n",
    );
    let directory = lab.path("odd");
    let directory = directory.to_str().unwrap();
    lab.docker(&[
        "build", "--quiet", "--tag", &tag, "--label", &path, directory,
    ]);
    let good = lab.create(&repo, &[]).tag;
    assert_eq!(tags(&lab.list(&repo, &[])), [&good]);
    let warning = format!("warning: image {tag} is left out");
    lab.dkr(&repo.path, ["list-images"]).ok().says(&warning);
    lab.dkr(&repo.path, ["check"]).ok().says(&warning);
    // It is no business of other repositories' commands.
    let other = lab.repo();
    lab.create(&other, &[]);
    for args in [
        &["create-image"][..],
        &["update-image"],
        &["list-images", "."],
        &["check"],
        &["explain"],
        &["start-image", "--", "true"],
    ] {
        lab.dkr(&other.path, args).ok().never_says(&tag);
    }
    let doctor = lab.dkr(&other.path, ["doctor"]).ok().stdout;
    assert!(
        doctor.contains(&format!("{tag} is left out: it has no label")),
        "{doctor}"
    );
    let removed = format!("{} rmi {tag} removes it", client::name());
    assert!(doctor.contains(&removed), "{doctor}");
}

#[test]
fn none_is_no_failure() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    assert_eq!(lab.list(&repo, &[]), [Value::Null; 0]);
    lab.dkr(&repo.path, ["list-images", "."])
        .ok()
        .says("git dkr create-image");
    assert_eq!(lab.list(&repo, &["nowhere"]), [Value::Null; 0]);
    let mistyped = lab.dkr(&repo.path, ["list-images", ".", "nowhere"]).ok();
    assert_eq!(mistyped.stdout, "");
    mistyped.says("warning: no branch, tag or commit is called nowhere");
    // What is no repository has no list.
    lab.dkr(&repo.path, ["list-images", "./nowhere"]).fails();
}
