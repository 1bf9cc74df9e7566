//! What `create-image` and `update-image` share: all but what is built.

use anyhow::{Context, Result};
use clap::Args;

use super::planning::PlanArgs;
use super::{EngineArgs, Format, HostArgs, Place, print_image};
use crate::conf::Sources;
use crate::git::Repo;
use crate::image::plan::{Reuse, Site, Step};
use crate::image::reach::Way;
use crate::image::settings::sources;
use crate::image::target::{self, Fetch};
use crate::image::{Image, Target};

/// The arguments of a build.
#[derive(Debug, Args)]
pub struct Building {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    plan: PlanArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Building {
    /// Runs the build that `plan` plans and `act` does; the exit code. `failure` begins the
    /// sentence that tells of a failure; `flags` puts the command's own over the settings.
    pub(super) fn run(
        &self,
        failure: &str,
        reuse: Reuse,
        flags: impl Fn(Sources) -> Sources,
        plan: impl Fn(Site, Target) -> Result<Step>,
        act: impl Fn(Site, Target) -> Result<Image>,
    ) -> Result<u8> {
        let (_, branch_from) = self.place.split();
        let what = branch_from.unwrap_or("HEAD");
        self.build(reuse, flags, plan, act)
            .with_context(|| format!("{failure} {what}"))?;
        Ok(0)
    }

    fn build(
        &self,
        reuse: Reuse,
        flags: impl Fn(Sources) -> Sources,
        plan: impl Fn(Site, Target) -> Result<Step>,
        act: impl Fn(Site, Target) -> Result<Image>,
    ) -> Result<()> {
        let (path, branch_from) = self.place.split();
        let repo = Repo::find(path)?;
        let sources = flags(sources(Some(&repo))?);
        let host = self.host.read(&sources)?;
        Way::check(&host)?;
        let engine = self.engine.find(&sources)?;
        let site = Site {
            repo: &repo,
            engine: &engine,
            host: &host,
            sources: &sources,
            reuse,
        };
        if self.plan.only_looks() {
            let target = target::resolve(&repo, branch_from, Fetch::No)?;
            return self.plan.look(site, target, plan, self.format);
        }
        let target = target::resolve(&repo, branch_from, Fetch::Yes)?;
        print_image(&act(site, target)?, self.format)
    }
}
