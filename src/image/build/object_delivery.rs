//! What a build is given packed and indexed, while the engine starts or installs packages: the objects of
//! the commit, instead of a clone or a fetch, and what comes beside these.

use std::time::Duration;

use anyhow::Result;

use crate::conf::{self, Filter};
use crate::fs::TempDir;
use crate::git::{Extras, ObjectBundle, ObjectId, Objects, TagSelection};
use crate::image::context::BuildContext;
use crate::image::model::labels::ImageKind;
use crate::image::plan::BuildPlan;
use crate::proc::CancelToken;
use crate::ssh::ObjectTransfer;
use crate::ui;

/// Packing a history that takes longer is worth a word.
const SLOW: Duration = Duration::from_secs(5);

/// What a build is given of the repository's own objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ObjectDelivery {
    /// All of its commit.
    All,
    /// What its commit has and this one, of the image below, has not.
    Since(ObjectId),
    /// None: git clones or fetches.
    Nothing,
}

impl ObjectDelivery {
    /// What this build can be given. What is left out of a partial clone, and what lies before the end of
    /// a history that is cut off, git knows best.
    pub(super) fn of(context: BuildContext, plan: &BuildPlan) -> Result<Self> {
        if context.host.ssh_key.is_some() || plan.conf.filter.value != Filter::None {
            return Ok(Self::Nothing);
        }
        let Some((parent, _)) = plan.foundation.parent() else {
            return Ok(Self::All);
        };
        let below = parent.labels.commit.clone();
        let there = || -> Result<bool> {
            Ok(context.repo.commits(&[below.as_str()])? == [Some(below.clone())])
        };
        let knows = !context.repo.shallow && !context.repo.is_partial()? && there()?;
        Ok(if knows {
            Self::Since(below)
        } else {
            Self::Nothing
        })
    }
}

/// Begins to pack them, where the embedded server is there to hand them over.
pub(super) fn start(
    context: BuildContext,
    plan: &BuildPlan,
    given: &ObjectDelivery,
    extras: Extras,
) -> Result<Option<ObjectTransfer>> {
    if *given == ObjectDelivery::Nothing && !extras.any() {
        return Ok(None);
    }
    let scratch = TempDir::below(&conf::cache_directory("packs")?)?;
    let (repo, target, given) = (context.repo.clone(), plan.target.clone(), given.clone());
    let objects = plan.objects;
    let tags = match plan.foundation.kind() {
        ImageKind::Base => TagSelection::Merged,
        ImageKind::Update => TagSelection::Followed,
    };
    let pack = move |stop: &CancelToken| {
        let beside = scratch.directory("beside")?;
        let directory = scratch.directory("view")?;
        let commit = &target.commit;
        let bundle = match &given {
            ObjectDelivery::All => {
                ObjectBundle::prepare(&repo, commit, target.on_branch(), objects, &directory, stop)?
            }
            ObjectDelivery::Since(below) => {
                ObjectBundle::since(&repo, below, commit, tags, &directory, stop)?
            }
            ObjectDelivery::Nothing => {
                ObjectBundle::of_extras(&repo, Extras::default(), &directory, stop)?
            }
        };
        // Its files are open: the directories are not needed any more.
        bundle.with(&repo, extras, &beside, stop)
    };
    Ok(Some(ObjectTransfer::start(context.repo.size()?, pack)))
}

/// Why the build could not be given them, when that is why it failed.
pub(super) fn failure(delivery: &ObjectTransfer) -> Option<anyhow::Error> {
    let failure = delivery.failure()?;
    Some(failure.context("cannot send the objects to the build"))
}

/// Says how the next create could be faster.
pub(super) fn advise(context: BuildContext, objects: Objects, delivery: &ObjectTransfer) {
    let repo = context.repo;
    let took = delivery.took().unwrap_or_default();
    if objects == Objects::Exact && took > SLOW && !repo.has_bitmap().unwrap_or(true) {
        context.printer.status(
            "slow",
            &format!(
                "packing the history took {}; it takes a fraction of that after: {}",
                ui::seconds(took),
                repo.bitmap_command()
            ),
        );
    }
}
