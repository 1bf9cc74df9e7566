//! Settings above `.dkr.conf`, gathered from the environment and git.

use anyhow::Result;

use crate::conf::{Sources, environment, variable};
use crate::git::{Repo, user_settings};

/// For a repository, or outside of any.
pub(crate) fn sources(repo: Option<&Repo>) -> Result<Sources> {
    // Set by `git -c`.
    let passed = variable("GIT_CONFIG_PARAMETERS").is_some();
    let git = match repo {
        // Most have none, and asking git takes longer than a hook should.
        Some(repo) if !passed && repo.has_no_settings() => Vec::new(),
        Some(repo) => repo.settings()?,
        None => user_settings()?,
    };
    Ok(Sources::new(environment(), git))
}
