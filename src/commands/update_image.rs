//! `git dkr update-image`

use anyhow::Result;
use clap::Args;

use super::building::BuildArgs;
use crate::image::plan::BuildRequest;
use crate::ui::Printer;

/// Take an image to the present commit of its branch, by one thin layer
///
/// Only files that git changed are touched, so a warm build in /workspace stays warm. Works after
/// a force-push too. Without REPO it is the repository one stands in, without BRANCH_FROM its HEAD.
#[derive(Debug, Args)]
pub(crate) struct UpdateImage {
    #[command(flatten)]
    building: BuildArgs,
    /// Put a layer on it however many there are, as far as the engine goes
    #[arg(long)]
    keep_chain: bool,
}

impl UpdateImage {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let keep_chain = self.keep_chain;
        self.building
            .run(BuildRequest::Update { keep_chain }, Vec::new(), printer)
    }
}
