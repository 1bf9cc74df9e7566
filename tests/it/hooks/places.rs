//! Where hooks are: `core.hooksPath`, worktrees, bare repositories, submodules, odd names.

use std::path::Path;

use crate::common::repo::Repo;
use crate::hooks::lab::{Lab, NAMES, hook, state};

#[track_caller]
fn switches(lab: &Lab, directory: &Path) {
    lab.watch(directory, &["refs/heads/main"]);
    lab.git_ok(directory, &["checkout", "--quiet", "-B", "switched"]);
    let calls = lab.calls();
    assert!(
        calls.len() == 1 && calls[0].starts_with("post-checkout"),
        "{calls:?}"
    );
}

#[test]
fn a_directory_in_the_repository() {
    let lab = Lab::new();
    let repo = lab.repo();
    lab.git_ok(&repo, &["config", "core.hooksPath", ".githooks"]);
    lab.install(&repo).says("do not commit them");
    assert!(
        state(&repo.join(".git/hooks"))
            .iter()
            .all(|file| file.contains(".sample"))
    );
    switches(&lab, &repo);
    // Also from a directory below.
    std::fs::create_dir(repo.join("below")).unwrap();
    lab.install(&repo.join("below")).says("already installed");
    lab.uninstall(&repo);
    assert!(
        !repo.join(".githooks").exists(),
        "it was made by the install"
    );

    hook(&repo.join(".githooks/post-checkout"), "#!/bin/sh", "exit 1");
    let before = state(&repo.join(".githooks"));
    lab.install(&repo);
    lab.git(&repo, &["checkout", "--quiet", "-b", "x"]).exits(1);
    lab.uninstall(&repo);
    assert_eq!(state(&repo.join(".githooks")), before);
}

/// Git gives the directory with its links followed.
#[test]
fn a_link_to_a_directory_of_the_worktree() {
    let lab = Lab::new();
    let repo = lab.repo();
    hook(&repo.join("hooks/post-checkout"), "#!/bin/sh", "exit 1");
    std::fs::remove_dir_all(repo.join(".git/hooks")).unwrap();
    std::os::unix::fs::symlink("../hooks", repo.join(".git/hooks")).unwrap();
    lab.git_ok(&repo, &["add", "--all"]);
    lab.git_ok(&repo, &["commit", "--quiet", "-m", "Hooks"]);
    let before = state(&repo.join("hooks"));
    lab.install(&repo).says("do not commit them");
    let installed = state(&repo.join("hooks"));
    lab.install(&repo).says("already installed");
    assert_eq!(state(&repo.join("hooks")), installed);
    assert!(
        lab.status(&repo)
            .contains("post-checkout          installed")
    );
    lab.git(&repo, &["checkout", "--quiet", "-b", "x"]).exits(1);
    lab.uninstall(&repo);
    assert_eq!(state(&repo.join("hooks")), before);
    assert_eq!(lab.git_ok(&repo, &["status", "--porcelain"]), "");
    lab.uninstall(&repo)
        .says("there are no hooks of git dkr here");
}

#[test]
fn a_directory_that_others_use_too_is_not_touched() {
    let lab = Lab::new();
    let repo = lab.repo();
    let shared = lab.sandbox.path("shared");
    std::fs::create_dir(&shared).unwrap();
    let refused = || {
        let outcome = lab.hooks(&repo, &["install"]).fails();
        outcome
            .says("outside of it")
            .says("core.hooksPath .githooks");
        let status = lab.status(&repo);
        assert!(
            status.contains("not installed: the hooks of this repository are in"),
            "{status}"
        );
    };
    lab.git_ok(
        &repo,
        &["config", "core.hooksPath", shared.to_str().unwrap()],
    );
    refused();
    lab.git_ok(&repo, &["config", "core.hooksPath", "../shared"]);
    refused();
    lab.git_ok(&repo, &["config", "--unset", "core.hooksPath"]);

    // A link is where it leads to.
    std::fs::remove_dir_all(repo.join(".git/hooks")).unwrap();
    std::os::unix::fs::symlink(&shared, repo.join(".git/hooks")).unwrap();
    refused();

    // All repositories of the user look there, even if it is in this one.
    let inside = repo.join("dotfiles/hooks");
    std::fs::create_dir_all(&inside).unwrap();
    lab.git_ok(
        &repo,
        &[
            "config",
            "--global",
            "core.hooksPath",
            inside.to_str().unwrap(),
        ],
    );
    refused();
    for directory in [&shared, &inside] {
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    }
    assert!(!repo.join(".git/dkr").exists());
}

#[test]
fn hooks_that_are_off_stay_off() {
    let lab = Lab::new();
    let repo = lab.repo();
    for off in ["", "/dev/null"] {
        lab.git_ok(&repo, &["config", "core.hooksPath", off]);
        let outcome = lab.hooks(&repo, &["install"]).fails();
        outcome.says("switched off in this repository: core.hooksPath is");
        assert!(lab.status(&repo).contains("switched off"));
        lab.uninstall(&repo)
            .says("there are no hooks of git dkr here");
    }
}

#[test]
fn a_hooks_path_that_is_set_or_unset_later() {
    let lab = Lab::new();
    let repo = lab.repo();
    hook(&repo.join(".git/hooks/post-merge"), "#!/bin/sh", "true");
    let before = state(&repo.join(".git/hooks"));
    lab.install(&repo);
    lab.git_ok(&repo, &["config", "core.hooksPath", "tools/hooks"]);
    let status = lab.status(&repo);
    assert!(
        status.contains("would not run: core.hooksPath leads elsewhere"),
        "{status}"
    );
    lab.install(&repo);
    assert_eq!(state(&repo.join(".git/hooks")), before);
    switches(&lab, &repo);
    lab.git_ok(&repo, &["config", "--unset", "core.hooksPath"]);
    lab.uninstall(&repo);
    assert_eq!(state(&repo.join(".git/hooks")), before);
    assert!(!repo.join("tools/hooks").exists());
}

#[test]
fn linked_worktrees_share_them() {
    let lab = Lab::new();
    let (up, clone) = lab.cloned(&[]);
    let tree = Repo::at(&lab.sandbox, &clone).worktree("side").path;
    lab.install(&tree);
    assert!(clone.join(".git/hooks").join(NAMES[0]).exists());
    lab.watch(&tree, &["refs/remotes/origin/main"]);
    assert!(clone.join(".git/dkr/watch").exists());
    for (number, directory) in [&tree, &clone].into_iter().enumerate() {
        lab.commit(&up, "b", &number.to_string());
        lab.git_ok(directory, &["fetch", "--quiet"]);
        assert_eq!(
            lab.calls(),
            ["reference-transaction refs/remotes/origin/main"]
        );
        lab.git_ok(directory, &["merge", "--quiet", "origin/main"]);
        assert_eq!(lab.calls(), ["post-merge 0"]);
    }
    lab.install(&clone).says("already installed");
    lab.uninstall(&tree);
    assert!(!clone.join(".git/hooks").join(NAMES[0]).exists());

    // A relative path is another directory in each.
    lab.git_ok(&clone, &["config", "core.hooksPath", ".githooks"]);
    lab.install(&tree).says("only this one gets them");
    assert!(tree.join(".githooks").exists() && !clone.join(".githooks").exists());
    lab.uninstall(&clone);
    assert!(!tree.join(".githooks").exists());
}

#[test]
fn a_bare_repository() {
    let lab = Lab::new();
    let (up, bare) = lab.cloned(&["--mirror"]);
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
    lab.git_ok(&bare, &["fetch", "--quiet"]);
    assert_eq!(
        lab.calls(),
        ["reference-transaction refs/remotes/origin/main"]
    );
    lab.commit(&up, "b", "1");
    let git_dir = format!("--git-dir={}", bare.display());
    lab.git_ok(&up, &[&git_dir, "fetch", "--quiet"]);
    assert_eq!(
        lab.calls(),
        ["reference-transaction refs/remotes/origin/main"]
    );
    lab.uninstall(&bare);
    assert!(!bare.join("hooks/post-merge").exists());
}

#[test]
fn a_submodule() {
    let lab = Lab::new();
    let (up, other) = (lab.sandbox.repo(), lab.sandbox.repo());
    let module = other.submodule("module", &up).path;
    lab.install(&module);
    assert!(
        other
            .path
            .join(".git/modules/module/hooks/post-merge")
            .exists()
    );
    assert!(!other.path.join(".git/hooks/post-merge").exists());
    lab.watch(&module, &["refs/remotes/origin/main"]);
    lab.commit(&up.path, "b", "1");
    lab.git_ok(
        &other.path,
        &["fetch", "--quiet", "--recurse-submodules", "."],
    );
    assert_eq!(
        lab.calls(),
        ["reference-transaction refs/remotes/origin/main"]
    );
    lab.git_ok(&module, &["pull", "--quiet"]);
    assert_eq!(lab.calls(), ["post-merge 0"]);
    lab.uninstall(&module);
    assert!(
        !other
            .path
            .join(".git/modules/module/hooks/post-merge")
            .exists()
    );
}

#[test]
fn odd_names_of_directories() {
    for name in ["with a space", "it's \"quoted\" $(x) `y`", "back\\slash *?"] {
        let lab = Lab::within(name);
        let (up, clone) = lab.pair();
        let text = "echo theirs";
        hook(&clone.join(".git/hooks/post-checkout"), "#!/bin/sh", text);
        lab.install(&clone);
        lab.commit(&up, "b", "1");
        lab.git_ok(&clone, &["fetch", "--quiet"]);
        assert_eq!(
            lab.calls(),
            ["reference-transaction refs/remotes/origin/main"],
            "{name}"
        );
        let tree = lab.sandbox.path("a tree");
        let outcome = lab.git(
            &clone,
            &[
                "worktree",
                "add",
                "--quiet",
                "-b",
                "x",
                tree.to_str().unwrap(),
            ],
        );
        assert_eq!(outcome.ok().stderr, "theirs\nsaid\n");
        assert_eq!(lab.calls().len(), 1);
        lab.uninstall(&clone);
    }
}

#[test]
fn a_git_directory_somewhere_else() {
    let lab = Lab::new();
    let apart = lab.sandbox.path("apart.git");
    let separate = format!("--separate-git-dir={}", apart.display());
    let repo = Repo::init(&lab.sandbox, "tree", &[&separate]).path;
    lab.commit(&repo, "a", "1");
    lab.install(&repo);
    assert!(apart.join("hooks/post-merge").exists());
    switches(&lab, &repo);
}
