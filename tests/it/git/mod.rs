//! The git edge, on real repositories of every kind: what a BRANCH_FROM resolves to, and that a
//! build can be served from there. No engine.

mod branch_from;
mod changes;
mod cost;
mod distance;
mod extras;
mod far;
mod fetches;
mod fifos;
mod history;
mod kinds;
mod notes;
mod own_refs;
mod packs;
mod server;
mod since;
mod subset;

use crate::common::repo::Repo;
use git_dkr::image::Target;
use git_dkr::image::query::target::{self, FetchMode};
use git_dkr::ui::{Options, Printer};

/// The repository as the product finds it.
#[track_caller]
fn found(repo: &Repo) -> git_dkr::git::Repo {
    git_dkr::git::Repo::find(Some(&repo.path)).unwrap()
}

/// Resolves what a user typed, with a fetch where there is something to fetch.
#[track_caller]
fn resolve(repo: &Repo, typed: &str) -> Target {
    target::resolve(&found(repo), Some(typed), FetchMode::Yes(quiet())).unwrap()
}

/// The whole story of why it does not resolve, and the hint.
#[track_caller]
fn refusal(repo: &Repo, typed: &str) -> String {
    let error = target::resolve(&found(repo), Some(typed), FetchMode::Yes(quiet())).unwrap_err();
    let hint = git_dkr::report::hint(&error).unwrap_or_default();
    repo.sandbox.steady(&format!("{error:#}\nhint: {hint}"))
}

/// What the product reports on the way is not of interest here.
fn quiet() -> Printer {
    Printer::new(Options {
        quiet: true,
        verbose: false,
    })
}
