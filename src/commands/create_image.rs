//! `git dkr create-image`

use anyhow::{Context, Result};
use clap::Args;

use super::{Format, HostArgs, Place, PlanArgs, print_image};
use crate::engine::Docker;
use crate::git::Repo;
use crate::image::bake;
use crate::image::plan::{Site, plan_create};
use crate::image::settings::sources;
use crate::image::target::{self, Fetch};

/// Bake a branch into an image
///
/// The image holds a full clone at /workspace, on that branch at its present commit, and what
/// .dkr.conf asks for. A branch of a remote (origin/main) is fetched first. Without REPO it is the
/// repository one stands in, without BRANCH_FROM its HEAD.
#[derive(Debug, Args)]
pub struct CreateImage {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    plan: PlanArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl CreateImage {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let (path, branch_from) = self.place.split();
        let what = branch_from.unwrap_or("HEAD");
        self.create(path, branch_from)
            .with_context(|| format!("cannot create an image of {what}"))
    }

    fn create(&self, path: Option<&std::path::Path>, branch_from: Option<&str>) -> Result<u8> {
        let repo = Repo::find(path)?;
        let sources = sources(Some(&repo))?;
        let host = self.host.read(&sources)?;
        let docker = Docker::for_builds()?;
        let site = Site {
            repo: &repo,
            docker: &docker,
            host: &host,
            sources: &sources,
        };
        if self.plan.only_looks() {
            let target = target::resolve(&repo, branch_from, Fetch::No)?;
            self.plan.show(&plan_create(site, target)?)?;
            return Ok(0);
        }
        let target = target::resolve(&repo, branch_from, Fetch::Yes)?;
        let _lock = bake::lock(&repo, &target.branch)?;
        let image = bake::bake(site, &plan_create(site, target)?)?;
        print_image(&image, self.format)?;
        Ok(0)
    }
}
