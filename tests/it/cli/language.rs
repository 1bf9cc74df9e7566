//! Git speaks the user's language, and what it says must be understood all the same.

use crate::common::Sandbox;
use crate::common::dkr::{Outcome, outcome};

/// Runs `create-image` where git speaks German, unless it is asked not to. Git's own translations
/// are not installed everywhere, so a script stands for them.
fn in_german(sandbox: &Sandbox, directory: &str, branch: &str) -> Outcome {
    let git = std::fs::read_link(sandbox.bin().join("git")).unwrap();
    std::fs::remove_file(sandbox.bin().join("git")).unwrap();
    let script = format!(
        "case ${{LC_ALL:-${{LC_MESSAGES:-$LANG}}}} in C | C.* | POSIX) exec '{git}' \"$@\" ;; esac
        '{git}' \"$@\" 2>\"$HOME/said\"
        code=$?
        /usr/bin/env sed -e 's/not a git repository/kein Git-Repository/' \\
            -e \"s/couldn't find remote ref/konnte Remote-Referenz nicht finden:/\" \"$HOME/said\" >&2
        exit $code",
        git = git.display()
    );
    sandbox.script("bin/git", &script);
    let docker =
        "case $1 in --version) echo 'Docker version 20.10.24, build 1' ;; image) echo '[]' ;; esac";
    sandbox.script("bin/docker", docker);
    let mut command = sandbox.dkr_command(&sandbox.path(directory), ["create-image", branch]);
    let path = format!("{}:/usr/bin:/bin", sandbox.bin().display());
    command.env("PATH", path).env("LC_ALL", "de_DE.UTF-8");
    outcome(&mut command).fails()
}

#[test]
fn not_a_repository() {
    let sandbox = Sandbox::new();
    in_german(&sandbox, "home", "main").says("is not in a git repository");
}

#[test]
fn a_remote_without_such_a_branch() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote("origin", &other);
    let said = in_german(&sandbox, &repo.name(), "origin/nothing");
    said.says("origin has no branch nothing");
}
