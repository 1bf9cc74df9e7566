//! Notes of others: fetched, merged line by line, and pushed.

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{NOTES, PATIENCE};
use crate::error::Failure;
use crate::git::{Repo, lines, run, without_passwords};

/// Where those of a remote are put before they are merged, each process its own: outside of
/// `refs/notes/`, which a fetch of `refs/notes/*` with `--prune` would sweep.
const THEIRS: &str = "refs/dkr/notes-";
/// Where they are merged: `git notes merge` takes no other place. One at a time does.
const MERGED: &str = "refs/notes/dkr-merge";

impl Repo {
    /// Fetches the notes of a remote and merges them with those that are here; whether there were
    /// any. Lines of both are kept.
    pub fn pull_notes(&self, remote: &str) -> Result<bool> {
        let list = self
            .git(["ls-remote", "--quiet", "--refs", "--", remote, NOTES])
            .foreground();
        let listed = run("ls-remote", &list).map_err(|error| {
            let message = format!("cannot ask {} for its records: {error:#}", shown(remote));
            Failure::new(message).hint("git remote -v lists the remotes")
        })?;
        if listed.is_empty() {
            return Ok(false);
        }
        let theirs = format!("{THEIRS}{}", std::process::id());
        let fetch = self
            .without_hooks()
            .args(["fetch", "--quiet"])
            .args(["--no-tags", "--no-write-fetch-head", "--no-auto-gc"])
            .args(["--recurse-submodules=no", "--", remote])
            .arg(format!("+{NOTES}:{theirs}"))
            .foreground();
        self.run_writing("fetch", &fetch)
            .with_context(|| format!("cannot fetch the records of {}", shown(remote)))?;
        let merged = self.merge_notes(&theirs);
        let swept = self.sweep();
        merged.and(swept).map(|()| true)
    }

    /// `git notes merge` moves the ref without looking at its old value, and so merges on a ref of
    /// its own; the result is swapped in.
    fn merge_notes(&self, theirs: &str) -> Result<()> {
        self.until_swapped(PATIENCE, |tip| {
            let found = self.commits(&[theirs])?.remove(0);
            let found = found.context("the fetched ref holds no notes")?;
            let Some(ours) = tip else {
                return Ok(Some(found));
            };
            self.quiet_ref(&[MERGED, ours.as_str()])?;
            let merge = self
                .without_hooks()
                .args(["-c", "user.name=git dkr", "-c", "user.email=dkr@localhost"])
                .args(["notes", "--ref", MERGED, "merge", "--quiet"])
                .args(["--strategy=cat_sort_uniq", theirs]);
            let outcome = self
                .run_writing("notes", &merge)
                .context("cannot merge the records");
            let merged = self.commits(&[MERGED]).map(|mut found| found.remove(0));
            self.quiet_ref(&["-d", MERGED])?;
            outcome?;
            Ok(merged?.filter(|merged| merged != ours))
        })
    }

    /// Removes what was fetched, by us and by those that were killed.
    fn sweep(&self) -> Result<()> {
        let list = self.git(["for-each-ref", "--format=%(refname)", "refs/dkr/"]);
        for name in lines(&run("for-each-ref", &list)?) {
            let number = name.strip_prefix(THEIRS).and_then(|pid| pid.parse().ok());
            let Some(pid) = number.and_then(Pid::from_raw) else {
                continue;
            };
            let ours = pid == rustix::process::getpid();
            if ours || test_kill_process(pid) == Err(Errno::SRCH) {
                self.quiet_ref(&["-d", &name])?;
            }
        }
        Ok(())
    }

    /// Pushes the notes; never by force. A remote that has others is merged first.
    pub fn push_notes(&self, remote: &str) -> Result<()> {
        if self.notes_tip()?.is_none() {
            bail!(
                Failure::new("there are no records to push")
                    .hint("git dkr create-image writes one for each image")
            );
        }
        let push = self
            .without_hooks()
            .args(["push", "--quiet", "--no-verify", "--", remote])
            .arg(format!("{NOTES}:{NOTES}"))
            // In the language that is read below.
            .env("LC_ALL", "C")
            .foreground();
        let mut last = Ok(());
        for _ in 0..3 {
            self.pull_notes(remote)?;
            last = run("push", &push).map(drop);
            // Somebody else may push between the merge and the push; all else stays as it is.
            let again = |error: &anyhow::Error| {
                let said = format!("{error:#}");
                let signs = ["(fetch first)", "(non-fast-forward)", "cannot lock ref"];
                signs.iter().any(|sign| said.contains(sign))
            };
            if !last.as_ref().is_err_and(again) {
                break;
            }
        }
        last.with_context(|| format!("cannot push the records to {}", shown(remote)))
    }
}

/// A remote as it may be repeated: users type URLs too.
fn shown(remote: &str) -> String {
    without_passwords(remote)
}
