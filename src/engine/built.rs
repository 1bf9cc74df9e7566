//! What a build made, before it bears the name that it was made for: a build that is interrupted late
//! goes on to its end, and must not take that name from the image that has it.

use anyhow::Result;

use super::temp_name::TempName;
use super::{Engine, EngineImage};
use crate::proc::check_interrupted;

/// A new image. Without a name it is removed when this is dropped (podman's stays, as one of the
/// cached steps of the next build).
#[derive(Debug)]
#[must_use]
pub struct Built<'a> {
    pub(super) engine: &'a Engine,
    pub(super) found: EngineImage,
    pub(super) _name: Option<TempName<'a>>,
}

impl Built<'_> {
    /// What the engine says of it.
    pub fn found(&self) -> &EngineImage {
        &self.found
    }

    /// Gives it its name, unless we were asked to stop before.
    pub fn tag(self, name: &str) -> Result<EngineImage> {
        check_interrupted()?;
        let cmd = self.engine.cmd().args(["tag", &self.found.id, name]);
        self.engine.run(&cmd.even_when_stopped())?;
        Ok(self.found)
    }
}
