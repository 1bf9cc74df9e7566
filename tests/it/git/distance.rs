//! How far one commit is from another.

use super::found;
use crate::common::Sandbox;
use crate::common::repo::Repo;
use git_dkr::git::{Distance, History, ObjectId};

#[track_caller]
fn distance(repo: &Repo, commit: &str, tip: &str) -> Distance {
    let id = |text: &str| ObjectId::parse(text).unwrap();
    let found = found(repo);
    History::open(&found)
        .distance(&id(commit), &id(tip))
        .unwrap()
}

#[test]
fn behind_counts_commits_of_merged_branches_too() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let base = repo.head();
    repo.branch("side", "main").commits(3);
    repo.checkout("main").commits(2);
    repo.git(["merge", "--quiet", "--no-edit", "side"]);
    assert_eq!(distance(&repo, &base, &repo.head()), Distance::Behind(6));
    assert_eq!(distance(&repo, &base, &base), Distance::Behind(0));
}

#[test]
fn a_rewritten_branch_has_diverged() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let old = repo.commit("Old", &[]);
    repo.amend("New");
    assert_eq!(distance(&repo, &old, &repo.head()), Distance::Diverged);
    // An image may also stand before its branch, when that was reset.
    let (before, after) = (repo.id("HEAD~1"), repo.head());
    assert_eq!(distance(&repo, &after, &before), Distance::Diverged);
}

#[test]
fn a_commit_that_is_not_here_is_missing() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let nowhere = "0123456789".repeat(4);
    assert_eq!(distance(&repo, &nowhere, &repo.head()), Distance::Missing);
}

#[test]
fn unrelated_histories_have_diverged() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let old = repo.head();
    repo.git(["checkout", "--quiet", "--orphan", "other"]);
    let other = repo.commit("Begin again", &[]);
    assert_eq!(distance(&repo, &old, &other), Distance::Diverged);
}

#[test]
fn sha256_is_counted_alike() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", &["--object-format=sha256"]);
    let base = repo.commit("Begin", &[]);
    assert_eq!(
        distance(&repo, &base, &repo.commits(4)),
        Distance::Behind(4)
    );
}
