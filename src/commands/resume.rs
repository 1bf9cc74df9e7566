//! `git dkr resume`

use std::ffi::OsString;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::container_args::ContainerArgs;
use super::named_container::NamedContainer;
use super::{HostArgs, start_image};
use crate::container::{ContainerEnd, Keeping, ResumedWork, await_keeper, is_at_work};
use crate::error::Failure;
use crate::image::start::StartRequest;
use crate::image::start::select_image::select;
use crate::ui::{self, Printer};

/// Go on with saved work, in a new container
///
/// Started from the nearest image, with the branches, commits and stashes that are saved, and with what was
/// not committed, staged or not, as it was. It has the old container's name, and so pushes to where that one
/// did.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    container: NamedContainer,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    settings: ContainerArgs,
    /// Leave it running and print its name
    #[arg(short, long)]
    detach: bool,
    /// The command to run; tmux on a terminal, and a shell elsewhere, when absent
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Resume {
    /// Runs it; the exit code is the command's.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        self.resume(printer)
            .with_context(|| format!("cannot resume {}", self.container.name))
    }

    fn resume(&self, printer: Printer) -> Result<u8> {
        let (repo, engine, mut container) = self.container.saved(printer)?;
        let name = container.name.clone();
        if container.live.is_none() {
            // Whoever kept it removes what there is under its name, and notes what it was.
            await_keeper(&repo, &name)?;
            container = self.container.saved(printer)?.2;
        }
        if container.live.is_some() {
            if is_at_work(&engine, &repo, &name) {
                bail!(
                    Failure::new(format!("{name} is running"))
                        .hint(format!("git dkr attach {name}"))
                );
            }
            Keeping::ensure(&engine, &repo, &name)?;
            if !ContainerEnd::of(&engine, &repo, &name, printer).tell_of_other()? {
                return Ok(1);
            }
        }
        let resumed = ResumedWork::of(&repo, &name)?;
        container.base(&repo)?;
        let flags = self.settings.flags();
        let choice = select(
            &engine,
            Some(&repo.path),
            container.branch_from(),
            &flags,
            printer,
        )?;
        let host = self.host.read(&choice.sources)?;
        let start = start_image::start(&engine, &choice, &host, printer);
        let request = start.complete(StartRequest {
            name: container.work_branch().map(str::to_owned),
            hostname: Some(name.clone()),
            terminal: start_image::wants_terminal(self.detach, !self.command.is_empty()),
            stays: true,
            detached: self.detach,
            resumed,
            command: self.command.clone(),
            ..StartRequest::default()
        })?;
        let code = start.run(&request)?;
        if self.detach {
            ui::result(&name)?;
        }
        Ok(u8::try_from(code).unwrap_or(1))
    }
}
