//! Brings a site to what its parts ask for: out of caches, or by building.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::build::build;
use super::caches::{Caches, Entry};
use super::parts::Part;
use super::restore::{self, Mended, Restored, restore};
use super::site::Site;
use super::steps::State;
use crate::error::{Failure, Interrupted};
use crate::fs::Lock;
use crate::ui;

/// What was done about a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Its steps were carried out.
    Built,
    /// Its snapshot was put in place.
    Restored,
    /// All of its snapshot was there.
    Kept,
}

impl Done {
    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Restored => "restored",
            Self::Kept => "kept",
        }
    }
}

/// Parts, the name in their tags, and where all this happens.
pub struct Job<'a> {
    /// In their order.
    pub parts: &'a [Part],
    /// As the user calls what comes of them.
    pub name: Option<&'a str>,
    /// The root.
    pub site: &'a Site,
    /// The caches.
    pub caches: &'a Caches,
}

impl Job<'_> {
    /// Builds all parts, whatever the caches hold.
    pub fn build(&self) -> Result<Vec<Done>> {
        let _turn = self.begin()?;
        let mut state = State::default();
        let built = self
            .parts
            .iter()
            .map(|part| self.build_one(part, &mut state));
        built.collect()
    }

    /// Restores all parts. Nothing is done unless all of them are in a cache.
    pub fn restore(&self) -> Result<Vec<Done>> {
        let _turn = self.begin()?;
        if self.is_applied()? {
            return Ok(self.kept());
        }
        let mut entries = Vec::new();
        for part in self.parts {
            entries.push(self.entry(part)?);
        }
        let restored = self.parts.iter().zip(&entries);
        restored
            .map(|(part, entry)| self.restore_one(part, entry))
            .collect()
    }

    /// Restores what is in a cache and builds the rest.
    pub fn restore_or_build(&self, push: bool) -> Result<Vec<Done>> {
        let _turn = self.begin()?;
        if self.is_applied()? {
            return Ok(self.kept());
        }
        let mut state = State::default();
        let mut all = Vec::new();
        for part in self.parts {
            let done = match self.try_restore(part)? {
                Some(done) => {
                    state.pass(&part.containerfile)?;
                    done
                }
                None => {
                    let done = self.build_one(part, &mut state)?;
                    if push {
                        self.caches.push(&part.tag, false)?;
                    }
                    done
                }
            };
            all.push(done);
        }
        Ok(all)
    }

    /// Waits for its turn; what a run that was killed has begun is ended first.
    fn begin(&self) -> Result<Lock> {
        let turn = restore::turn(&self.site.state)?;
        match restore::mend(&self.site.root, &self.site.state)? {
            None => {}
            Some(Mended::Undone) => ui::status("mended", "took back what a killed run had begun"),
            Some(Mended::Completed(key, remarks)) => {
                for remark in remarks {
                    ui::warn(remark);
                }
                ui::status(
                    "mended",
                    &format!("completed the restore of {key} that was killed"),
                );
            }
        }
        Ok(turn)
    }

    /// Whether all of it is there, for which no cache needs to be asked.
    fn is_applied(&self) -> Result<bool> {
        let keys: Vec<String> = self.parts.iter().map(|part| part.key.clone()).collect();
        restore::is_applied(&self.site.root, &self.site.state, &keys)
    }

    fn kept(&self) -> Vec<Done> {
        for part in self.parts {
            ui::status("kept", &format!("{}  all of it is there", part.file));
        }
        vec![Done::Kept; self.parts.len()]
    }

    fn build_one(&self, part: &Part, state: &mut State) -> Result<Done> {
        build(part, self.name, self.site, &self.caches.own, state)
            .with_context(|| format!("cannot build {}", part.file))?;
        Ok(Done::Built)
    }

    fn entry(&self, part: &Part) -> Result<Entry<'_>> {
        match self.caches.find(&part.tag)? {
            Some(entry) => Ok(entry),
            None => bail!(
                Failure::new(format!("{} is not in {}", part.tag, self.caches.names()))
                    .hint("git dkr overlay restore-or-build builds what is in no cache")
            ),
        }
    }

    /// `None`, and a word on why, when it is to be built.
    fn try_restore(&self, part: &Part) -> Result<Option<Done>> {
        let restored = match self.caches.find(&part.tag) {
            Ok(None) => {
                ui::status(
                    "missing",
                    &format!("{}  {} is in no cache", part.file, part.tag),
                );
                return Ok(None);
            }
            Ok(Some(entry)) => self.restore_one(part, &entry),
            Err(error) => Err(error.context("cannot look it up")),
        };
        match restored {
            Ok(done) => Ok(Some(done)),
            Err(error) if builds_instead(&error) => {
                ui::warn(format_args!("{error:#}; building {} instead", part.file));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn restore_one(&self, part: &Part, entry: &Entry<'_>) -> Result<Done> {
        let begun = Instant::now();
        let archive = entry.archive()?;
        let restored = restore(
            &self.site.root,
            &self.site.state,
            archive.path(),
            &entry.index.sha256,
        )
        .with_context(|| format!("cannot restore {}", part.file))?;
        for remark in &restored.remarks {
            ui::warn(remark);
        }
        Ok(tell(part, entry, &restored, begun))
    }
}

/// Whether a snapshot that cannot be had is reason enough to build. Not where we were stopped, nor
/// where writing failed: a build would fail there as well.
fn builds_instead(error: &anyhow::Error) -> bool {
    !error.chain().any(|cause| cause.is::<Interrupted>())
}

fn tell(part: &Part, entry: &Entry<'_>, restored: &Restored, begun: Instant) -> Done {
    if restored.written + restored.removed == 0 {
        ui::status("kept", &format!("{}  all of it is there", part.file));
        return Done::Kept;
    }
    let (size, took) = (ui::bytes(restored.bytes), ui::seconds(begun.elapsed()));
    let from = entry.from();
    let text = format!(
        "{}  {} files, {size} from {from} in {took}",
        part.file, restored.written
    );
    ui::status("restored", &text);
    Done::Restored
}
