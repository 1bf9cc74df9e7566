//! `git dkr audit`

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use super::{EngineArgs, OutputFormat};
use crate::audit::{self, ImageAudit, LeakedSecret, SecretLocation};
use crate::error::Failure;
use crate::git::Repo;
use crate::image::query::find_image::{find_image, newest};
use crate::image::query::inventory::Inventory;
use crate::image::settings::sources;
use crate::ui::{self, Printer};

/// Look through an image for keys and tokens
///
/// Through the files of all its layers, also those that a later layer removed, its history, environment
/// and labels. Whoever gets the image gets all of that. Keys of known formats are found; a password like
/// any other word is not. Exits with 1 when something was found.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// An image (any that the engine has) or a branch; the newest image of this repository by default
    #[arg(value_name = "IMAGE|BRANCH")]
    image: Option<String>,
    #[command(flatten)]
    engine: EngineArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// The answer as programs read it.
#[derive(Debug, Serialize)]
struct AuditReport<'a> {
    image: &'a str,
    id: &'a str,
    #[serde(flatten)]
    outcome: &'a ImageAudit,
}

impl Audit {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let repo = Repo::look(None);
        let engine = self.engine.find(&sources(repo.as_ref().ok())?, printer)?;
        // No image's name begins like an option.
        let asked = self.image.as_deref().filter(|name| !name.starts_with('-'));
        let asked = asked.map(|name| engine.inspect_one(name)).transpose()?;
        let (name, found) = match (&self.image, asked.flatten()) {
            (Some(name), Some(found)) => (name.clone(), found),
            (image, _) => {
                let (images, repo) = (Inventory::list(&engine)?.images, repo?);
                let image = match image {
                    Some(name) => find_image(&images, &repo, name)?,
                    None => newest(&images, &repo)?,
                };
                let name = image.tag.clone();
                let Some(found) = engine.inspect_one(&name)? else {
                    bail!(Failure::new(format!("{name} was removed meanwhile")).hint("try again"));
                };
                (name, found)
            }
        };
        let outcome =
            audit::audit(&engine, &found, &name, printer).context("cannot audit the image")?;
        if self.format == OutputFormat::Json {
            let answer = AuditReport {
                image: &name,
                id: &found.id,
                outcome: &outcome,
            };
            ui::result(serde_json::to_string_pretty(&answer)?)?;
        } else {
            print(&name, &outcome, printer)?;
        }
        Ok(u8::from(!outcome.findings.is_empty()))
    }
}

fn print(name: &str, outcome: &ImageAudit, printer: Printer) -> Result<()> {
    let layers = outcome.layers;
    if outcome.findings.is_empty() {
        let text = format!(
            "{name}: no known key or token in {layers} layers, history, environment and labels"
        );
        printer.status("clean", &text);
        return Ok(());
    }
    let row = |finding: &LeakedSecret| {
        vec![
            location(&finding.location, layers),
            finding.rule.to_owned(),
            finding.shown.clone(),
        ]
    };
    let rows = outcome.findings.iter().map(row).collect();
    ui::result(ui::table(&["where", "rule", "found"], rows))?;
    printer.status(
        "hint",
        "revoke them, as whoever has the image has them; a build gets keys as secrets, a container by start-image",
    );
    Ok(())
}

fn location(location: &SecretLocation, layers: usize) -> String {
    match location {
        SecretLocation::Environment { name } => format!("variable {}", plain(name)),
        SecretLocation::Label { name } => format!("label {}", plain(name)),
        SecretLocation::Command => "command".to_owned(),
        SecretLocation::History { step } => format!("history, step {step}"),
        SecretLocation::File {
            layer,
            path,
            removed,
        } => {
            let removed = if *removed {
                ", removed by a later one"
            } else {
                ""
            };
            format!("{} (layer {layer} of {layers}{removed})", plain(path))
        }
    }
}

/// Names in an image are anybody's: they must not speak to the terminal.
fn plain(name: &str) -> String {
    if name.contains(char::is_control) {
        name.escape_debug().to_string()
    } else {
        name.to_owned()
    }
}
