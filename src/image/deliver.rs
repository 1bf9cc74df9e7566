//! What the build of an image of its own is given instead of a clone: objects, packed and indexed
//! while the engine installs packages.

use std::time::Duration;

use anyhow::Result;

use super::plan::{Plan, Site};
use crate::conf;
use crate::fs::Scratch;
use crate::git::{Objects, Parcel};
use crate::ssh::Delivery;
use crate::ui;

/// Packing a history that takes longer is worth a word.
const SLOW: Duration = Duration::from_secs(5);

/// Begins to pack them, where the embedded server is there to hand them over.
pub(super) fn start(site: Site, plan: &Plan) -> Result<Option<Delivery>> {
    if plan.parent.is_some() || site.host.ssh_key.is_some() {
        return Ok(None);
    }
    let scratch = Scratch::below(&conf::cache_dir()?.join("packs"))?;
    let (repo, target) = (site.repo.clone(), plan.target.clone());
    let objects = site.host.objects.value;
    let pack = move |stop: &_| {
        let folder = scratch.folder("view")?;
        let branch = target.on_branch();
        // Its files are open: the folder is not needed any more.
        Parcel::prepare(&repo, &target.commit, branch, objects, &folder, stop)
    };
    Ok(Some(Delivery::start(site.repo.size()?, pack)))
}

/// Why the build could not be given them, when that is why it failed.
pub(super) fn failure(delivery: &Delivery) -> Option<anyhow::Error> {
    let failure = delivery.failure()?;
    Some(failure.context("cannot hand the objects over to the build"))
}

/// Says how the next create could be faster.
pub(super) fn advise(site: Site, delivery: &Delivery) {
    let (repo, objects) = (site.repo, site.host.objects.value);
    let took = delivery.took().unwrap_or_default();
    if objects == Objects::Exact && took > SLOW && !repo.has_bitmap().unwrap_or(true) {
        ui::status(
            "slow",
            &format!(
                "packing the history took {}; a fraction of that after: {}",
                ui::seconds(took),
                repo.bitmap_command()
            ),
        );
    }
}
