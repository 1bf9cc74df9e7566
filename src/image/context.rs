//! What every build works with.

use anyhow::{Context, Result};

use super::model::dockerfile::CloneOptions;
use crate::conf::{self, Conf, Host, Sources};
use crate::engine::Engine;
use crate::git::{ObjectId, Repo};
use crate::ui::Printer;

/// What a build works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuildContext<'a> {
    pub repo: &'a Repo,
    pub engine: &'a Engine,
    /// Settings of the machine.
    pub host: &'a Host,
    /// Settings above `.dkr.conf`.
    pub sources: &'a Sources,
    /// Says how it goes.
    pub printer: Printer,
}

impl BuildContext<'_> {
    /// What the commit does not tell of its clone.
    pub(crate) fn clone_options(&self) -> Result<CloneOptions> {
        Ok(CloneOptions {
            shallow: self.repo.shallow_boundary()?,
            objects: self.host.objects.value,
        })
    }

    /// The settings at a commit.
    pub(crate) fn settings_at(&self, commit: &ObjectId) -> Result<Conf> {
        let text = self.repo.file_at(commit, conf::FILE)?;
        self.parse_settings(commit, text.as_deref())
    }

    /// The text of `.dkr.conf` at a commit, under the stronger settings.
    pub(crate) fn parse_settings(&self, commit: &ObjectId, text: Option<&str>) -> Result<Conf> {
        Conf::read(text, self.sources)
            .with_context(|| format!("the settings at {} have problems", commit.short()))
    }
}
