//! `git dkr create-image`

use anyhow::Result;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::building::{BuildArgs, Flag};
use crate::image::parent::ParentChoice;
use crate::image::plan::{BuildRequest, Reuse};
use crate::ui::Printer;

/// Build an image of a branch
///
/// The image holds a full clone at /workspace, on that branch at its present commit, and what
/// .dkr.conf asks for. It is put on the nearest image of the repository where that is cheaper than a
/// clone, and comes to the same. A branch of a remote (origin/main) is fetched first. Without REPO it is the
/// repository one stands in, without BRANCH_FROM its HEAD.
#[derive(Debug, Args)]
pub(crate) struct CreateImage {
    #[command(flatten)]
    building: BuildArgs,
    #[command(flatten)]
    stack: StackArgs,
    /// Which objects the clone has: exact (those that the branch leads to) or all (of every branch,
    /// of stashes, and what git has not yet thrown away), which is fastest
    #[arg(long, value_name = "exact|all", value_parser = ["exact", "all"], hide_possible_values = true)]
    objects: Option<String>,
    /// Stand on this image (its tag, id or branch) instead of the nearest one, or on none
    #[arg(long, value_name = "IMAGE|none", value_parser = NonEmptyStringValueParser::new())]
    from: Option<String>,
    /// Build even when an image with the same inputs is there, and build the layers under it anew
    #[arg(long)]
    force_rebuild: bool,
    /// The same, and run each step again
    #[arg(long)]
    no_cache: bool,
}

impl CreateImage {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let reuse = match (self.force_rebuild, self.no_cache) {
            (_, true) => Reuse::Nothing,
            (true, false) => Reuse::Steps,
            (false, false) => Reuse::Images,
        };
        let parent = ParentChoice::parse(self.from.as_deref());
        let objects = self.objects.as_ref();
        let objects = objects.map(|objects| Flag::new("objects", objects, "--objects"));
        let flags = self.stack.flags().into_iter().chain(objects).collect();
        self.building
            .run(BuildRequest::Create { parent, reuse }, flags, printer)
    }
}

/// What is to be under the repository.
#[derive(Debug, Args)]
struct StackArgs {
    /// Put the tools of these languages under the repository: auto, none, or layers by name
    #[arg(long, value_name = "LANGUAGE", value_delimiter = ',')]
    stack: Vec<String>,
    /// Put a coding agent in: claude, codex, copilot, cursor, gemini or none
    #[arg(long)]
    agent: Option<String>,
    /// Put this layer in, too; can be given more than once
    #[arg(long = "layer", value_name = "LAYER")]
    layers: Vec<String>,
    /// Which toolchains built-in layers hold: pinned versions of their makers, or the distribution's
    #[arg(long, value_name = "upstream|distribution")]
    toolchains: Option<String>,
    /// Start from this image, whatever layers the settings ask for
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["stack", "agent", "layers"])]
    base_image: Option<String>,
}

impl StackArgs {
    /// The settings that they make.
    fn flags(&self) -> Vec<Flag> {
        if let Some(image) = &self.base_image {
            return vec![
                Flag::new("base_image", image, "--base-image"),
                Flag::new("stack", "none", "--base-image"),
                Flag::new("agent", "none", "--base-image"),
                Flag::new("layers", "", "--base-image"),
            ];
        }
        let words = |words: &[String]| (!words.is_empty()).then(|| words.join(" "));
        let all = [
            ("stack", words(&self.stack), "--stack"),
            ("agent", self.agent.clone(), "--agent"),
            ("toolchains", self.toolchains.clone(), "--toolchains"),
            ("layers", words(&self.layers), "--layer"),
        ];
        all.into_iter()
            .filter_map(|(name, value, flag)| Some(Flag::new(name, value?, flag)))
            .collect()
    }
}
