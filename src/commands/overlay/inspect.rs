//! `git dkr overlay inspect`

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::args::{ContainerfileArgs, OverlayArgs, OverlayContext};
use crate::commands::OutputFormat;
use crate::overlay::inspect::{Summary, paths, summary};
use crate::overlay::parts::OverlayPart;
use crate::overlay::restore::read_manifest;
use crate::overlay::snapshot::SnapshotManifest;
use crate::ui::{self, Printer};

/// Show what is in a Containerfile's snapshot, and what is in none
#[derive(Debug, Args)]
pub(super) struct Inspect {
    #[command(flatten)]
    files: ContainerfileArgs,
    #[command(flatten)]
    place: OverlayArgs,
    /// List every path that the snapshot holds or removes
    #[arg(long)]
    paths: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// A snapshot that is in a cache.
struct CachedSnapshot {
    from: String,
    size: u64,
    manifest: SnapshotManifest,
}

impl Inspect {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let parts = self.files.read(printer)?;
        let workplace = self.place.open(printer)?;
        let mut rows = Vec::new();
        for part in &parts {
            let seen = see(part, &workplace)?;
            match self.format {
                OutputFormat::Json => rows.push(self.row(part, seen.as_ref())),
                OutputFormat::Text => self.print(part, seen.as_ref())?,
            }
        }
        let left_out = workplace.overlay.left_out.lines();
        match self.format {
            OutputFormat::Json => {
                let all = json!({"snapshots": rows, "left_out": left_out});
                ui::result(serde_json::to_string_pretty(&all)?)?;
            }
            OutputFormat::Text => {
                ui::result("in no snapshot")?;
                for line in left_out {
                    ui::result(format_args!("  {line}"))?;
                }
            }
        }
        Ok(0)
    }

    fn row(&self, part: &OverlayPart, seen: Option<&CachedSnapshot>) -> Value {
        let mut row = json!({"file": part.file, "key": part.key, "tag": part.tag});
        if let Some(seen) = seen {
            let about = &seen.manifest.about;
            row["cache"] = json!(seen.from);
            row["archive_bytes"] = json!(seen.size);
            row["holds"] = json!(summary(&seen.manifest));
            row["arch"] = json!(about.arch);
            row["os"] = json!(about.os);
            row["env"] = json!(about.env);
            if self.paths {
                row["paths"] = json!(paths(&seen.manifest));
            }
        }
        row
    }

    fn print(&self, part: &OverlayPart, seen: Option<&CachedSnapshot>) -> Result<()> {
        ui::result(format_args!("{}  {}", part.file, part.tag))?;
        let line = |name: &str, text: String| ui::result(format_args!("  {name:<8} {text}"));
        let Some(seen) = seen else {
            return line(
                "cache",
                "not in any cache; git dkr overlay build makes it".to_owned(),
            );
        };
        let about = &seen.manifest.about;
        let sum = summary(&seen.manifest);
        line("cache", format!("{}, {}", seen.from, ui::bytes(seen.size)))?;
        line("holds", counts(&sum))?;
        line("made on", format!("{} {}", about.os, about.arch))?;
        for (name, value) in &about.env {
            line("sets", format!("{name}=\"{value}\""))?;
        }
        for (path, size) in &sum.largest {
            line("largest", format!("{:>9}  {path}", ui::bytes(*size)))?;
        }
        if self.paths {
            for path in paths(&seen.manifest) {
                ui::result(format_args!("  {path}"))?;
            }
        }
        Ok(())
    }
}

fn counts(sum: &Summary) -> String {
    let Summary {
        files,
        directories,
        links,
        removed,
        ..
    } = sum;
    let bytes = ui::bytes(sum.bytes);
    format!(
        "{files} files ({bytes}), {directories} directories, {links} links; removes {removed} paths"
    )
}

/// Reads the manifest out of whichever cache has it.
fn see(part: &OverlayPart, workplace: &OverlayContext) -> Result<Option<CachedSnapshot>> {
    let Some((cache, index)) = workplace.caches.find(&part.tag)? else {
        return Ok(None);
    };
    let archive = cache.archive(&index, workplace.caches.printer)?;
    Ok(Some(CachedSnapshot {
        from: cache.to_string(),
        size: index.size,
        manifest: read_manifest(archive.path())?,
    }))
}
