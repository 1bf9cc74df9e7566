//! Updating an image in the background, for those who asked for it (`dkr.autoUpdate`).

use std::path::PathBuf;

use anyhow::Result;

use super::script::program;
use crate::conf::Sources;
use crate::git::{ObjectId, Repo};
use crate::image::query::watch_list::{self, WatchedImage};
use crate::proc::{Cmd, leave_terminal, lower_priority};

/// Whether the user asked for it.
pub(crate) fn wanted(sources: &Sources) -> bool {
    let yes = |value: &str| matches!(value.to_lowercase().as_str(), "true" | "yes" | "on" | "1");
    sources
        .get("auto_update")
        .is_some_and(|(value, _)| yes(value))
}

/// Starts the update of an image and does not wait for it; the file that it writes to.
pub(crate) fn start(repo: &Repo, watched: &WatchedImage) -> Result<PathBuf> {
    let log = repo.own_dir().join("update.log");
    Cmd::new(program()?)
        .args(["hooks", "update"])
        .arg(&repo.path)
        .arg(&watched.tag)
        // The update fetches, which is no news; and nobody is there to be asked.
        .env("DKR_HOOKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .detached(&log)?;
    repo.set_owner_and_mode(&log);
    Ok(log)
}

/// The whole of the background process: updates the image until it is where its branch is, which
/// may move meanwhile. A second one for the same image has nothing to do and ends.
pub(crate) fn update(repo: &Repo, tag: &str) -> Result<()> {
    leave_terminal()?;
    lower_priority()?;
    let name = tag.replace(['/', ':'], "-");
    let Some(_lock) = repo.lock_own(&format!("{name}.lock"))? else {
        return Ok(());
    };
    let mut last: Option<ObjectId> = None;
    loop {
        let all = watch_list::read(repo);
        let Some(watched) = all.iter().find(|watched| watched.tag == tag) else {
            return Ok(());
        };
        let tip = repo.commits(&[&watched.reference])?.remove(0);
        if tip.is_none() || tip.as_ref() == Some(&watched.commit) || tip == last {
            return Ok(());
        }
        last = tip;
        let code = Cmd::new(program()?)
            .arg("update-image")
            .arg(&repo.path)
            .arg(&watched.branch_from)
            .attached()?;
        if code != 0 {
            return Ok(());
        }
    }
}
