//! What a build made, before it bears the name that it was made for: a build that is interrupted late
//! goes on to its end, and must not take that name from the image that has it.

use anyhow::Result;

use super::{Engine, EngineImage};
use crate::digest;
use crate::proc::{check_interrupted, user};

/// How the names begin that images have while they are built.
const BUILDING: &str = "dkr-building:";

/// Whether this is the name of an image that is being built.
pub fn is_temp_name(name: &str) -> bool {
    name.starts_with(BUILDING)
}

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

/// The name that BuildKit gives to what it builds, and what bears it: gone when this is dropped, also
/// when we were asked to stop.
#[derive(Debug)]
pub(super) struct TempName<'a> {
    engine: &'a Engine,
    pub(super) name: String,
}

impl<'a> TempName<'a> {
    /// One build of a tag at a time: what a run that was killed has left is removed.
    pub(super) fn new(engine: &'a Engine, tag: &str) -> Result<Self> {
        let user = user().0.to_string();
        let name = format!("{BUILDING}{}", digest::short(&[tag, &user]));
        if engine.inspect_one(&name)?.is_some() {
            engine.give_back(&name);
        }
        Ok(Self { engine, name })
    }
}

impl Drop for TempName<'_> {
    fn drop(&mut self) {
        self.engine.give_back(&self.name);
    }
}
