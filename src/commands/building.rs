//! What `create-image` and `update-image` share: all but what is built.

use anyhow::{Context, Result};
use clap::Args;

use super::planning::PlanArgs;
use super::{EngineArgs, HostArgs, OutputFormat, RepoArgs, print_image};
use crate::conf::Sources;
use crate::git::Repo;
use crate::image::plan::{BuildAction, BuildContext, Reuse};
use crate::image::settings::sources;
use crate::image::target::{self, FetchMode};
use crate::image::transport::Transport;
use crate::image::{Image, Target};

/// The arguments of a build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    place: RepoArgs,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    plan: PlanArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl BuildArgs {
    /// Runs the build that `plan` plans and `act` does; the exit code. `failure` begins the
    /// sentence that tells of a failure; `flags` puts the command's own over the settings.
    pub(super) fn run(
        &self,
        failure: &str,
        reuse: Reuse,
        flags: impl Fn(Sources) -> Sources,
        plan: impl Fn(BuildContext, Target) -> Result<BuildAction>,
        act: impl Fn(BuildContext, Target) -> Result<Image>,
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
        plan: impl Fn(BuildContext, Target) -> Result<BuildAction>,
        act: impl Fn(BuildContext, Target) -> Result<Image>,
    ) -> Result<()> {
        let (path, branch_from) = self.place.split();
        let repo = Repo::find(path)?;
        let sources = flags(sources(Some(&repo))?);
        let host = self.host.read(&sources)?;
        Transport::check(&host)?;
        let engine = self.engine.find(&sources)?;
        let context = BuildContext {
            repo: &repo,
            engine: &engine,
            host: &host,
            sources: &sources,
            reuse,
        };
        if self.plan.only_looks() {
            let target = target::resolve(&repo, branch_from, FetchMode::No)?;
            return self.plan.look(context, target, plan, self.format);
        }
        let target = target::resolve(&repo, branch_from, FetchMode::Yes)?;
        print_image(&act(context, target)?, self.format)
    }
}
