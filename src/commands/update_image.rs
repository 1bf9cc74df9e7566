//! `git dkr update-image`

use anyhow::{Context, Result};
use clap::Args;

use super::{Format, HostArgs, Place, PlanArgs, print_image};
use crate::engine::Docker;
use crate::git::Repo;
use crate::image::bake;
use crate::image::plan::{Site, Step, plan_update};
use crate::image::settings::sources;
use crate::image::target::{self, Fetch};
use crate::ui;

/// Take an image to the present commit of its branch, by one thin layer
///
/// Only files that git changed are touched, so a warm build in /workspace stays warm. Works after
/// a force-push too. Without REPO it is the repository one stands in, without BRANCH_FROM its HEAD.
#[derive(Debug, Args)]
pub struct UpdateImage {
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

impl UpdateImage {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let (path, branch_from) = self.place.split();
        let what = branch_from.unwrap_or("HEAD");
        self.update(path, branch_from)
            .with_context(|| format!("cannot update the image of {what}"))
    }

    fn update(&self, path: Option<&std::path::Path>, branch_from: Option<&str>) -> Result<u8> {
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
            match plan_update(site, target)? {
                Step::Bake(plan) => self.plan.show(&plan)?,
                Step::Nothing(image) => ui::result(format_args!("{} is up to date", image.tag))?,
            }
            return Ok(0);
        }
        let target = target::resolve(&repo, branch_from, Fetch::Yes)?;
        let image = bake::update(site, target)?;
        print_image(&image, self.format)?;
        Ok(0)
    }
}
