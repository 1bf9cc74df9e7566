//! How far one commit is from another.

use anyhow::{Context, Result};

use super::{ObjectId, Repo, failed, lines, run};

/// How a commit lies to the tip of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// It is an ancestor of the tip, this many commits back; 0 when it is the tip.
    Behind(u64),
    /// It is not in the tip's history.
    Diverged,
    /// It is not in this repository.
    Missing,
}

/// Answers questions on one repository's history, many of them cheaply: in process where gix can
/// read the repository, else by asking git.
pub struct History<'a> {
    repo: &'a Repo,
    gix: Option<gix::Repository>,
}

impl std::fmt::Debug for History<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("repo", self.repo).finish()
    }
}

impl<'a> History<'a> {
    /// Opens the history. gix does not see reftable refs, which are not asked for here: only
    /// commits are. What it cannot open at all is left to git.
    pub fn open(repo: &'a Repo) -> Self {
        let options = gix::open::Options::isolated().open_path_as_is(true);
        let gix = gix::open_opts(&repo.git_dir, options).ok();
        Self { repo, gix }
    }

    /// How `commit` lies to `tip`.
    pub fn distance(&self, commit: &ObjectId, tip: &ObjectId) -> Result<Distance> {
        if commit == tip {
            return Ok(Distance::Behind(0));
        }
        // gix counts a shallow history as if its edge were a root, as git does; but replaced
        // objects and a missing commit are better left to git.
        match self.gix.as_ref().and_then(|gix| count(gix, commit, tip)) {
            Some(distance) => Ok(distance),
            None => self.ask_git(commit, tip),
        }
    }

    fn ask_git(&self, commit: &ObjectId, tip: &ObjectId) -> Result<Distance> {
        let here = self.repo.commits(&[commit.as_str(), tip.as_str()])?;
        if here.contains(&None) {
            return Ok(Distance::Missing);
        }
        let ancestor =
            self.repo
                .git(["merge-base", "--is-ancestor", commit.as_str(), tip.as_str()]);
        let output = ancestor.output()?;
        match output.status.code() {
            Some(0) => {}
            Some(1) => return Ok(Distance::Diverged),
            _ => return Err(failed("merge-base", &output).into()),
        }
        let range = format!("{commit}..{tip}");
        let answer = run("rev-list", &self.repo.git(["rev-list", "--count", &range]))?;
        lines(&answer)
            .first()
            .and_then(|count| count.parse().ok())
            .map(Distance::Behind)
            .context("git rev-list --count gave no number")
    }
}

/// `None` when gix cannot tell.
fn count(gix: &gix::Repository, commit: &ObjectId, tip: &ObjectId) -> Option<Distance> {
    let commit = gix::ObjectId::from_hex(commit.as_str().as_bytes()).ok()?;
    let tip = gix::ObjectId::from_hex(tip.as_str().as_bytes()).ok()?;
    if !gix.has_object(commit) || !gix.has_object(tip) {
        return None;
    }
    let base = gix.merge_base(commit, tip).ok()?;
    if base.is_none_or(|base| base.detach() != commit) {
        return Some(Distance::Diverged);
    }
    let walk = gix.rev_walk([tip]).with_hidden([commit]).all().ok()?;
    let mut behind = 0;
    for info in walk {
        info.ok()?;
        behind += 1;
    }
    Some(Distance::Behind(behind))
}
