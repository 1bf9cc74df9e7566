//! What a build is given packed and indexed, while the engine installs packages: an image of its own
//! the objects of the commit, instead of a clone; any image what comes beside these.

use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;

use super::plan::{Plan, Site};
use crate::conf::{self, Filter};
use crate::fs::Scratch;
use crate::git::{Extras, Objects, Parcel};
use crate::proc::Stop;
use crate::ssh::Delivery;
use crate::ui;

/// Packing a history that takes longer is worth a word.
const SLOW: Duration = Duration::from_secs(5);

/// Begins to pack them, where the embedded server is there to hand them over.
pub(super) fn start(site: Site, plan: &Plan, extras: Extras) -> Result<Option<Delivery>> {
    let replaces = replaces_clone(site, plan);
    if !replaces && !extras.any() {
        return Ok(None);
    }
    let scratch = Scratch::below(&conf::cache_folder("packs")?)?;
    let (repo, target) = (site.repo.clone(), plan.target.clone());
    let objects = site.host.objects.value;
    let pack = move |stop: &Stop, hand: &dyn Fn(Parcel)| {
        let beside = scratch.folder("beside")?;
        if !replaces {
            hand(Parcel::of_extras(&repo, extras, &beside, stop)?);
            return Ok(());
        }
        let folder = scratch.folder("view")?;
        let branch = target.on_branch();
        let mut parcel = Parcel::prepare(&repo, &target.commit, branch, objects, &folder, stop)?;
        let maker = parcel.maker();
        // Its files are open: the folders are needed for what is still made alone.
        hand(parcel.with(&repo, extras, &beside, stop)?);
        drop(maker.map(JoinHandle::join));
        Ok(())
    };
    Ok(Some(Delivery::start(site.repo.size()?, pack)))
}

/// Whether a build is given all objects of its commit. What is left out of a partial clone, git
/// knows best.
pub(super) fn replaces_clone(site: Site, plan: &Plan) -> bool {
    let whole = plan.conf.filter.value == Filter::None;
    plan.parent.is_none() && site.host.ssh_key.is_none() && whole
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
