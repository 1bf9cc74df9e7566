//! What is refused: a clear error with a hint, exit code 1 or 2, nothing built, nothing changed.

use std::path::Path;

use crate::common::dkr::Outcome;
use crate::common::engine::Lab;
use crate::common::repo::Repo;

mod engine;
mod names;
mod places;
mod settings;

/// Runs what must be refused; what it said, without what differs from run to run.
#[track_caller]
fn refused(lab: &Lab, repo: &Repo, args: &[&str]) -> String {
    let (before, images) = (repo.snapshot(), lab.images());
    let outcome = lab.dkr(&repo.path, args).fails();
    before.assert_same(repo);
    nothing_left(lab, &images);
    story(lab, &outcome)
}

/// From the error on: what was reported before it is not of interest here.
fn story(lab: &Lab, outcome: &Outcome) -> String {
    let said = lab.steady(&outcome.stderr);
    let error = said.find("error: ").unwrap();
    said[error..].to_owned()
}

#[track_caller]
fn nothing_left(lab: &Lab, images: &[String]) {
    assert_eq!(lab.images(), images);
    assert_eq!(lab.containers(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

/// The same outside of a repository.
#[track_caller]
fn refused_at(lab: &Lab, directory: &Path, args: &[&str]) -> String {
    let outcome: Outcome = lab.dkr(directory, args).fails();
    nothing_left(lab, &[]);
    story(lab, &outcome)
}

#[test]
fn usage_errors_exit_with_2() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    for args in [
        &["create-image", "--no-such-flag"][..],
        &["create-image", "one", "two", "three"],
        &["start-image", "--name"],
        &["list-images", "--format=xml"],
        &["no-such-command"],
        &[],
    ] {
        lab.dkr(&repo.path, args).exits(2).says("--help");
    }
    nothing_left(&lab, &[]);
}
