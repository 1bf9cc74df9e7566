//! Brings an overlay to what its parts ask for: out of caches, or by building.

use std::time::Instant;

use anyhow::{Context, Result};

use super::build::build;
use super::cache::CorruptEntry;
use super::caches::{CacheRef, Caches, Unavailable};
use super::parts::OverlayPart;
use super::restore::{self, Expected, Recovered, Restored, Unusable, restore};
use super::root::OverlayRoot;
use super::steps::StepState;
use crate::error::{Failure, Interrupted};
use crate::fs::Lock;
use crate::ui::{self, Printer};

/// What was done about a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartResult {
    /// Its steps were carried out.
    Built,
    /// Its snapshot was put in place.
    Restored,
    /// All of its snapshot was there.
    Kept,
}

impl PartResult {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Restored => "restored",
            Self::Kept => "kept",
        }
    }
}

/// What came of trying to restore a part.
enum RestoreAttempt {
    Done(PartResult),
    /// No cache has it.
    Missing,
    /// One has it, or cannot be asked, and this is why it is of no use.
    Failed(anyhow::Error),
}

/// Parts, the name in their tags, and where all this happens.
pub(crate) struct RebuildJob<'a> {
    pub parts: &'a [OverlayPart],
    /// As the user calls what comes of them.
    pub name: Option<&'a str>,
    pub overlay: &'a OverlayRoot,
    pub caches: &'a Caches,
    /// Says how it goes.
    pub printer: Printer,
}

impl RebuildJob<'_> {
    /// Builds all parts, whatever the caches hold.
    pub(crate) fn build(&self) -> Result<Vec<PartResult>> {
        let _turn = self.begin()?;
        let mut state = StepState::default();
        let built = self
            .parts
            .iter()
            .map(|part| self.build_one(part, &mut state));
        built.collect()
    }

    /// Restores all parts. Nothing is done unless all of them are in a cache.
    pub(crate) fn restore(&self) -> Result<Vec<PartResult>> {
        let _turn = self.begin()?;
        if self.is_applied()? {
            return Ok(self.kept());
        }
        if self.parts.len() > 1 {
            for part in self.parts {
                self.caches
                    .find(&part.tag)?
                    .ok_or_else(|| self.missing(part))?;
            }
        }
        let restored = self.parts.iter().map(|part| match self.try_restore(part)? {
            RestoreAttempt::Done(done) => Ok(done),
            RestoreAttempt::Missing => Err(self.missing(part).into()),
            RestoreAttempt::Failed(error) => Err(error),
        });
        restored.collect()
    }

    /// Restores what is in a cache and builds the rest.
    pub(crate) fn restore_or_build(&self, push: bool) -> Result<Vec<PartResult>> {
        let _turn = self.begin()?;
        if self.is_applied()? {
            if push {
                self.push_missing()?;
            }
            return Ok(self.kept());
        }
        let mut state = StepState::default();
        let mut all = Vec::new();
        for part in self.parts {
            let broken = match self.try_restore(part)? {
                RestoreAttempt::Done(done) => {
                    state.pass(&part.containerfile)?;
                    all.push(done);
                    continue;
                }
                RestoreAttempt::Missing => {
                    let text = format!("{}  {} is in no cache", part.file, part.tag);
                    self.printer.status("missing", &text);
                    false
                }
                RestoreAttempt::Failed(error) => {
                    self.printer
                        .warn(format_args!("{error:#}; building {} instead", part.file));
                    if let Some(Unusable::OtherMachine(..)) = error.downcast_ref() {
                        self.printer
                            .warn("--name NAME keeps a snapshot for each kind of machine");
                    }
                    is_broken(&error)
                }
            };
            all.push(self.build_one(part, &mut state)?);
            if push && broken {
                self.caches.push(&part.tag, true)?;
            }
        }
        if push {
            self.push_missing()?;
        }
        Ok(all)
    }

    /// Waits for its turn; what a run that was killed has begun is ended first.
    fn begin(&self) -> Result<Lock> {
        let turn = restore::turn(&self.overlay.state, self.printer)?;
        match restore::mend(&self.overlay.root, &self.overlay.state, self.printer)? {
            None => {}
            Some(Recovered::Undone) => self
                .printer
                .status("mended", "undid what a killed run had begun"),
            Some(Recovered::Completed(key, remarks)) => {
                for remark in remarks {
                    self.printer.warn(remark);
                }
                self.printer.status(
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
        restore::is_applied(&self.overlay.root, &self.overlay.state, &keys, self.printer)
    }

    fn kept(&self) -> Vec<PartResult> {
        for part in self.parts {
            tell_kept(part, self.printer);
        }
        vec![PartResult::Kept; self.parts.len()]
    }

    /// Sends what this machine's cache has and the shared one lacks, also of earlier runs.
    fn push_missing(&self) -> Result<()> {
        for part in self.parts {
            if self
                .caches
                .own
                .find(&part.tag)
                .is_ok_and(|own| own.is_some())
            {
                self.caches.push(&part.tag, false)?;
            }
        }
        Ok(())
    }

    fn build_one(&self, part: &OverlayPart, state: &mut StepState) -> Result<PartResult> {
        let keys = self.parts.iter().map(|part| part.key.clone());
        let below: Vec<String> = keys.take_while(|key| *key != part.key).collect();
        build(
            part,
            self.name,
            self.overlay,
            &self.caches.own,
            &below,
            state,
            self.printer,
        )
        .with_context(|| format!("cannot build {}", part.file))?;
        Ok(PartResult::Built)
    }

    fn missing(&self, part: &OverlayPart) -> Failure {
        Failure::new(format!("{} is not in {}", part.tag, self.caches.names()))
            .hint("git dkr overlay restore-or-build builds what is in no cache")
    }

    /// Tries each cache, the nearest first. An error is this machine's own: no cache, and no build,
    /// would help.
    fn try_restore(&self, part: &OverlayPart) -> Result<RestoreAttempt> {
        let mut failed: Option<anyhow::Error> = None;
        for cache in self.caches.all() {
            match self.restore_from(cache, part) {
                Ok(None) => {}
                Ok(Some(done)) => return Ok(RestoreAttempt::Done(done)),
                Err(error) if is_the_cache_s(&error) => {
                    if let Some(before) = failed.replace(error) {
                        self.printer.warn(format_args!("{before:#}"));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(failed.map_or(RestoreAttempt::Missing, RestoreAttempt::Failed))
    }

    fn restore_from(&self, cache: CacheRef<'_>, part: &OverlayPart) -> Result<Option<PartResult>> {
        let Some(index) = cache.find(&part.tag)? else {
            return Ok(None);
        };
        let begun = Instant::now();
        let archive = cache.archive(&index, self.printer)?;
        let (root, state) = (&self.overlay.root, &self.overlay.state);
        let expected = Expected {
            key: &part.key,
            sha256: &index.sha256,
        };
        let restored = restore(root, state, archive.path(), expected, self.printer)
            .with_context(|| format!("cannot restore {} from {cache}", part.file))?;
        for remark in &restored.remarks {
            self.printer.warn(remark);
        }
        if let Err(error) = self.caches.keep(cache, &index, archive.path()) {
            self.printer.warn(format_args!("{error:#}"));
        }
        Ok(Some(tell(part, cache, &restored, begun, self.printer)))
    }
}

/// Whether a cache, or what was in it, is to blame.
fn is_the_cache_s(error: &anyhow::Error) -> bool {
    let stopped = error.chain().any(|cause| cause.is::<Interrupted>());
    !stopped && (error.is::<Unavailable>() || error.is::<Unusable>())
}

/// Whether something is in a cache that nobody can use: it may be replaced.
fn is_broken(error: &anyhow::Error) -> bool {
    let damaged = matches!(error.downcast_ref(), Some(Unusable::Corrupt(_)));
    damaged || CorruptEntry::is(error)
}

fn tell_kept(part: &OverlayPart, printer: Printer) {
    printer.status("kept", &format!("{}  nothing to restore", part.file));
}

fn tell(
    part: &OverlayPart,
    cache: CacheRef<'_>,
    restored: &Restored,
    begun: Instant,
    printer: Printer,
) -> PartResult {
    if restored.written + restored.removed == 0 {
        tell_kept(part, printer);
        return PartResult::Kept;
    }
    let (size, took) = (ui::bytes(restored.bytes), ui::seconds(begun.elapsed()));
    let (file, count) = (&part.file, restored.written);
    let text = format!("{file}  {count} files, {size} from {cache} in {took}");
    printer.status("restored", &text);
    PartResult::Restored
}
