//! What the command says, and that it does all or nothing.

use serde_json::Value;

use crate::hooks::lab::{Lab, NAMES, hook, mode, state};

#[test]
fn the_status_says_what_is_where() {
    let lab = Lab::new();
    let repo = lab.repo();
    hook(
        &repo.join(".git/hooks/post-merge"),
        "#!/bin/sh",
        "git lfs post-merge \"$@\"",
    );
    assert_eq!(
        lab.sandbox.steady(&lab.status(&repo)),
        "by files in [ROOT]/[REPO]/.git/hooks\n\
         reference-transaction  not installed\n\
         post-merge             not installed: there is a hook of git-lfs, which an install keeps\n\
         post-rewrite           not installed\n\
         post-checkout          not installed\n\
         hint: git dkr hooks install\n"
    );
    lab.install(&repo);
    let status = lab.status(&repo);
    assert!(
        status.contains("post-merge             installed: runs the hook of git-lfs first"),
        "{status}"
    );
    assert!(
        status.contains(" ms a call; a rebase makes about 15 calls a commit: "),
        "{status}"
    );

    mode(&repo.join(".git/hooks/post-rewrite"), 0o644);
    std::fs::remove_file(repo.join(".git/hooks/post-checkout")).unwrap();
    let json = lab.hooks(&repo, &["status", "--format=json"]).ok().stdout;
    let value: Value = serde_json::from_str(&json).unwrap();
    let states: Vec<_> = value["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["installed", "installed", "would-not-run", "not-installed"]
    );
    assert_eq!(value["way"], "files");
    assert!(value["fetch_cost_ms"].as_f64().unwrap() > 0.0);

    lab.install(&repo);
    std::fs::remove_file(lab.program()).unwrap();
    // Where git is and git-dkr is not.
    let directory = lab.sandbox.bin();
    let mut command = lab.command(crate::common::dkr::binary(), &repo);
    command.args(["hooks", "status"]).env("PATH", &directory);
    let status = crate::common::dkr::outcome(&mut command).ok().stdout;
    assert!(status.contains("would not run: there is no "), "{status}");
    // Another one on the PATH is run from a shell, and not where git is started without that PATH.
    let other = lab.sandbox.path("other");
    std::fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink(crate::common::dkr::binary(), other.join("git-dkr")).unwrap();
    let path = std::env::join_paths([&directory, &other]).unwrap();
    let status = crate::common::dkr::outcome(command.env("PATH", path))
        .ok()
        .stdout;
    let said = format!(
        "its program is gone: there is no {}; {} is called while it is on the PATH",
        lab.program().display(),
        other.join("git-dkr").display()
    );
    assert!(status.contains(&said), "{status}");
    assert!(status.contains("hint: git dkr hooks install"), "{status}");
    assert!(!status.contains("installed"), "{status}");
}

#[test]
fn outside_of_a_repository_there_is_nothing_to_say() {
    let lab = Lab::new();
    for command in ["status", "install", "uninstall"] {
        lab.hooks(lab.sandbox.root(), &[command])
            .fails()
            .says("not in a git repository");
    }
}

#[test]
fn a_repository_by_its_path() {
    let lab = Lab::new();
    let repo = lab.repo();
    let path = repo.to_str().unwrap();
    lab.hooks(lab.sandbox.root(), &["install", path]).ok();
    assert!(repo.join(".git/hooks/post-merge").exists());
    lab.hooks(lab.sandbox.root(), &["uninstall", path]).ok();
    assert!(!repo.join(".git/hooks/post-merge").exists());
}

#[test]
fn a_dry_run_does_nothing() {
    let lab = Lab::new();
    let repo = lab.repo();
    hook(&repo.join(".git/hooks/post-merge"), "#!/bin/sh", "true");
    let before = state(&repo.join(".git/hooks"));
    let said = lab
        .hooks(&repo, &["install", "--dry-run", "--auto-update"])
        .ok()
        .stdout;
    assert!(said.contains("post-merge.before-dkr\n"), "{said}");
    assert!(
        said.contains("git config --local dkr.autoUpdate true\n"),
        "{said}"
    );
    assert_eq!(state(&repo.join(".git/hooks")), before);
    assert!(!repo.join(".git/dkr").exists());
    lab.install(&repo);
    let installed = state(&repo.join(".git/hooks"));
    lab.hooks(&repo, &["uninstall", "--dry-run"]).ok();
    assert_eq!(state(&repo.join(".git/hooks")), installed);
}

#[test]
fn automatic_updates_are_switched_on_and_off_again() {
    let lab = Lab::new();
    let repo = lab.repo();
    let config = || std::fs::read_to_string(repo.join(".git/config")).unwrap();
    let before = config();
    lab.hooks(&repo, &["install", "--auto-update"]).ok();
    assert_eq!(lab.git_ok(&repo, &["config", "dkr.autoUpdate"]), "true");
    lab.install(&repo);
    lab.uninstall(&repo);
    assert_eq!(config(), before);
    // What the user has set stays.
    lab.git_ok(&repo, &["config", "dkr.autoUpdate", "true"]);
    let before = config();
    lab.hooks(&repo, &["install", "--auto-update"]).ok();
    lab.uninstall(&repo);
    assert_eq!(config(), before);

    lab.git_ok(&repo, &["config", "dkr.autoUpdate", "false"]);
    lab.hooks(&repo, &["install", "--auto-update"]).ok();
    assert_eq!(lab.git_ok(&repo, &["config", "dkr.autoUpdate"]), "true");
    lab.uninstall(&repo);
    assert_eq!(lab.git_ok(&repo, &["config", "dkr.autoUpdate"]), "false");
}

#[test]
fn a_step_that_fails_undoes_those_before() {
    let lab = Lab::new();
    let repo = lab.repo();
    hook(&repo.join(".git/hooks/post-merge"), "#!/bin/sh", "true");
    let before = state(&repo.join(".git/hooks"));
    // Where the last file goes there is no directory to be made.
    std::fs::write(repo.join(".git/dkr"), "").unwrap();
    lab.hooks(&repo, &["install"])
        .exits(1)
        .says("nothing was changed");
    assert_eq!(state(&repo.join(".git/hooks")), before);
    std::fs::remove_file(repo.join(".git/dkr")).unwrap();

    // Another git command holds the config.
    lab.git_ok(&repo, &["config", "dkr.x", "y"]);
    let lock = lab.sandbox.file("lock", "");
    std::fs::copy(lock, repo.join(".git/config.lock")).unwrap();
    lab.hooks(&repo, &["install", "--auto-update"])
        .exits(1)
        .says("nothing was changed");
    assert_eq!(state(&repo.join(".git/hooks")), before);
    std::fs::remove_file(repo.join(".git/config.lock")).unwrap();

    // A directory is no hook.
    std::fs::create_dir(repo.join(".git/hooks/post-checkout")).unwrap();
    lab.hooks(&repo, &["install"])
        .fails()
        .says("a directory where a hook goes");
    std::fs::remove_dir(repo.join(".git/hooks/post-checkout")).unwrap();
    assert_eq!(state(&repo.join(".git/hooks")), before);
    assert!(
        NAMES
            .iter()
            .all(|name| !repo.join(".git/dkr/hooks").join(name).exists())
    );
}

#[test]
fn a_hook_that_was_left_out_is_said_to_be() {
    let lab = Lab::new();
    let repo = lab.repo();
    lab.hooks(&repo, &["install", "--no-fetch"]).ok();
    let status = lab.status(&repo);
    assert!(status.contains("left out by --no-fetch"), "{status}");
    assert!(!status.contains("hint:"), "{status}");
    lab.install(&repo);
    assert!(!lab.status(&repo).contains("left out"));
}
