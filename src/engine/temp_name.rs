//! The names that images have while they are built.

use anyhow::Result;

use super::Engine;
use crate::digest;
use crate::proc::user;

/// How the names begin that images have while they are built.
const BUILDING: &str = "dkr-building:";

/// Whether this is the name of an image that is being built.
pub(super) fn is_temp_name(name: &str) -> bool {
    name.starts_with(BUILDING)
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
