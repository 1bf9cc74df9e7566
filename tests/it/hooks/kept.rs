//! Hooks that were there before: they run as they did, and are put back as they were.

use std::path::Path;

use crate::hooks::lab::{Lab, NAMES, hook, mode, state};

/// Writes down the arguments and stdin, and exits with 3.
fn writes(log: &Path, kind: &str) -> (&'static str, String) {
    let log = log.display();
    match kind {
        "python" => (
            "#!/usr/bin/env python3",
            format!(
                "import sys\nwith open('{log}', 'a') as log:\n    log.write(' '.join(sys.argv[1:]) + '\\n' + sys.stdin.read())\nsys.exit(3)"
            ),
        ),
        _ => (
            "#!/bin/sh",
            format!("{{ echo \"$@\"; cat; }} >>'{log}'\nexit 3"),
        ),
    }
}

#[test]
fn they_get_arguments_and_stdin_and_their_status_counts() {
    for kind in ["sh", "python"] {
        let lab = Lab::new();
        let (up, clone) = lab.cloned(&[]);
        let directory = clone.join(".git/hooks");
        let log = lab.sandbox.path("theirs");
        let (shebang, text) = writes(&log, kind);
        for name in &NAMES[1..] {
            hook(&directory.join(name), shebang, &text);
        }
        // What this one says before a change decides whether there is any. It is called so often that
        // Python takes too long.
        let (_, text) = writes(&log, "sh");
        let text = text.replace("exit 3", "exit 0");
        hook(&directory.join(NAMES[0]), "#!/bin/sh", &text);

        let run = || {
            let before = lab.git_ok(&clone, &["rev-parse", "HEAD"]);
            let mut codes = Vec::new();
            for args in [
                &["pull", "--quiet"][..],
                &["checkout", "--quiet", "-b", "topic", "HEAD~1"],
                &[
                    "commit",
                    "--quiet",
                    "--allow-empty",
                    "-m",
                    "x",
                    "--date=2026-01-01T00:00:00Z",
                ],
                &["rebase", "--quiet", "main"],
                &["checkout", "--quiet", "main"],
                &["branch", "--quiet", "-D", "topic"],
                &["checkout", "--quiet", "main", "--", "a"],
            ] {
                let mut command = lab.git_command(&clone, args);
                command.env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
                codes.push(crate::common::dkr::outcome(&mut command).code);
            }
            let text = std::fs::read_to_string(&log).unwrap();
            std::fs::remove_file(&log).unwrap();
            lab.git_ok(
                &clone,
                &[
                    "-c",
                    "core.hooksPath=/dev/null",
                    "reset",
                    "--quiet",
                    "--hard",
                    &before,
                ],
            );
            lab.git_ok(
                &clone,
                &[
                    "-c",
                    "core.hooksPath=/dev/null",
                    "update-ref",
                    "refs/remotes/origin/main",
                    &before,
                ],
            );
            (codes, text)
        };
        lab.commit(&up, "b", "1");
        // Once more, as the first run also leaves ORIG_HEAD and the like behind.
        run();
        let alone = run();
        assert!(alone.0.contains(&Some(1)), "{:?}", alone.0);
        let before = state(&directory);

        lab.install(&clone);
        assert_eq!(run(), alone, "{kind}, with nothing to watch");
        assert_eq!(lab.calls(), [""; 0]);
        lab.watch(&clone, &["refs/heads/main", "refs/remotes/origin/main"]);
        assert_eq!(run(), alone, "{kind}");
        let calls = lab.calls();
        for name in NAMES {
            assert!(
                calls.iter().any(|call| call.starts_with(name)),
                "{name}: {calls:?}"
            );
        }
        assert!(
            !calls.iter().any(|call| call.starts_with("read")),
            "{calls:?}"
        );
        lab.uninstall(&clone);
        assert_eq!(state(&directory), before);
        assert_eq!(run(), alone);
    }
}

#[test]
fn one_that_refuses_a_change_still_does() {
    let lab = Lab::new();
    let (up, clone) = lab.cloned(&[]);
    let file = clone.join(".git/hooks").join(NAMES[0]);
    hook(&file, "#!/bin/sh", "[ \"$1\" != prepared ]");
    lab.commit(&up, "b", "1");
    let alone = lab.git(&clone, &["fetch", "--quiet"]);
    assert_ne!(alone.code, Some(0));
    lab.install(&clone);
    lab.watch(&clone, &["refs/remotes/origin/main"]);
    let beside = lab.git(&clone, &["fetch", "--quiet"]);
    assert_eq!((beside.code, beside.stderr), (alone.code, alone.stderr));
    assert_eq!(lab.calls(), [""; 0]);
}

#[test]
fn what_git_did_not_run_does_not_run_now() {
    let lab = Lab::new();
    let repo = lab.repo();
    let directory = repo.join(".git/hooks");
    let log = lab.sandbox.path("theirs");
    for name in NAMES {
        hook(
            &directory.join(name),
            "#!/bin/sh",
            &format!("echo ran >>'{}'", log.display()),
        );
        mode(&directory.join(name), 0o640);
    }
    let before = state(&directory);
    lab.install(&repo);
    lab.watch(&repo, &["refs/heads/main"]);
    let outcome = lab.git(&repo, &["checkout", "--quiet", "-b", "topic"]).ok();
    outcome.never_says("ignored");
    assert_eq!(lab.calls().len(), 1);
    assert!(!log.exists());
    assert!(
        lab.status(&repo)
            .contains("somebody else that is not executable")
    );
    lab.uninstall(&repo);
    assert_eq!(state(&directory), before);
}

#[test]
fn binaries_and_links_are_put_back_as_they_were() {
    let lab = Lab::new();
    let repo = lab.repo();
    let directory = repo.join(".git/hooks");
    std::fs::copy("/bin/true", directory.join("post-merge")).unwrap();
    hook(
        &repo.join("tools/hook"),
        "#!/bin/sh",
        "echo \"$(basename \"$0\")\"; exit 5",
    );
    std::os::unix::fs::symlink("../../tools/hook", directory.join("post-checkout")).unwrap();
    std::os::unix::fs::symlink("/no/such", directory.join("post-rewrite")).unwrap();
    let before = state(&directory);
    lab.install(&repo);
    assert!(state(&directory).len() > before.len());
    let switched = lab.git(&repo, &["checkout", "--quiet", "-b", "x"]).exits(1);
    assert_eq!(switched.stderr, "post-checkout.before-dkr\n");
    lab.uninstall(&repo);
    assert_eq!(state(&directory), before);
}

#[test]
fn their_environment_is_git_s() {
    let lab = Lab::new();
    let repo = lab.repo();
    let log = lab.sandbox.path("theirs");
    hook(
        &repo.join(".git/hooks/post-checkout"),
        "#!/bin/sh",
        &format!("env | grep -v -e '^_=' | sort >'{}'", log.display()),
    );
    let switch = |name: &str| {
        lab.git_ok(&repo, &["checkout", "--quiet", "-B", name]);
        std::fs::read_to_string(&log).unwrap()
    };
    let alone = switch("x");
    lab.install(&repo);
    lab.watch(&repo, &["refs/heads/main"]);
    assert_eq!(switch("x"), alone);
}

#[test]
fn installing_again_changes_nothing() {
    let lab = Lab::new();
    let repo = lab.repo();
    let directory = repo.join(".git/hooks");
    hook(&directory.join("post-merge"), "#!/bin/sh", "true");
    let before = state(&directory);
    lab.install(&repo);
    let once = state(&directory);
    lab.install(&repo).says("already installed");
    assert_eq!(state(&directory), once);
    // A later version, or another path of the program, is written over the old.
    let ours = directory.join("post-merge");
    let text = std::fs::read_to_string(&ours).unwrap();
    std::fs::write(&ours, text.replace("dkr_find_kept", "dkr_find_other")).unwrap();
    lab.install(&repo).says("installed in");
    assert_eq!(std::fs::read_to_string(&ours).unwrap(), text);
    lab.uninstall(&repo);
    assert_eq!(state(&directory), before);
    lab.uninstall(&repo)
        .says("there are no hooks of git dkr here");
    assert!(!repo.join(".git/dkr").exists());
}

#[test]
fn a_hook_written_over_ours_is_taken_in_and_the_older_one_is_not_lost() {
    let lab = Lab::new();
    let repo = lab.repo();
    let directory = repo.join(".git/hooks");
    let file = directory.join("post-checkout");
    hook(&file, "#!/bin/sh", "echo first");
    let first = std::fs::read(&file).unwrap();
    lab.install(&repo);
    hook(&file, "#!/bin/sh", "echo second");
    let second = std::fs::read(&file).unwrap();
    let status = lab.status(&repo);
    assert!(
        status.contains("replaced: the hook of somebody else"),
        "{status}"
    );
    lab.install(&repo).says("post-checkout.before-dkr.1");
    lab.watch(&repo, &["refs/heads/main"]);
    let outcome = lab.git(&repo, &["checkout", "--quiet", "-b", "x"]).ok();
    assert_eq!(outcome.stderr, "second\nsaid\n");
    assert_eq!(lab.calls().len(), 1);
    lab.uninstall(&repo);
    assert_eq!(std::fs::read(&file).unwrap(), second);
    let spare = directory.join("post-checkout.before-dkr.1");
    assert_eq!(std::fs::read(spare).unwrap(), first);
}

#[test]
fn ours_deleted_by_hand() {
    let lab = Lab::new();
    let repo = lab.repo();
    let directory = repo.join(".git/hooks");
    hook(&directory.join("post-merge"), "#!/bin/sh", "true");
    let before = state(&directory);
    lab.install(&repo);
    std::fs::remove_file(directory.join("post-merge")).unwrap();
    lab.uninstall(&repo);
    assert_eq!(state(&directory), before);
}
