//! `git dkr overlay key`

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::args::ContainerfileArgs;
use crate::commands::OutputFormat;
use crate::ui::{self, Printer};

/// Print the key of a Containerfile's snapshot
///
/// The SHA-256 of its bytes; of several, each also of the ones before it, in their order.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(flatten)]
    files: ContainerfileArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Key {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let parts = self.files.read(printer)?;
        match self.format {
            OutputFormat::Text => {
                for part in &parts {
                    ui::result(&part.key)?;
                }
            }
            OutputFormat::Json => {
                let row = |part: &crate::overlay::parts::OverlayPart| json!({"file": part.file, "key": part.key, "tag": part.tag});
                let rows: Vec<_> = parts.iter().map(row).collect();
                ui::result(serde_json::to_string_pretty(&rows)?)?;
            }
        }
        Ok(0)
    }
}
