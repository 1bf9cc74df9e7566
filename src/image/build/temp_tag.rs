//! A second name for the image that a create is built on.

use anyhow::Result;

use crate::engine::Engine;
use crate::error::Failure;
use crate::image::context::BuildContext;
use crate::image::model::{Image, names};

/// A name of its own for as long as a build takes: the image is of another branch, whose builds may rename or
/// remove it meanwhile, and BuildKit takes no id.
pub(super) struct TempTag<'a> {
    engine: &'a Engine,
    pub name: String,
}

impl<'a> TempTag<'a> {
    /// Gives it to the image, for a build of the branch.
    pub(super) fn give(context: BuildContext<'a>, image: &Image, branch: &str) -> Result<Self> {
        // One build of a branch at a time: what a run that was killed left is taken over.
        let name = names::temp_tag(&context.repo.path, branch);
        let before = context.engine.inspect_one(&name)?;
        context.engine.tag(&image.id, &name).map_err(|_| {
            Failure::new(format!("{} was removed meanwhile", image.tag)).hint("try again")
        })?;
        if let Some(old) = before.filter(|old| old.id != image.id) {
            context.engine.remove_if_nameless(&old.id, false)?;
        }
        Ok(Self {
            engine: context.engine,
            name,
        })
    }
}

impl Drop for TempTag<'_> {
    fn drop(&mut self) {
        self.engine.give_back(&self.name);
    }
}
