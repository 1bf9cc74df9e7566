//! `git dkr update-image`

use anyhow::Result;
use clap::Args;

use super::building::BuildArgs;
use crate::image::plan::Reuse;
use crate::image::{bake, plan};

/// Take an image to the present commit of its branch, by one thin layer
///
/// Only files that git changed are touched, so a warm build in /workspace stays warm. Works after
/// a force-push too. Without REPO it is the repository one stands in, without BRANCH_FROM its HEAD.
#[derive(Debug, Args)]
pub struct UpdateImage {
    #[command(flatten)]
    building: BuildArgs,
    /// Put a layer on it however many there are, as far as the engine goes
    #[arg(long)]
    keep_chain: bool,
}

impl UpdateImage {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        self.building.run(
            "cannot update the image of",
            Reuse::default(),
            |sources| sources,
            |context, target| plan::plan_update(context, target, self.keep_chain),
            |context, target| bake::update(context, target, self.keep_chain),
        )
    }
}
