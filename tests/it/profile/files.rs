//! Which files of the repository are in the image.

use serde_json::json;

use crate::common::repo::Repo;
use crate::profile::lab::{Lab, ask, told};

#[test]
fn secrets_only_when_asked_for_and_a_dockerignore_is_obeyed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let other = lab.repo();
    repo.submodule("sub", &other);
    repo.commit(
        "Files",
        &[
            (".dockerignore", "docs\n*.log\n"),
            ("docs/x", "x"),
            ("a.log", "x"),
            (".env.example", "x"),
            ("run.sh", "x"),
            (".gitignore", "secrets/\n"),
        ],
    );
    repo.write(".env", "TOKEN=1");
    repo.write("secrets/one", "1");
    repo.write("secrets/two", "2");
    std::os::unix::fs::symlink("run.sh", repo.path.join("link")).unwrap();
    lab.profile(json!({ "install_cmds": ["true"], "include": ["secrets/one"] }));
    lab.build(&repo, false);
    let listed = lab.tagged(&lab.tag()).sh("find . ! -type d | sort");
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(
        listed,
        [
            "./.dockerignore",
            "./.env.example",
            "./.gitignore",
            "./.gitmodules",
            "./a",
            "./link",
            "./run.sh",
            "./secrets/one",
            "./sub/a"
        ]
    );
}

#[test]
fn outside_of_git_all_files_are_copied_but_what_never_is() {
    let Some(lab) = Lab::new() else { return };
    let repo = Repo::at(&lab, lab.path("plain"));
    for (path, text) in [
        ("a.py", "x"),
        ("pkg/b.py", "x"),
        (".gitignore", "*.txt\n"),
        ("notes.txt", "x"),
        (".dockerignore", "docs\n"),
        ("docs/x", "x"),
        (".env", "TOKEN=1"),
        ("home/.ssh/config", "x"),
        ("pkg/__pycache__/b.pyc", "x"),
        ("node_modules/x/index.js", "x"),
        ("venv/pyvenv.cfg", ""),
        ("venv/lib/x.py", "x"),
        ("vendor/other/.git/config", "x"),
        ("vendor/other/c.py", "x"),
        ("images/old.tar", "x"),
    ] {
        repo.write(path, text);
    }
    std::os::unix::fs::symlink("..", repo.path.join("pkg/up")).unwrap();
    lab.profile(json!({ "install_cmds": ["true"] }));
    lab.build(&repo, false);
    let listed = lab.tagged(&lab.tag()).sh("find . ! -type d | sort");
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(
        listed,
        [
            "./.dockerignore",
            "./.gitignore",
            "./a.py",
            "./images/old.tar",
            "./notes.txt",
            "./pkg/b.py",
            "./pkg/up",
            "./vendor/other/c.py",
        ]
    );
    assert!(!repo.path.join(".git").exists());
}

#[test]
fn a_directory_that_git_ignores_is_outside_of_git() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Ignore", &[(".gitignore", "out/\n")]);
    let out = Repo::at(&lab, repo.path.join("out/app"));
    for (path, text) in [("a.py", "x"), ("pkg/b.py", "x"), (".env", "TOKEN=1")] {
        out.write(path, text);
    }
    lab.profile(json!({ "install_cmds": ["true"] }));
    lab.build(&out, false);
    let listed = lab.tagged(&lab.tag()).sh("find . ! -type d | sort");
    assert_eq!(listed, "./a.py\n./pkg/b.py");
}

#[test]
fn what_is_asked_for_and_not_there_is_named() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.profile(json!({ "install_cmds": ["true"], "include": ["secrets.txt"] }));
    let outcome = ask(&lab, &lab.request(&repo, false), &[]).exits(1);
    assert!(
        told(&outcome)["error"]
            .as_str()
            .unwrap()
            .contains("asks for secrets.txt"),
        "{}",
        outcome.stderr
    );
}
