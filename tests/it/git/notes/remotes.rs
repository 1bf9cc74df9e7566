//! Sharing records with remotes.

use super::*;

/// Nothing is left of a merge.
#[track_caller]
fn tidy(repo: &Repo) {
    let refs = repo.git(["for-each-ref", "--format=%(refname)"]);
    let strange: Vec<&str> = refs
        .lines()
        .filter(|name| !name.starts_with("refs/heads/") && !name.starts_with("refs/remotes/"))
        .filter(|name| *name != WHERE)
        .collect();
    assert_eq!(strange, [""; 0]);
    for file in [
        "NOTES_MERGE_REF",
        "NOTES_MERGE_PARTIAL",
        "NOTES_MERGE_WORKTREE",
    ] {
        assert!(!repo.path.join(".git").join(file).exists(), "{file}");
    }
}

#[test]
fn two_clones_merge_without_loss() {
    for format in ["files", "reftable"] {
        let sandbox = Sandbox::new();
        let seed = sandbox.repo();
        let commits = [seed.head(), seed.commit("2", &[]), seed.commit("3", &[])];
        let hub = seed.clone_with(&["--bare"]);
        let option = format!("--ref-format={format}");
        let (one, two) = (hub.clone_with(&[&option]), hub.clone_with(&[&option]));

        append(&one, &commits[0], "of one");
        append(&one, &commits[1], "of one");
        append(&two, &commits[0], "of two");
        append(&two, &commits[2], "of two");
        append(&two, &commits[2], "both");
        append(&one, &commits[2], "both");
        let together: BTreeSet<_> = all(&one).union(&all(&two)).cloned().collect();
        assert_eq!(together.len(), 5);

        found(&one).push_notes("origin").unwrap();
        // Not a fast-forward: merged first.
        found(&two).push_notes("origin").unwrap();
        assert_eq!(all(&two), together);
        assert_eq!(all(&hub), together);
        assert!(found(&one).pull_notes("origin").unwrap());
        assert_eq!(all(&one), together);
        // What both had is there once.
        assert_eq!(note(&one, &commits[2]).lines().count(), 2);

        // A fast-forward, and nothing at all.
        append(&one, &commits[0], "later");
        found(&one).push_notes("origin").unwrap();
        found(&one).push_notes("origin").unwrap();
        assert!(found(&two).pull_notes("origin").unwrap());
        assert!(found(&two).pull_notes("origin").unwrap());
        assert_eq!(all(&two), all(&one));
        assert_eq!(all(&two).len(), 6);
        for repo in [&one, &two] {
            tidy(repo);
            sound(repo);
        }
        sound(&hub);
    }
}

#[test]
fn a_push_that_is_refused_merges_and_goes_again() {
    let sandbox = Sandbox::new();
    let hub = hub(&sandbox);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    let head = one.head();
    append(&one, &head, "first");
    found(&one).push_notes("origin").unwrap();
    // The second record of `one` comes to the hub while `two` pushes.
    append(&one, &head, "meanwhile");
    one.git([
        "push",
        "--quiet",
        "origin",
        &format!("{WHERE}:refs/heads/late"),
    ]);
    let script = format!(
        "mkdir '{mark}' 2>/dev/null || exit 0\n\
         unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
         exec git update-ref {WHERE} refs/heads/late",
        mark = sandbox.path("mark").display()
    );
    sandbox.script("hub-hooks/pre-receive", &script);
    let directory = sandbox.path("hub-hooks");
    hub.git(["config", "core.hooksPath", directory.to_str().unwrap()]);

    append(&two, &head, "of two");
    found(&two).push_notes("origin").unwrap();
    assert!(sandbox.path("mark").exists());
    for repo in [&hub, &two] {
        let note = note(repo, &head);
        let lines: BTreeSet<&str> = note.lines().collect();
        assert_eq!(lines, ["first", "meanwhile", "of two"].into());
    }
    tidy(&two);
}

#[test]
fn what_was_not_pushed_is_never_lost() {
    let sandbox = Sandbox::new();
    let hub = hub(&sandbox);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    let head = one.head();
    append(&one, &head, "ours");
    // The remote has none: pulling changes nothing.
    assert!(!found(&one).pull_notes("origin").unwrap());
    assert_eq!(note(&one, &head), "ours\n");
    // It has others that have nothing to do with ours.
    append(&two, &head, "theirs");
    found(&two).push_notes("origin").unwrap();
    found(&one).pull_notes("origin").unwrap();
    assert_eq!(all(&one).len(), 2);
    found(&one).push_notes("origin").unwrap();
    // It was rewritten, and then removed.
    let rewritten = hub.git([
        "commit-tree",
        "-m",
        "Rewritten",
        &format!("{WHERE}~1^{{tree}}"),
    ]);
    hub.git(["update-ref", WHERE, &rewritten]);
    found(&one).pull_notes("origin").unwrap();
    assert_eq!(all(&one).len(), 2);
    hub.git(["update-ref", "-d", WHERE]);
    assert!(!found(&one).pull_notes("origin").unwrap());
    assert_eq!(all(&one).len(), 2);
    found(&one).push_notes("origin").unwrap();
    assert_eq!(all(&hub).len(), 2);
    tidy(&one);
}

#[test]
fn a_fetch_that_prunes_takes_none() {
    let sandbox = Sandbox::new();
    let one = hub(&sandbox).clone_with(&[]);
    let head = one.head();
    append(&one, &head, "ours");
    one.git(["config", "fetch.prune", "true"]);
    found(&one).pull_notes("origin").unwrap();
    one.git(["fetch", "--quiet", "--prune", "origin"]);
    assert_eq!(note(&one, &head), "ours\n");
}

#[test]
fn writers_may_come_in_the_middle_of_a_pull() {
    let sandbox = Sandbox::new();
    let hub = hub(&sandbox);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    let head = one.head();
    for number in 0..8 {
        append(&two, &head, &format!("theirs {number}"));
        found(&two).push_notes("origin").unwrap();
        let writers: Vec<Child> = (0..4)
            .map(|writer| {
                let mut command = process(&one, &head, &format!("ours {number} {writer}"));
                command.stdout(Stdio::null()).spawn().unwrap()
            })
            .collect();
        found(&one).pull_notes("origin").unwrap();
        for mut writer in writers {
            assert!(writer.wait().unwrap().success());
        }
    }
    assert_eq!(note(&one, &head).lines().count(), 8 + 8 * 4);
    tidy(&one);
}

#[test]
fn a_remote_without_notes_gets_the_first() {
    let sandbox = Sandbox::new();
    let hub = hub(&sandbox);
    let one = hub.clone_with(&[]);
    // With nothing to push, it says so.
    let error = found(&one).push_notes("origin").unwrap_err();
    assert!(format!("{error:#}").contains("there are no records to push"));
    assert!(git_dkr::report::hint(&error).is_some());
    append(&one, &one.head(), "ours");
    found(&one).push_notes("origin").unwrap();
    assert_eq!(note(&hub, &one.head()), "ours\n");
    // By its address as well as by its name.
    append(&one, &one.head(), "more");
    found(&one).push_notes(hub.path.to_str().unwrap()).unwrap();
    assert_eq!(note(&hub, &one.head()), "ours\nmore\n");
}

#[test]
fn a_remote_whose_ref_holds_no_notes() {
    let sandbox = Sandbox::new();
    let hub = hub(&sandbox);
    let one = hub.clone_with(&[]);
    let blob = hub.git(["rev-parse", "HEAD:a"]);
    hub.git(["update-ref", WHERE, &blob]);
    append(&one, &one.head(), "ours");
    let error = found(&one).pull_notes("origin").unwrap_err();
    assert!(format!("{error:#}").contains("no notes"), "{error:#}");
    assert_eq!(note(&one, &one.head()), "ours\n");
    found(&one).push_notes("origin").unwrap_err();
    assert_eq!(hub.git(["rev-parse", WHERE]), blob);
    tidy(&one);
}

#[test]
fn a_remote_that_is_none_is_told_with_a_hint() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    append(&repo, &repo.head(), "ours");
    for command in ["pull", "push"] {
        let outcome = sandbox.dkr(&repo.path, ["notes", command, "nowhere"]);
        let outcome = outcome.exits(1);
        outcome.says(&format!("error: cannot {command} the records"));
        outcome.says("cannot ask nowhere for its records");
        outcome.fails();
    }
    tidy(&repo);
}

#[test]
fn a_remote_s_name_is_never_an_option() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    append(&repo, &repo.head(), "ours");
    let evil = format!("--upload-pack=touch {}", sandbox.path("pwned").display());
    for command in ["pull", "push"] {
        sandbox
            .dkr(&repo.path, ["notes", command, "--", &evil])
            .exits(1);
    }
    assert!(!sandbox.path("pwned").exists());
}

#[test]
fn passwords_in_addresses_are_not_repeated() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    append(&repo, &repo.head(), "ours");
    let url = "http://me:s3cr3t@127.0.0.1:1/x.git";
    repo.git(["config", "remote.named.url", url]);
    for remote in ["named", url] {
        for command in ["pull", "push"] {
            let mut run = sandbox.dkr_command(&repo.path, ["notes", command, remote]);
            let run = outcome(run.env("no_proxy", "*")).exits(1);
            run.says("cannot ask ");
            run.never_says("s3cr3t");
        }
    }
}

#[test]
fn a_repository_is_needed() {
    let sandbox = Sandbox::new();
    for args in [&["notes", "show"][..], &["notes", "pull", "origin"]] {
        sandbox.dkr(sandbox.root(), args).fails();
    }
}

#[test]
fn two_pulls_at_once_lose_nothing() {
    let sandbox = Sandbox::new();
    let seed = sandbox.repo();
    let head = seed.head();
    let hubs = ["one", "two", "three"].map(|name| {
        let hub = seed.clone_with(&["--bare"]);
        append(&hub, &head, name);
        (name, hub)
    });
    let clone = seed.clone_with(&[]);
    for (name, hub) in &hubs {
        clone.remote(name, hub);
    }
    let pulls: Vec<_> = hubs
        .iter()
        .map(|(name, _)| spawn(sandbox.dkr_command(&clone.path, ["notes", "pull", name])))
        .collect();
    for pull in pulls {
        pull.finish().ok();
    }
    assert_eq!(all(&clone).len(), 3);
    tidy(&clone);
}
