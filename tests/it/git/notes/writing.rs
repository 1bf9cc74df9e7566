//! Many writers at once, and repositories of every kind.

use super::*;

/// All at once, on some commits together; nothing is lost.
#[track_caller]
fn all_at_once(repo: &Repo, count: usize) {
    let commits: Vec<String> = (0..5).map(|_| repo.commit("More", &[])).collect();
    // The first commit is everybody's, the others are for a few each.
    let places = |number: usize| [0, number % commits.len()];
    let mut children: Vec<Child> = Vec::new();
    let mut expected = BTreeSet::new();
    for number in 0..count {
        let place = &commits[places(number)[number % 2]];
        let line = format!("{{\"writer\":{number}}}");
        let mut command = process(repo, place, &line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        children.push(command.spawn().unwrap());
        expected.insert((place.clone(), line));
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        // It was the writer that ran, and not nothing.
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    assert_eq!(all(repo), expected);
    let lines: usize = commits.iter().map(|c| note(repo, c).lines().count()).sum();
    assert_eq!(lines, count);
    sound(repo);
}

#[test]
fn fifty_processes_at_once_lose_nothing() {
    let sandbox = Sandbox::new();
    all_at_once(&sandbox.repo(), 50);
}

#[test]
fn nor_do_those_on_a_reftable() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", &["--ref-format=reftable"]);
    repo.commit("Begin", &[]);
    all_at_once(&repo, 16);
}

#[test]
fn git_s_own_writers_may_come_between() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let (ours, theirs) = (repo.head(), repo.commit("More", &[]));
    append(&repo, &ours, "one");
    repo.git(["notes", "--ref=dkr", "append", "-m", "theirs", &theirs]);
    append(&repo, &ours, "two");
    append(&repo, &theirs, "three");
    assert_eq!(note(&repo, &ours), "one\ntwo\n");
    assert_eq!(note(&repo, &theirs), "theirs\nthree\n");
    assert_eq!(repo.git(["rev-list", "--count", WHERE]), "4");
}

#[test]
fn the_same_line_is_not_added_twice() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    append(&repo, &repo.head(), "a line");
    let tip = repo.id(WHERE);
    append(&repo, &repo.head(), "a line");
    assert_eq!(repo.id(WHERE), tip);
    // A part of it is another line.
    append(&repo, &repo.head(), "a");
    append(&repo, &repo.head(), "line");
    assert_eq!(note(&repo, &repo.head()), "a line\na\nline\n");
}

/// Hooks that leave a mark and fail, where git looks for them.
fn hooks(repo: &Repo) -> PathBuf {
    let mark = repo.sandbox.path("mark");
    for name in [
        "reference-transaction",
        "pre-commit",
        "post-commit",
        "post-merge",
        "pre-push",
        "post-rewrite",
        "post-update",
        "prepare-commit-msg",
        "commit-msg",
        "post-index-change",
        "pre-auto-gc",
    ] {
        let text = format!("echo {name} >> '{}'\nexit 1", mark.display());
        repo.sandbox.script(&format!("hooks/{name}"), &text);
    }
    let directory = repo.sandbox.path("hooks");
    repo.git(["config", "core.hooksPath", directory.to_str().unwrap()]);
    // They do run, when git writes.
    repo.git_fails(&["branch", "never"]);
    assert!(mark.exists());
    std::fs::remove_file(&mark).unwrap();
    mark
}

#[test]
fn no_hook_runs() {
    for format in ["files", "reftable"] {
        let sandbox = Sandbox::new();
        let option = format!("--ref-format={format}");
        let repo = Repo::init(&sandbox, "repo", &[&option]);
        let head = repo.commit("Begin", &[]);
        let mark = hooks(&repo);
        append(&repo, &head, "one");
        append(&repo, &head, "two");
        assert_eq!(note(&repo, &head), "one\ntwo\n");
        let ran = std::fs::read_to_string(&mark);
        assert!(ran.is_err(), "{format}: {ran:?}");
    }
}

#[test]
fn nor_does_one_of_a_pull_or_push() {
    let sandbox = Sandbox::new();
    let hub = hub(&sandbox);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    let head = one.head();
    append(&one, &head, "one");
    found(&one).push_notes("origin").unwrap();
    append(&two, &head, "two");
    // Some follow the notes of a remote as its branches.
    two.git([
        "config",
        "--add",
        "remote.origin.fetch",
        "+refs/notes/*:refs/remote-notes/origin/*",
    ]);
    let mark = hooks(&two);
    assert!(found(&two).pull_notes("origin").unwrap());
    found(&two).push_notes("origin").unwrap();
    assert_eq!(note(&hub, &head).lines().count(), 2);
    let ran = std::fs::read_to_string(&mark);
    assert!(ran.is_err(), "{ran:?}");
}

#[test]
fn no_name_and_no_address_are_needed_or_written_down() {
    for format in ["files", "reftable"] {
        let sandbox = Sandbox::new();
        let option = format!("--ref-format={format}");
        let repo = Repo::init(&sandbox, "repo", &[&option]);
        let head = repo.commit("Begin", &[]);
        sandbox.file("gitconfig", "[user]\n\tuseConfigOnly = true\n");
        repo.git_fails(&["commit", "--allow-empty", "-m", "Nobody"]);
        run(&mut process(&repo, &head, "one"));
        run(&mut process(&repo, &head, "two"));
        assert_eq!(note(&repo, &head), "one\ntwo\n");
    }
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    run(&mut process(&repo, &repo.head(), "one"));
    let who = repo.git(["log", "--format=%an %ae %cn %ce", WHERE]);
    assert!(!who.contains("Ada") && !who.contains("ada"), "{who}");
}

#[test]
fn the_reflog_tells_of_each_write() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    for line in ["one", "two", "three"] {
        append(&repo, &repo.head(), line);
    }
    let log = repo.git(["reflog", "show", "--format=%gd %gs", WHERE]);
    assert_eq!(log.lines().count(), 3, "{log}");
    let before = format!("{WHERE}@{{1}}");
    assert_eq!(repo.id(&before), repo.id(&format!("{WHERE}~1")));
    sound(&repo);
}

/// Two lines on one commit and one on another, read by git and by us.
#[track_caller]
fn takes_notes(repo: &Repo, one: &str, two: &str) {
    append(repo, one, "one");
    append(repo, two, "other");
    append(repo, one, "two");
    assert_eq!(note(repo, one), "one\ntwo\n");
    assert_eq!(
        found(repo).note(&id(one)).unwrap().as_deref(),
        Some("one\ntwo\n")
    );
    let pair = |commit: &str, line: &str| (commit.to_owned(), line.to_owned());
    let expected = [pair(one, "one"), pair(one, "two"), pair(two, "other")];
    assert_eq!(all(repo), expected.into());
    sound(repo);
}

#[test]
fn repositories_of_every_kind() {
    let of = |options: &[&str]| {
        let sandbox = Sandbox::new();
        let repo = Repo::init(&sandbox, "repo", options);
        let (one, two) = (repo.commit("Begin", &[]), repo.commit("More", &[]));
        takes_notes(&repo, &one, &two);
    };
    of(&[]);
    of(&["--object-format=sha256"]);
    of(&["--ref-format=reftable"]);
    of(&["--ref-format=reftable", "--object-format=sha256"]);
}

#[test]
fn a_bare_one() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let (one, two) = (repo.head(), repo.commit("More", &[]));
    takes_notes(&repo.clone_with(&["--bare"]), &one, &two);
}

#[test]
fn a_shallow_one_and_one_that_borrows_its_objects() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commits(3);
    let (one, two) = (repo.id("HEAD~1"), repo.head());
    takes_notes(&repo.clone_with(&["--depth=2"]), &one, &two);
    let path = sandbox.path("borrower");
    let mut clone = sandbox.command("git");
    clone.args(["clone", "--quiet", "--shared"]);
    run(clone.arg(&repo.path).arg(&path));
    takes_notes(&Repo::at(&sandbox, path), &one, &two);
    // What was borrowed from got nothing.
    assert!(!repo.has(WHERE));
}

#[test]
fn a_linked_worktree_writes_for_all_of_them() {
    for format in ["files", "reftable"] {
        let sandbox = Sandbox::new();
        let option = format!("--ref-format={format}");
        let repo = Repo::init(&sandbox, "repo", &[&option]);
        let (one, two) = (repo.commit("Begin", &[]), repo.commit("More", &[]));
        let linked = repo.worktree("linked");
        takes_notes(&linked, &one, &two);
        append(&repo, &one, "three");
        assert_eq!(note(&linked, &one), "one\ntwo\nthree\n");
    }
}

#[test]
fn packed_refs_and_objects() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    append(&repo, &head, "one");
    repo.git(["pack-refs", "--all", "--prune"]);
    repo.git(["gc", "--quiet", "--prune=now"]);
    assert!(!repo.path.join(".git").join(WHERE).exists());
    append(&repo, &head, "two");
    assert_eq!(note(&repo, &head), "one\ntwo\n");
    repo.git(["pack-refs", "--all", "--prune"]);
    assert_eq!(note(&repo, &head), "one\ntwo\n");
    assert_eq!(all(&repo).len(), 2);
}

#[test]
fn hundreds_of_ours_are_read_by_git() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.many_commits(320);
    let commits = repo.git(["rev-list", "HEAD"]);
    for commit in commits.lines() {
        append(&repo, commit, commit);
    }
    let listed = repo.git(["notes", "--ref=dkr", "list"]);
    assert_eq!(listed.lines().count(), 321);
    for commit in commits.lines().step_by(40) {
        assert_eq!(note(&repo, commit), format!("{commit}\n"));
    }
    assert_eq!(all(&repo).len(), 321);
    // Git goes on with them.
    let head = repo.head();
    repo.git(["notes", "--ref=dkr", "append", "-m", "theirs", &head]);
    assert!(note(&repo, &head).starts_with(&head));
    sound(&repo);
}

#[test]
fn hundreds_of_git_s_are_added_to() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.many_commits(600);
    let commits = repo.git(["rev-list", "HEAD"]);
    let first = repo.head();
    repo.set_note(&first, "theirs\n");
    let copies: String = commits
        .lines()
        .filter(|commit| **commit != *first)
        .skip(1)
        .map(|commit| format!("{first} {commit}\n"))
        .collect();
    let mut copy = repo.command();
    let copy = copy.args(["notes", "--ref=dkr", "copy", "--stdin"]);
    let mut child = copy.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(copies.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    // Their tree has directories.
    assert!(repo.git(["ls-tree", WHERE]).contains(" tree "));

    let (old, new) = (repo.id("HEAD~300"), repo.id("HEAD~1"));
    assert_eq!(repo.note(&new), None);
    append(&repo, &old, "ours");
    append(&repo, &new, "ours");
    assert_eq!(note(&repo, &old), "theirs\nours\n");
    assert_eq!(note(&repo, &new), "ours\n");
    let listed = repo.git(["notes", "--ref=dkr", "list"]);
    assert_eq!(listed.lines().count(), 601);
    assert_eq!(all(&repo).len(), 602);
    sound(&repo);
}
