//! Refs of our own, written in process.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use super::found;
use crate::common::repo::Repo;
use crate::common::{Sandbox, run, unique};

const INFO: &str = "refs/dkr/work/box/info";

#[test]
fn a_file_is_written_in_repositories_of_every_kind() {
    let sandbox = Sandbox::new();
    for options in [
        &[][..],
        &["--object-format=sha256"],
        &["--bare"],
        &["--ref-format=reftable"],
    ] {
        let name = unique();
        let mut init = sandbox.command("git");
        init.args(["init", "--quiet"]).args(options);
        if !init.arg(sandbox.path(&name)).status().unwrap().success() {
            eprintln!("skipped: this git knows no {options:?}");
            continue;
        }
        let repo = Repo::at(&sandbox, sandbox.path(&name));
        for text in ["one\n", "two\n", "two\n"] {
            let commit = found(&repo).set_file_ref(INFO, "file", text.as_bytes());
            assert_eq!(commit.unwrap().as_str(), repo.id(INFO));
            assert_eq!(repo.git(["show", &format!("{INFO}:file")]), text.trim());
            assert_eq!(repo.git(["ls-tree", "--name-only", INFO]), "file");
            assert_eq!(
                repo.git(["log", "--format=%P %an %s", INFO]),
                " git dkr git dkr: file"
            );
        }
        repo.git(["fsck", "--strict"]);
    }
}

#[test]
fn a_symbolic_ref_does_not_lead_elsewhere_and_no_hook_runs() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    repo.git(["symbolic-ref", INFO, "refs/heads/main"]);
    let hook = sandbox.script("hooks/reference-transaction", "exit 1");
    let hooks = hook.parent().unwrap().to_str().unwrap();
    repo.git(["config", "core.hooksPath", hooks]);
    found(&repo).set_file_ref(INFO, "file", b"text").unwrap();
    assert_eq!(repo.head(), head);
    assert_eq!(repo.git(["show", &format!("{INFO}:file")]), "text");
    let error = found(&repo).set_file_ref("refs/dkr/a..b", "file", b"text");
    let error = format!("{:#}", error.unwrap_err());
    assert!(
        error.contains("refs/dkr/a..b is no name of a ref"),
        "{error}"
    );
}

#[test]
fn the_files_are_those_of_the_repository_s_owner_and_group() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.git(["config", "core.sharedRepository", "group"]);
    // Found before, as git asks whom it trusts in a config that is not this test's.
    let product = found(&repo);
    let root = rustix::process::geteuid().is_root();
    if root {
        run(Command::new("chown").args(["-R", "1234"]).arg(&repo.path));
    }
    let commit = product.set_file_ref(INFO, "file", b"text").unwrap();
    let (directory, name) = commit.as_str().split_at(2);
    let object = format!("objects/{directory}/{name}");
    for below in [&*object, INFO, "refs/dkr", "refs/dkr/work/box"] {
        let file = repo.path.join(".git").join(below).metadata().unwrap();
        if root {
            assert_eq!(file.uid(), 1234, "{below}");
        }
        assert_eq!(file.permissions().mode() & 0o040, 0o040, "{below}");
    }
}
