//! What `create-image` and `update-image` share: all but what is built.

use anyhow::{Context, Result};
use clap::Args;

use super::planning::PlanArgs;
use super::{EngineArgs, HostArgs, OutputFormat, RepoArgs, print_image};
use crate::git::Repo;
use crate::image::build;
use crate::image::context::BuildContext;
use crate::image::plan::BuildRequest;
use crate::image::query::target::{self, FetchMode};
use crate::image::settings::sources;
use crate::image::transport::Transport;
use crate::ui::Printer;

/// A flag that makes a setting.
#[derive(Debug)]
pub(super) struct Flag {
    setting: &'static str,
    value: String,
    /// As it is typed.
    name: &'static str,
}

impl Flag {
    pub(super) fn new(setting: &'static str, value: impl Into<String>, name: &'static str) -> Self {
        let value = value.into();
        Self {
            setting,
            value,
            name,
        }
    }
}

/// The arguments of a build.
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
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
    /// Builds what is requested, under settings by these flags; the exit code.
    pub(super) fn run(
        &self,
        request: BuildRequest,
        flags: Vec<Flag>,
        printer: Printer,
    ) -> Result<u8> {
        let (_, branch_from) = self.place.split();
        let what = branch_from.unwrap_or("HEAD");
        self.build(request, flags, printer)
            .with_context(|| match request {
                BuildRequest::Create { .. } => format!("cannot create an image of {what}"),
                BuildRequest::Update { .. } => format!("cannot update the image of {what}"),
            })?;
        Ok(0)
    }

    fn build(&self, request: BuildRequest, flags: Vec<Flag>, printer: Printer) -> Result<()> {
        let (path, branch_from) = self.place.split();
        let repo = Repo::find(path)?;
        let sources = flags
            .into_iter()
            .fold(sources(Some(&repo))?, |sources, flag| {
                sources.with_flag(flag.setting, flag.value, flag.name)
            });
        let host = self.host.read(&sources)?;
        Transport::check(&host)?;
        let engine = self.engine.find(&sources, printer)?;
        let context = BuildContext {
            repo: &repo,
            engine: &engine,
            host: &host,
            sources: &sources,
            printer,
        };
        if self.plan.only_looks() {
            let target = target::resolve(&repo, branch_from, FetchMode::No)?;
            return self.plan.look(context, target, request, self.format);
        }
        let target = target::resolve(&repo, branch_from, FetchMode::Yes(printer))?;
        print_image(&build::run(context, target, request)?, self.format)
    }
}
