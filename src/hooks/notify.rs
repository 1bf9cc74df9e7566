//! What the hooks call: says which images have grown stale. Reads refs, history and files of the
//! repository only: no engine, no network.

use std::ffi::OsString;

use anyhow::Result;

use super::{auto, notified::Notified};
use crate::conf;
use crate::git::{Head, ObjectId, Repo};
use crate::image::model::staleness::Staleness;
use crate::image::query::tracking::compare;
use crate::image::query::watch_list::{self, WatchedImage};
use crate::image::settings::sources;
use crate::ui::{self, Printer};

/// Whether the user wants to hear nothing.
pub(crate) fn silenced() -> bool {
    conf::variable("DKR_HOOKS").as_deref() == Some("0")
}

/// Handles one call of a hook. `args` are the hook's own; for `reference-transaction` the refs
/// that moved.
pub(crate) fn run(event: &str, args: &[OsString], printer: Printer) -> Result<()> {
    if silenced() {
        return Ok(());
    }
    let repo = Repo::look(None)?;
    let watched = watch_list::read(&repo);
    let moved: Vec<String> = match event {
        "reference-transaction" => args
            .iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect(),
        _ => Vec::new(),
    };
    // A rebase begins with a checkout that is on no branch, and ends on its branch.
    let here = match (event, repo.head()?) {
        ("reference-transaction", _) | (_, Head::Detached) => None,
        (_, Head::Branch(branch)) => Some(branch),
    };
    let reference = here.as_ref().map(|branch| format!("refs/heads/{branch}"));
    let references: Vec<String> = watched.iter().map(|w| w.reference.clone()).collect();
    let tips = repo.commits(&references)?;

    let person = ui::stdout_is_terminal();
    let mut told = Notified::read(&repo);
    let before = told.clone();
    let states: Vec<String> = watched.iter().zip(&tips).map(state).collect();
    told.keep(|state| states.iter().any(|present| present == state));
    // History and files are asked only about what this call concerns.
    let concerned: Vec<usize> = (0..watched.len())
        .filter(|at| {
            let watched = &watched[*at];
            moved.contains(&watched.reference)
                || (event == "post-checkout" && here.as_ref() == Some(&watched.branch))
                || reference.as_ref() == Some(&watched.reference)
                || (person && told.is_unseen(&states[*at]))
        })
        .collect();
    let commits: Vec<&ObjectId> = concerned.iter().map(|at| &watched[*at].commit).collect();
    let concerned_tips: Vec<_> = concerned.iter().map(|at| tips[*at].clone()).collect();
    for (at, staleness) in
        concerned
            .into_iter()
            .zip(compare(&repo, &commits, &concerned_tips, printer)?)
    {
        if !staleness.is_stale() {
            told.keep(|other| *other != states[at]);
        } else if told.tell(&states[at], person) {
            say(&repo, &watched[at], &staleness, printer)?;
        }
    }
    if told != before {
        told.write(&repo)?;
    }
    Ok(())
}

/// What is told of once: this image, at its commit, compared with this tip.
fn state((watched, tip): (&WatchedImage, &Option<ObjectId>)) -> String {
    let tip = tip.as_ref().map_or("gone", ObjectId::as_str);
    format!("{} {} {tip}", watched.tag, watched.commit)
}

fn say(repo: &Repo, watched: &WatchedImage, staleness: &Staleness, printer: Printer) -> Result<()> {
    let sentence = staleness.sentence(&watched.tag, &watched.branch_from);
    let place = shlex::try_join([".", &watched.branch_from])?;
    // Of a ref that is gone there is none.
    let Some(command) = staleness.remedy().command(&place) else {
        printer.notice(sentence);
        return Ok(());
    };
    if auto::wanted(&sources(Some(repo))?) {
        let log = auto::start(repo, watched)?;
        printer.notice(format_args!(
            "{sentence}: updating it in the background, see {}",
            log.display()
        ));
    } else {
        printer.notice(format_args!("{sentence}: {command}"));
    }
    Ok(())
}
