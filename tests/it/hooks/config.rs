//! Hooks by git's config, for git 2.54 and later. `DKR_TEST_GIT` is such a git; without it these
//! are left out.

use serde_json::Value;

use crate::hooks::lab::{Lab, NAMES, hook, state};

const FETCHED: &str = "reference-transaction refs/remotes/origin/main";

#[test]
fn they_run_beside_files_which_nobody_touches() {
    let Some(lab) = Lab::newer() else { return };
    let (up, clone) = lab.cloned(&[]);
    hook(
        &clone.join(".git/hooks/post-merge"),
        "#!/bin/sh",
        "echo theirs",
    );
    let files = state(&clone.join(".git/hooks"));
    let config = std::fs::read(clone.join(".git/config")).unwrap();
    lab.install(&clone).says("installed in git's config");
    lab.install(&clone).says("already installed");
    assert_eq!(state(&clone.join(".git/hooks")), files);

    lab.watch(&clone, &["refs/heads/main", "refs/remotes/origin/main"]);
    lab.commit(&up, "b", "1");
    let done = lab.git(&clone, &["pull", "--quiet"]).ok();
    done.says("theirs").says("said").never_says("complained");
    assert_eq!(
        lab.calls(),
        [
            FETCHED,
            "reference-transaction refs/heads/main",
            "post-merge 0"
        ]
    );
    lab.git_ok(&clone, &["checkout", "--quiet", "-b", "topic", "HEAD~1"]);
    assert_eq!(lab.calls().len(), 1);
    lab.commit(&clone, "c", "1");
    lab.git_ok(&clone, &["rebase", "--quiet", "main"]);
    assert!(lab.calls().contains(&"post-rewrite rebase".to_owned()));

    std::fs::remove_file(lab.dkr_directory(&clone).join("watch")).unwrap();
    lab.uninstall(&clone);
    assert_eq!(std::fs::read(clone.join(".git/config")).unwrap(), config);
    assert_eq!(state(&clone.join(".git/hooks")), files);
    assert!(!clone.join(".git/dkr").exists());
}

#[test]
fn hooks_of_all_repositories_or_none_are_no_obstacle() {
    let Some(lab) = Lab::newer() else { return };
    let (up, clone) = lab.pair();
    for (number, path) in ["/dev/null", "", "/tmp", ".husky/_"].iter().enumerate() {
        lab.git_ok(&clone, &["config", "core.hooksPath", path]);
        lab.install(&clone);
        lab.commit(&up, "b", &number.to_string());
        lab.git_ok(&clone, &["fetch", "--quiet"]);
        assert_eq!(lab.calls(), [FETCHED], "{path}");
    }
    lab.uninstall(&clone);
}

#[test]
fn a_fetch_survives_what_is_missing() {
    let Some(lab) = Lab::newer() else { return };
    let (up, clone) = lab.pair();
    lab.commit(&up, "b", "1");
    let stubs = lab.dkr_directory(&clone).join("hooks");
    std::fs::remove_file(lab.program()).unwrap();
    let done = lab.git(&clone, &["pull", "--quiet"]).ok();
    assert_eq!(done.stderr, "");
    lab.record();
    std::fs::remove_dir_all(&stubs).unwrap();
    lab.commit(&up, "b", "2");
    let done = lab.git(&clone, &["pull", "--quiet"]).ok();
    assert_eq!(done.stderr, "");
    assert!(lab.status(&clone).contains("would not run: "));
    lab.install(&clone);
    assert!(!lab.status(&clone).contains("would not run: "));
    // A repository that was moved names files that are gone.
    let moved = lab.sandbox.path("moved");
    std::fs::rename(&clone, &moved).unwrap();
    lab.commit(&up, "b", "3");
    lab.git_ok(&moved, &["fetch", "--quiet"]);
    assert_eq!(lab.calls(), [""; 0]);
    assert!(lab.status(&moved).contains("was the repository moved?"));
    lab.install(&moved);
    lab.commit(&up, "b", "4");
    lab.git_ok(&moved, &["fetch", "--quiet"]);
    assert_eq!(lab.calls(), [FETCHED]);
}

#[test]
fn files_of_an_older_git_move_to_the_config() {
    let Some(newer) = Lab::newer() else { return };
    let repo = newer.repo();
    hook(&repo.join(".git/hooks/post-merge"), "#!/bin/sh", "true");
    let before = state(&repo.join(".git/hooks"));
    let older = Lab::new();
    older.install(&repo);
    assert!(
        newer
            .status(&repo)
            .contains("moves it from a file to git's config")
    );
    newer.install(&repo);
    assert_eq!(state(&repo.join(".git/hooks")), before);
    let json = newer.hooks(&repo, &["status", "--format=json"]).ok().stdout;
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["way"], "config");
    assert!(older.status(&repo).contains("which this git does not obey"));
    newer.uninstall(&repo);
    assert_eq!(state(&repo.join(".git/hooks")), before);
}

#[test]
fn worktrees_bare_repositories_and_odd_names() {
    let Some(lab) = Lab::newer_within("it's \"quoted\" $(x)") else {
        return;
    };
    let (up, clone) = lab.pair();
    let tree = lab.sandbox.path("tree");
    lab.git_ok(
        &clone,
        &["worktree", "add", "--quiet", tree.to_str().unwrap()],
    );
    assert_eq!(lab.calls().len(), 1);
    lab.commit(&up, "b", "1");
    lab.git_ok(&tree, &["fetch", "--quiet"]);
    assert_eq!(lab.calls(), [FETCHED]);
    let (up, bare) = lab.cloned(&["--bare"]);
    lab.install(&bare);
    lab.git_ok(
        &bare,
        &[
            "config",
            "remote.origin.fetch",
            "+refs/heads/*:refs/remotes/origin/*",
        ],
    );
    lab.watch(&bare, &["refs/remotes/origin/main"]);
    lab.commit(&up, "b", "1");
    lab.git_ok(&bare, &["fetch", "--quiet"]);
    assert_eq!(lab.calls(), [FETCHED]);
}

#[test]
fn what_is_switched_off_is_said() {
    let Some(lab) = Lab::newer() else { return };
    let (_, clone) = lab.pair();
    lab.git_ok(&clone, &["config", "hook.dkr-post-merge.enabled", "false"]);
    lab.git_ok(&clone, &["config", "hook.post-rewrite.enabled", "no"]);
    let status = lab.status(&clone);
    assert!(
        status.contains("hook.dkr-post-merge.enabled is false"),
        "{status}"
    );
    assert!(
        status.contains("hook.post-rewrite.enabled is false"),
        "{status}"
    );
    lab.hooks(&clone, &["install", "--no-fetch"]).ok();
    let config = std::fs::read_to_string(clone.join(".git/config")).unwrap();
    assert!(!config.contains(NAMES[0]));
    lab.uninstall(&clone);
}
