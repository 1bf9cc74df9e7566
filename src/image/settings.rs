//! Settings above `.dkr.conf`, gathered from the environment and git.

use anyhow::Result;

use crate::conf::{Sources, environment};
use crate::git::{Repo, user_settings};

/// For a repository, or outside of any.
pub fn sources(repo: Option<&Repo>) -> Result<Sources> {
    let git = match repo {
        Some(repo) => repo.settings()?,
        None => user_settings()?,
    };
    Ok(Sources::new(environment(), git))
}
