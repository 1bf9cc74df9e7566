//! Whatever becomes of `git-dkr`, git neither fails nor says a word more; and who is told when.

use std::path::Path;

use crate::common::dkr::{outcome, terminal};
use crate::hooks::lab::{Lab, hook, mode};

/// A status, and what was said to both.
type Done = (Option<i32>, String, String);

/// What git does while things happen that concern us.
fn what_git_does(lab: &Lab, up: &Path, clone: &Path) -> Vec<Done> {
    lab.commit(up, "b", "1");
    let commands = [
        &["fetch", "--quiet"][..],
        &["merge", "--quiet", "--ff-only", "origin/main"],
        &["checkout", "--quiet", "-b", "topic", "HEAD~1"],
        &["commit", "--quiet", "--allow-empty", "-m", "x"],
        &["rebase", "--quiet", "main"],
        &["checkout", "--quiet", "main"],
    ];
    let run = |args: &[&str]| {
        let done = lab.git(clone, args);
        (done.code, done.stdout, done.stderr)
    };
    commands.into_iter().map(run).collect()
}

type Break = fn(&Lab);

#[test]
fn a_program_that_does_not_work() {
    let breaks: [(&str, Break); 8] = [
        ("gone", |lab| std::fs::remove_file(lab.program()).unwrap()),
        ("not executable", |lab| mode(&lab.program(), 0o644)),
        ("a directory", |lab| {
            std::fs::remove_file(lab.program()).unwrap();
            std::fs::create_dir(lab.program()).unwrap();
        }),
        ("empty", |lab| std::fs::write(lab.program(), "").unwrap()),
        ("for another machine", |lab| {
            let alien =
                b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xf3\0(\necho alien >&2; exit 7\n";
            std::fs::write(lab.program(), alien).unwrap();
        }),
        ("without its interpreter", |lab| {
            std::fs::write(lab.program(), "#!/no/such\n").unwrap();
        }),
        ("fails", |lab| {
            lab.fake("[ \"$1\" = --version ] || exit 9");
        }),
        ("is killed", |lab| {
            lab.fake("[ \"$1\" = --version ] || kill -9 $$");
        }),
    ];
    for (name, breaks) in breaks {
        let lab = Lab::new();
        let (up, clone) = lab.pair();
        breaks(&lab);
        for (code, stdout, stderr) in what_git_does(&lab, &up, &clone) {
            assert_eq!((code, &*stdout, &*stderr), (Some(0), "", ""), "{name}");
        }
    }
}

#[test]
fn one_that_crashes_while_another_hook_is_kept() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    hook(
        &clone.join(".git/hooks/post-checkout"),
        "#!/bin/sh",
        "exit 4",
    );
    lab.install(&clone);
    lab.fake("[ \"$1\" = --version ] || kill -SEGV $$");
    let codes: Vec<_> = what_git_does(&lab, &up, &clone)
        .into_iter()
        .map(|(code, ..)| code)
        .collect();
    assert_eq!(codes[2], Some(1), "post-checkout's is git's");
}

#[test]
fn a_program_that_was_moved_is_found_on_the_path() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    let elsewhere = lab.sandbox.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::rename(lab.program(), elsewhere.join("git-dkr")).unwrap();
    lab.commit(&up, "b", "1");
    let mut command = lab.git_command(&clone, &["fetch", "--quiet"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", elsewhere.display()));
    outcome(&mut command).ok();
    assert_eq!(lab.calls().len(), 1);
}

#[test]
fn a_program_with_an_own_window_has_no_path() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    lab.commit(&up, "b", "1");
    // Found by us, as what starts git has its path too.
    let git = lab.sandbox.bin().join("git").canonicalize().unwrap();
    for path in [None, Some(""), Some("/no/such")] {
        let mut command = lab.command(&git, &clone);
        command.args(["pull", "--quiet"]);
        match path {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        // Git finds its own upload-pack beside it in any case.
        let done = outcome(&mut command);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(lab.calls().contains(&"post-merge 0".to_owned()), "{path:?}");
        lab.commit(&up, "b", &format!("{path:?}"));
    }
}

#[test]
fn silenced_by_the_environment() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    hook(
        &clone.join(".git/hooks/post-merge"),
        "#!/bin/sh",
        "echo theirs",
    );
    lab.install(&clone);
    lab.commit(&up, "b", "1");
    let mut command = lab.git_command(&clone, &["pull", "--quiet"]);
    let done = outcome(command.env("DKR_HOOKS", "0")).ok();
    assert_eq!(done.stderr, "theirs\n");
    assert_eq!(lab.calls(), [""; 0]);
    lab.real();
    let mut command = lab.command(lab.program(), &clone);
    command.args(["hooks", "status"]);
    let status = outcome(command.env("DKR_HOOKS", "0")).ok().stdout;
    assert!(status.contains("would not run: DKR_HOOKS=0"), "{status}");
    assert!(status.contains("hint: unset DKR_HOOKS"), "{status}");
}

#[test]
fn a_warning_that_nobody_has_seen_is_shown_at_a_terminal() {
    let lab = Lab::new();
    let (_, clone) = lab.pair();
    let pending = lab.dkr_directory(&clone).join("pending");
    std::fs::write(&pending, "").unwrap();
    let commit = ["commit", "--quiet", "--allow-empty", "-m", "x"];
    lab.git_ok(&clone, &commit);
    lab.git_ok(&clone, &["checkout", "--quiet", "--", "a"]);
    assert_eq!(lab.calls(), [""; 0], "nobody is there");

    let shown = terminal(lab.git_command(&clone, &commit)).shows_in_all();
    assert!(
        shown.contains("said") && !shown.contains("complained"),
        "{shown}"
    );
    let calls = lab.calls();
    assert_eq!(calls[0], "reference-transaction");
    terminal(lab.git_command(&clone, &["checkout", "--quiet", "--", "a"])).ends();
    let calls = lab.calls();
    assert!(calls.len() == 1 && calls[0].ends_with(" 0"), "{calls:?}");
    std::fs::remove_file(&pending).unwrap();
    terminal(lab.git_command(&clone, &commit)).ends();
    assert_eq!(lab.calls(), [""; 0]);
}

#[test]
fn git_does_not_wait_for_what_a_hook_leaves_behind() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    lab.commit(&up, "b", "1");
    // What the built program starts in the background keeps nothing of ours open.
    lab.fake("[ \"$1\" = --version ] && exit 0; sleep 60 >/dev/null 2>&1 &");
    let began = std::time::Instant::now();
    lab.git_ok(&clone, &["fetch", "--quiet"]);
    assert!(began.elapsed().as_secs() < 50);
}

#[test]
fn the_built_program_is_content() {
    let lab = Lab::new();
    let (up, clone) = lab.pair();
    lab.real();
    for (code, stdout, _) in what_git_does(&lab, &up, &clone) {
        assert_eq!((code, &*stdout), (Some(0), ""));
    }
    let program = lab.program();
    let mut command = lab.command(&program, &clone);
    outcome(command.args(["hooks", "run", "no-such-event", "--strange", "-x"])).ok();
}
