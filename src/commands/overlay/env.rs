//! `git dkr overlay env`

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::args::ContainerfileArgs;
use crate::error::Failure;
use crate::overlay::environment::fish;
use crate::overlay::steps::{StepState, machine};
use crate::ui::{self, Printer};

/// Print what ENV sets, for a shell to read
///
/// To use it: eval "$(git dkr overlay env)", or in fish: git dkr overlay env --shell fish | source.
/// A login shell needs none of this: it reads etc/profile.d, where a build and a restore leave it.
#[derive(Debug, Args)]
pub(super) struct Env {
    #[command(flatten)]
    files: ContainerfileArgs,
    /// Who is to read it
    #[arg(long, value_enum, default_value_t)]
    shell: EnvFormat,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum EnvFormat {
    /// sh, bash, zsh and their like
    #[default]
    Sh,
    /// fish
    Fish,
    /// A program: an object of names and values
    Json,
}

impl Env {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let mut state = StepState::default();
        for part in self.files.read(printer)? {
            state.pass(&part.containerfile)?;
        }
        let environment = &state.environment;
        let values = || environment.values(&machine).map_err(Failure::new);
        let text = match self.shell {
            EnvFormat::Sh => environment.posix(),
            EnvFormat::Fish => fish(&values()?),
            EnvFormat::Json => {
                let object: serde_json::Map<_, _> = values()?
                    .into_iter()
                    .map(|(name, value)| (name, value.into()))
                    .collect();
                serde_json::to_string_pretty(&object)?
            }
        };
        if !text.is_empty() {
            ui::result(text.trim_end())?;
        }
        Ok(0)
    }
}
