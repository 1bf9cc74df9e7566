//! The size of an image's chain of layers, and how much of it is still of use.

use anyhow::{Context, Result};

use crate::git::{ObjectId, Repo};
use crate::image::context::BuildContext;
use crate::image::model::Image;
use crate::image::model::chain_limits::ChainStats;

/// What is known of an image's layers.
pub(crate) fn measure<'a>(context: BuildContext, image: &'a Image) -> Result<ChainStats<'a>> {
    let found = context.engine.inspect_one(&image.id)?;
    let measured = found.and_then(|found| ChainStats::of(&image.labels, &found));
    measured.with_context(|| format!("{} is gone", image.tag))
}

/// The bytes over its full clone that are objects which an image at `target` needs, too.
pub(crate) fn live_bytes(repo: &Repo, image: &ChainStats, target: &ObjectId) -> Result<u64> {
    let (bottom, commit) = (image.bottom().commit, &image.labels.commit);
    let needed = repo.bytes_between(&[&bottom], target)?.unwrap_or_default();
    let lacking = repo.bytes_between(&[&bottom, commit], target)?;
    Ok(needed.saturating_sub(lacking.unwrap_or(needed)))
}
