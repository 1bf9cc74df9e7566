//! `git dkr create-image`

use anyhow::Result;
use clap::Args;

use super::building::Building;
use crate::image::plan::Reuse;
use crate::image::{bake, plan};

/// Bake a branch into an image
///
/// The image holds a full clone at /workspace, on that branch at its present commit, and what
/// .dkr.conf asks for. A branch of a remote (origin/main) is fetched first. Without REPO it is the
/// repository one stands in, without BRANCH_FROM its HEAD.
#[derive(Debug, Args)]
pub struct CreateImage {
    #[command(flatten)]
    building: Building,
    /// Build even when an image with the same inputs is there
    #[arg(long)]
    force_rebuild: bool,
    /// The same, and run each step again
    #[arg(long)]
    no_cache: bool,
}

impl CreateImage {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let reuse = match (self.force_rebuild, self.no_cache) {
            (_, true) => Reuse::Nothing,
            (true, false) => Reuse::Steps,
            (false, false) => Reuse::Images,
        };
        self.building.run(
            "cannot create an image of",
            reuse,
            plan::plan_create,
            bake::create,
        )
    }
}
