//! Records in git's notes: many writers at once, repositories of every kind, what others wrote
//! there, and remotes.

mod killed;
mod others;
mod remotes;
mod writing;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::found;
use crate::common::dkr::{Outcome, outcome, spawn};
use crate::common::repo::Repo;
use crate::common::{Sandbox, run};
use git_dkr::git::ObjectId;

const REPO: &str = "DKR_TEST_NOTES_REPO";
const COMMIT: &str = "DKR_TEST_NOTES_COMMIT";
const LINE: &str = "DKR_TEST_NOTES_LINE";
const WHERE: &str = "refs/notes/dkr";

fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

/// Adds a line, in this process.
#[track_caller]
fn append(repo: &Repo, commit: &str, line: &str) {
    found(repo).append_note(&id(commit), line).unwrap();
}

/// The whole story of why a line could not be added, and the hint.
#[track_caller]
fn refused(repo: &Repo, commit: &str, line: &str) -> String {
    let error = found(repo).append_note(&id(commit), line).unwrap_err();
    let hint = git_dkr::report::hint(&error).unwrap_or_default();
    format!("{error:#}\nhint: {hint}")
}

#[track_caller]
fn note(repo: &Repo, commit: &str) -> String {
    String::from_utf8(repo.note(commit).unwrap_or_default()).unwrap()
}

/// Commit and line, of all notes, as the product reads them.
#[track_caller]
fn all(repo: &Repo) -> BTreeSet<(String, String)> {
    let notes = found(repo).notes().unwrap();
    let pairs = notes.iter().flat_map(|(commit, text)| {
        let pair = |line: &str| (commit.to_string(), line.to_owned());
        text.lines().map(pair)
    });
    pairs.collect()
}

/// Notes that git can read, in a repository that is whole.
#[track_caller]
fn sound(repo: &Repo) {
    repo.git(["fsck", "--strict"]);
    repo.git(["notes", "--ref=dkr", "list"]);
}

/// This test program as a process that runs [`writer`] in the sandbox.
fn process(repo: &Repo, commit: &str, line: &str) -> Command {
    let mut command = repo.sandbox.command(std::env::current_exe().unwrap());
    command
        .args(["--exact", "git::notes::writer", "--ignored", "--nocapture"])
        .env(REPO, &repo.path)
        .env(COMMIT, commit)
        .env(LINE, line);
    command
}

/// What such a process does: it adds the line, or lines without end when there is none.
#[test]
#[ignore = "other tests run it as a process of their own"]
fn writer() {
    let variable = |name| std::env::var(name).ok();
    let (Some(repo), Some(commit)) = (variable(REPO), variable(COMMIT)) else {
        return;
    };
    let repo = git_dkr::git::Repo::find(Some(Path::new(&repo))).unwrap();
    let commit = id(&commit);
    match variable(LINE).filter(|line| !line.is_empty()) {
        Some(line) => repo.append_note(&commit, &line).unwrap(),
        None => endless(&repo, &commit),
    }
}

fn endless(repo: &git_dkr::git::Repo, commit: &ObjectId) {
    let me = std::process::id();
    for number in 0.. {
        let line = format!("{me}-{number}");
        repo.append_note(commit, &line).unwrap();
        println!("written {line}.");
        std::io::stdout().flush().unwrap();
    }
}

/// A bare repository with one commit, for others to clone.
fn hub(sandbox: &Sandbox) -> Repo<'_> {
    sandbox.repo().clone_with(&["--bare"])
}
