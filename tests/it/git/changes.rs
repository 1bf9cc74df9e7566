//! Questions on files of commits, on repositories of every kind, and with patterns that mean ill.

use super::found;
use crate::common::Sandbox;
use crate::common::repo::Repo;
use git_dkr::git::ObjectId;

fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[track_caller]
fn changed(repo: &Repo, old: &str, new: &str, patterns: &[&str]) -> Vec<String> {
    let pairs = [(id(old), id(new))];
    let mut changed = found(repo).changed(&pairs, &texts(patterns)).unwrap();
    assert_eq!(changed.len(), 1);
    changed.remove(0)
}

#[track_caller]
fn names_at(repo: &Repo, commit: &str, patterns: &[&str]) -> Vec<String> {
    let blobs = found(repo).blobs_at(&id(commit), &texts(patterns)).unwrap();
    blobs.into_iter().map(|(name, _)| name).collect()
}

/// Two commits that differ in a few files.
fn two(repo: &Repo) -> (String, String) {
    let old = repo.commit(
        "Old",
        &[
            ("Cargo.lock", "1\n"),
            ("same", "1\n"),
            ("web/package-lock.json", "1\n"),
            ("web/deep/package-lock.json", "1\n"),
            ("web/Cargo.lock", "1\n"),
            ("gone", "1\n"),
        ],
    );
    repo.git(["rm", "--quiet", "gone"]);
    let new = repo.commit(
        "New",
        &[
            ("Cargo.lock", "2\n"),
            ("web/deep/package-lock.json", "2\n"),
            ("web/Cargo.lock", "2\n"),
            ("package-lock.json", "2\n"),
        ],
    );
    (old, new)
}

/// What every kind must answer.
#[track_caller]
fn answers(repo: &Repo, old: &str, new: &str) {
    let both = found(repo);
    let at = |path: &str| both.files_at(&[id(new), id(old), id(new)], path).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(at("Cargo.lock"), [text("2\n"), text("1\n"), text("2\n")]);
    assert_eq!(at("gone"), [None, text("1\n"), None]);
    assert_eq!(at("web"), [None, None, None]);

    assert_eq!(changed(repo, old, new, &["Cargo.lock"]), ["Cargo.lock"]);
    let locks = changed(
        repo,
        old,
        new,
        &["**/package-lock.json", "Cargo.lock", "same"],
    );
    let expected = [
        "Cargo.lock",
        "package-lock.json",
        "web/deep/package-lock.json",
    ];
    assert_eq!(locks, expected);
    assert_eq!(changed(repo, old, new, &["gon?"]), ["gone"]);
    // A star stays in its directory; the name of a directory is all that is in it.
    assert_eq!(changed(repo, old, new, &["web/*"]), ["web/Cargo.lock"]);
    assert_eq!(
        changed(repo, old, new, &["web"]),
        ["web/Cargo.lock", "web/deep/package-lock.json"]
    );
    let many = [(id(old), id(new)), (id(new), id(new)), (id(new), id(old))];
    let asked = |patterns: &[&str]| both.changed(&many, &texts(patterns)).unwrap();
    assert_eq!(asked(&["gone"]), [&["gone"][..], &[], &["gone"]]);
    assert_eq!(asked(&["no such"]), [[""; 0], [], []]);
    assert_eq!(asked(&[]), [[""; 0], [], []]);
    assert!(both.changed(&[], &texts(&["a"])).unwrap().is_empty());

    let blobs = both
        .blobs_at(&id(new), &texts(&["web/**", "same"]))
        .unwrap();
    let same = repo.git(["rev-parse", &format!("{new}:same")]);
    assert_eq!(blobs[0], ("same".to_owned(), same));
    let names: Vec<_> = blobs.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "same",
        "web/Cargo.lock",
        "web/deep/package-lock.json",
        "web/package-lock.json",
    ];
    assert_eq!(names, expected);
    assert!(both.blobs_at(&id(new), &[]).unwrap().is_empty());

    let touching = |path: &str| both.commits_touching(&id(old), &id(new), path).unwrap();
    assert_eq!(touching("Cargo.lock"), 1);
    assert_eq!(touching("web"), 1);
    assert_eq!(touching("same"), 0);
    assert_eq!(touching("*.lock"), 0);
    assert_eq!(touching(""), 0);
}

#[test]
fn repositories_of_every_kind_answer() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let (old, new) = two(&repo);
    let before = repo.snapshot();
    answers(&repo, &old, &new);
    before.assert_same(&repo);
    answers(&repo.clone_with(&["--bare"]), &old, &new);
    let linked = repo.worktree("linked");
    // Only what is committed counts.
    linked.write("Cargo.lock", "3\n");
    answers(&linked, &old, &new);
    let sha256 = Repo::init(&sandbox, "sha256", &["--object-format=sha256"]);
    let (old, new) = two(&sha256);
    answers(&sha256, &old, &new);
}

#[test]
fn settings_and_attributes_change_nothing() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let (old, new) = two(&repo);
    for (key, value) in [
        ("diff.renames", "copies"),
        ("diff.relative", "true"),
        ("diff.noprefix", "true"),
        ("diff.orderFile", "no-such"),
        ("diff.external", "false"),
        ("diff.ignoreSubmodules", "all"),
        ("core.quotePath", "true"),
        ("core.abbrev", "4"),
        ("color.ui", "always"),
        ("log.showSignature", "true"),
    ] {
        repo.git(["config", key, value]);
    }
    answers(&repo, &old, &new);
}

#[test]
fn a_hostile_pattern_is_a_name() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let names = [
        ":(exclude)x",
        "-x",
        "!x",
        "[",
        ":x",
        "^x",
        "--output=y",
        ":(top)z",
    ];
    let old = repo.head();
    let files: Vec<_> = names.iter().map(|name| (*name, "1\n")).collect();
    for (name, text) in files {
        repo.write(name, text);
    }
    repo.git(["add", "--all"]);
    let new = repo.commit("Names", &[]);
    for name in names {
        assert_eq!(changed(&repo, &old, &new, &[name]), [name]);
        assert_eq!(names_at(&repo, &new, &[name]), [name]);
        let found = found(&repo);
        let touching = found.commits_touching(&id(&old), &id(&new), name).unwrap();
        assert_eq!(touching, 1, "{name}");
        let text = found.file_at(&id(&new), name).unwrap();
        assert_eq!(text.as_deref(), Some("1\n"), "{name}");
    }
    assert_eq!(changed(&repo, &old, &new, &[":(exclude)no", ""]), [""; 0]);
    // As the top is meant, git makes nothing of where a path leads.
    for nowhere in ["../x", "/a", "./a", &format!("{}/a", repo.path.display())] {
        assert_eq!(changed(&repo, &old, &new, &[nowhere]), [""; 0]);
        assert_eq!(names_at(&repo, &new, &[nowhere]), [""; 0]);
    }
}

#[test]
fn any_name_survives() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let old = repo.head();
    let tree = repo.git(["rev-parse", "HEAD^{tree}"]);
    let fake = format!("{tree} {tree}\n:100644 100644 a b M");
    for name in ["a\nb", "\"q\"", "tab\t", "é", &fake] {
        repo.write(name, "1\n");
    }
    let bytes = std::ffi::OsStr::from_bytes(b"\xff");
    std::fs::write(repo.path.join(bytes), "1\n").unwrap();
    repo.git(["add", "--all"]);
    let new = repo.commit("Names", &[]);
    let mut expected = texts(&["\"q\"", "a\nb", "tab\t", "é", "\u{fffd}", &fake]);
    expected.sort();
    assert_eq!(changed(&repo, &old, &new, &["*"]), expected);
    expected.push("a".to_owned());
    expected.sort();
    assert_eq!(names_at(&repo, &new, &["*"]), expected);
}

#[test]
fn links_are_files_and_submodules_are_not() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let old = repo.head();
    std::os::unix::fs::symlink("a", repo.path.join("link")).unwrap();
    repo.git(["add", "link"]);
    repo.submodule("sub", &sandbox.repo());
    assert_eq!(
        names_at(&repo, &repo.head(), &["*"]),
        [".gitmodules", "a", "link"]
    );
    let all = changed(&repo, &old, &repo.head(), &["*"]);
    assert_eq!(all, [".gitmodules", "link", "sub"]);
    let text = found(&repo).file_at(&id(&repo.head()), "sub").unwrap();
    assert_eq!(text, None);
}

#[test]
fn what_is_not_here_is_said() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let (old, new) = two(&repo);
    let nowhere = "0123456789".repeat(4);
    let found = found(&repo);
    assert_eq!(found.files_at(&[id(&nowhere)], "same").unwrap(), [None]);
    assert!(found.files_at(&[], "same").unwrap().is_empty());
    for path in [
        "", ".", "../same", "./same", "same\n", "same\r", "/same", "same/",
    ] {
        assert_eq!(found.file_at(&id(&new), path).unwrap(), None, "{path:?}");
    }
    let pairs = [(id(&nowhere), id(&new))];
    for patterns in [texts(&["*"]), texts(&["same"])] {
        assert_eq!(found.changed(&pairs, &patterns).unwrap(), [[""; 0]]);
    }
    found.blobs_at(&id(&nowhere), &texts(&["*"])).unwrap_err();
    found
        .commits_touching(&id(&nowhere), &id(&old), "same")
        .unwrap_err();
}

#[test]
fn files_must_be_text_and_not_too_large() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let large = repo.commit("Large", &[("large", &"x".repeat((1 << 20) + 1))]);
    std::fs::write(repo.path.join("binary"), b"\xff\n").unwrap();
    repo.git(["add", "binary"]);
    let binary = repo.commit("Binary", &[]);
    let found = found(&repo);
    let ids = [id(&large), id(&binary)];
    for (path, said) in [
        ("large", "is too large: at most 1.0 MB"),
        ("binary", "not UTF-8"),
    ] {
        let error = found.files_at(&ids, path).unwrap_err();
        assert!(format!("{error:#}").contains(said), "{error:#}");
    }
    let text = found.files_at(&ids, "a").unwrap();
    assert_eq!(text, [Some("1\n".to_owned()), Some("1\n".to_owned())]);
}

#[test]
fn a_partial_clone_answers_without_its_remote() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let (old, new) = two(&repo);
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    let partial = repo.clone_with(&["--filter=blob:none", "--no-checkout"]);
    partial.git(["remote", "set-url", "origin", "file:///no/such"]);
    assert_eq!(changed(&partial, &old, &new, &["gone"]), ["gone"]);
    assert_eq!(names_at(&partial, &new, &["same"]), ["same"]);
}
