//! Which of git's commands make git call us, and with what.

use std::path::Path;

use crate::hooks::lab::{Lab, NAMES};

const FETCHED: &str = "reference-transaction refs/remotes/origin/main";

#[test]
fn a_fetch_that_moves_a_watched_ref_is_told_once() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    let fetch = |args: &[&str]| {
        let outcome = lab
            .git(&clone, &[&["fetch", "--quiet"], args].concat())
            .ok();
        (lab.calls(), outcome)
    };
    assert_eq!(fetch(&[]).0, [""; 0]);
    lab.commit(&up, "b", "1");
    assert_eq!(fetch(&["--dry-run"]).0, [""; 0]);
    let (calls, outcome) = fetch(&[]);
    assert_eq!(calls, [FETCHED]);
    // Standard output is git's alone.
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr, "said\n");
    assert_eq!(fetch(&[]).0, [""; 0]);

    lab.git_ok(&up, &["branch", "other"]);
    lab.git_ok(&up, &["tag", "v1"]);
    assert_eq!(fetch(&[]).0, [""; 0]);
    // By its address it moves FETCH_HEAD only.
    lab.commit(&up, "b", "2");
    let address = up.to_str().unwrap();
    assert_eq!(fetch(&[address, "main"]).0, [""; 0]);
    assert_eq!(fetch(&[]).0, [FETCHED]);
}

#[test]
fn the_watched_ref_is_found_among_many() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    let head = lab.commit(&up, "b", "1");
    let many: String = (0..500)
        .map(|number| {
            format!("create refs/heads/b{number} {head}\ncreate refs/heads/main-{number} {head}\n")
        })
        .collect();
    let mut command = lab.git_command(&up, &["update-ref", "--stdin"]);
    let file = lab.sandbox.file("refs", many);
    let status = command.stdin(std::fs::File::open(file).unwrap()).status();
    assert!(status.unwrap().success());
    lab.git_ok(&clone, &["fetch", "--quiet", "--atomic"]);
    assert_eq!(lab.calls(), [FETCHED]);
    // And is not where it is not: hundreds of new refs in one transaction.
    lab.git_ok(&up, &["checkout", "--quiet", "main"]);
    lab.git_ok(
        &clone,
        &[
            "fetch",
            "--quiet",
            "--atomic",
            "origin",
            "+refs/heads/b*:refs/remotes/x/b*",
        ],
    );
    assert_eq!(lab.calls(), [""; 0]);
    lab.watch(
        &clone,
        &[
            "refs/remotes/origin/b7",
            "refs/remotes/origin/b499",
            "refs/heads/main",
        ],
    );
    lab.commit(&up, "b", "2");
    let to = lab.git_ok(&up, &["rev-parse", "HEAD"]);
    for name in ["b7", "b499", "b70"] {
        lab.git_ok(&up, &["update-ref", &format!("refs/heads/{name}"), &to]);
    }
    lab.git_ok(&clone, &["fetch", "--quiet", "--atomic"]);
    assert_eq!(
        sorted(lab.calls()),
        ["reference-transaction refs/remotes/origin/b499 refs/remotes/origin/b7"]
    );
}

/// The refs of a call in one order.
fn sorted(calls: Vec<String>) -> Vec<String> {
    let one = |call: String| {
        let mut words: Vec<_> = call.split(' ').map(str::to_owned).collect();
        words[1..].sort();
        words.join(" ")
    };
    calls.into_iter().map(one).collect()
}

#[test]
fn a_watched_ref_that_is_pruned_is_told() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    lab.git_ok(&up, &["branch", "side"]);
    lab.git_ok(&clone, &["fetch", "--quiet"]);
    lab.watch(&clone, &["refs/remotes/origin/side"]);
    lab.git_ok(&up, &["branch", "--quiet", "-D", "side"]);
    assert_eq!(lab.calls(), [""; 0]);
    lab.git_ok(&clone, &["fetch", "--quiet", "--prune"]);
    let calls = lab.calls();
    assert!(!calls.is_empty());
    for call in calls {
        assert_eq!(call, "reference-transaction refs/remotes/origin/side");
    }
}

#[test]
fn pulls_and_merges() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    lab.git_ok(&clone, &["pull", "--quiet"]);
    assert_eq!(lab.calls(), [""; 0]);

    let moved = "reference-transaction refs/heads/main";
    lab.commit(&up, "b", "1");
    lab.git_ok(&clone, &["pull", "--quiet"]);
    assert_eq!(lab.calls(), [FETCHED, moved, "post-merge 0"]);

    lab.commit(&up, "b", "2");
    lab.commit(&clone, "c", "1");
    assert_eq!(lab.calls(), [""; 0], "a commit by hand");
    lab.git_ok(&clone, &["pull", "--quiet", "--no-edit"]);
    assert_eq!(lab.calls(), [FETCHED, moved, "post-merge 0"]);

    lab.git_ok(&clone, &["branch", "--quiet", "topic"]);
    lab.commit(&up, "b", "3");
    lab.git_ok(&clone, &["pull", "--quiet", "--rebase"]);
    let calls = lab.calls();
    assert_eq!(calls[0], FETCHED);
    assert!(
        calls.contains(&"post-rewrite rebase".to_owned()),
        "{calls:?}"
    );

    lab.git_ok(&clone, &["merge", "--quiet", "topic"]);
    assert!(!lab.calls().iter().any(|call| call.starts_with(FETCHED)));
    lab.git_ok(&clone, &["merge", "--quiet", "--no-ff", "HEAD"]);
    assert_eq!(lab.calls(), [""; 0], "nothing to merge");
    lab.git_ok(&clone, &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    lab.commit(&clone, "d", "1");
    lab.git_ok(&clone, &["checkout", "--quiet", "main"]);
    lab.calls();
    lab.git_ok(&clone, &["merge", "--quiet", "--no-edit", "side"]);
    assert_eq!(lab.calls(), [moved, "post-merge 0"]);
    lab.git_ok(&clone, &["merge", "--quiet", "--squash", "side"]);
}

/// On `topic`, two commits from where `main` has gone on.
fn rebase(lab: &Lab, repo: &Path, how: &str) -> Vec<String> {
    lab.git_ok(repo, &["checkout", "--quiet", "-b", how, "main~1"]);
    lab.commit(repo, how, "1");
    lab.commit(repo, how, "2");
    lab.calls();
    lab.git_ok(repo, &["rebase", "--quiet", &format!("--{how}"), "main"]);
    lab.calls()
}

#[test]
fn rebases() {
    let lab = Lab::new();
    let repo = lab.repo();
    lab.commit(&repo, "b", "1");
    lab.install(&repo);
    lab.watch(&repo, &["refs/heads/main"]);
    for how in ["merge", "apply"] {
        let calls = rebase(&lab, &repo, how);
        let names: Vec<_> = calls
            .iter()
            .map(|call| call.split(' ').next().unwrap())
            .collect();
        assert_eq!(names, ["post-checkout", "post-rewrite"], "{calls:?}");
        assert_eq!(calls[1], "post-rewrite rebase");
    }
    lab.git_ok(&repo, &["checkout", "--quiet", "-b", "behind", "main~1"]);
    lab.calls();
    lab.git_ok(&repo, &["rebase", "--quiet", "main"]);
    let calls = lab.calls();
    assert!(
        calls.len() == 1 && calls[0].starts_with("post-checkout "),
        "{calls:?}"
    );
}

#[test]
fn what_people_do_by_hand_is_no_news() {
    let lab = Lab::new();
    let repo = lab.repo();
    lab.install(&repo);
    lab.watch(&repo, &["refs/heads/main", "refs/notes/commits"]);
    for args in [
        &["commit", "--quiet", "--allow-empty", "-m", "x"][..],
        &["commit", "--quiet", "--amend", "--allow-empty", "-m", "y"],
        &["reset", "--quiet", "--hard", "HEAD~1"],
        &["checkout", "--quiet", "--", "a"],
        &["notes", "add", "-m", "x"],
        &["tag", "v1"],
        &["branch", "topic"],
        &["gc", "--quiet"],
        &["pack-refs", "--all"],
        &["stash", "list"],
    ] {
        lab.git_ok(&repo, args);
        assert_eq!(lab.calls(), [""; 0], "{args:?}");
    }
    lab.git_ok(&repo, &["switch", "--quiet", "topic"]);
    let calls = lab.calls();
    assert!(calls.len() == 1 && calls[0].ends_with(" 1"), "{calls:?}");
    let tree = lab.sandbox.path("tree");
    lab.git_ok(
        &repo,
        &["worktree", "add", "--quiet", tree.to_str().unwrap()],
    );
    let calls = lab.calls();
    assert!(
        calls.len() == 1 && calls[0].starts_with("post-checkout 0000"),
        "{calls:?}"
    );
}

#[test]
fn nothing_is_called_where_there_is_no_image() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    let watch = lab.dkr_directory(&clone).join("watch");
    for empty in [true, false] {
        if empty {
            std::fs::write(&watch, "").unwrap();
        } else {
            std::fs::remove_file(&watch).unwrap();
        }
        lab.commit(&up, "b", if empty { "1" } else { "2" });
        lab.git_ok(&clone, &["pull", "--quiet"]);
        lab.git_ok(&clone, &["checkout", "--quiet", "--detach"]);
        lab.git_ok(&clone, &["checkout", "--quiet", "main"]);
        assert_eq!(lab.calls(), [""; 0]);
    }
}

#[test]
fn without_the_hook_for_fetches() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    let file = clone.join(".git/hooks").join(NAMES[0]);
    assert!(file.exists());
    lab.hooks(&clone, &["install", "--no-fetch"]).ok();
    assert!(!file.exists());
    lab.commit(&up, "b", "1");
    lab.git_ok(&clone, &["fetch", "--quiet"]);
    assert_eq!(lab.calls(), [""; 0]);
    lab.git_ok(&clone, &["merge", "--quiet"]);
    assert_eq!(lab.calls(), ["post-merge 0"]);
    lab.install(&clone);
    assert!(file.exists());
}
