//! Fetching one branch of a remote, and nothing else: not HEAD, not FETCH_HEAD, not the config.

use anyhow::{Result, bail};

use super::{GitError, Repo};
use crate::error::Failure;

impl Repo {
    /// Brings `refs/remotes/<remote>/<branch>` up to date.
    pub fn fetch_branch(&self, remote: &str, branch: &str) -> Result<()> {
        let refspec = format!("+refs/heads/{branch}:refs/remotes/{remote}/{branch}");
        let cmd = self
            .git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
            .args(["--no-auto-gc", "--recurse-submodules=no", "--no-prune"])
            .args(["--", remote, &refspec])
            // In the language that is read below.
            .env("LC_ALL", "C")
            .foreground();
        let Err(error) = self.run_writing("fetch", &cmd) else {
            return Ok(());
        };
        let Some(GitError { message, .. }) = error.downcast_ref() else {
            return Err(error);
        };
        if message.contains("couldn't find remote ref") {
            bail!(
                Failure::new(format!("{remote} has no branch {branch}"))
                    .hint(format!("git ls-remote --heads {remote} lists its branches"))
            );
        }
        bail!(
            Failure::new(format!("cannot fetch {branch} from {remote}: {message}")).hint(format!(
                "check that `git fetch {remote}` works here, then try again"
            ))
        )
    }
}
