//! `git dkr list-images`

use anyhow::{Context, Result};
use clap::Args;

use super::{EngineArgs, ImageRow, OutputFormat, RepoArgs};
use crate::engine::Engine;
use crate::error::Failure;
use crate::git::Repo;
use crate::image::Image;
use crate::image::build::record_build;
use crate::image::query::inventory::Inventory;
use crate::image::query::target::{self, FetchMode};
use crate::image::query::tracking::track_all;
use crate::ui::{self, Printer};

/// List the images that git dkr built, newest first
///
/// All of them by default; those of one repository or branch when it is given.
#[derive(Debug, Args)]
pub(crate) struct ListImages {
    #[command(flatten)]
    place: RepoArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl ListImages {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let (engine, images) = self.images(printer).context("cannot list the images")?;
        let states = track_all(
            &images,
            |repo| {
                record_build::write_missing_records(repo, &engine, &images, None);
            },
            printer,
        );
        if self.format == OutputFormat::Json {
            let rows: Vec<ImageRow> = images
                .iter()
                .zip(&states)
                .map(|(image, state)| ImageRow::new(image, Some(state)))
                .collect();
            ui::result(serde_json::to_string_pretty(&rows)?)?;
            return Ok(0);
        }
        if images.is_empty() {
            printer.status("none", "no such image yet; git dkr create-image makes one");
            return Ok(0);
        }
        let rows = images
            .iter()
            .zip(states)
            .map(|(image, state)| {
                let labels = &image.labels;
                let id = image.id.trim_start_matches("sha256:");
                vec![
                    image.tag.clone(),
                    labels.repo_name.clone(),
                    if labels.branch_from == labels.commit.as_str() {
                        "(a commit)".to_owned()
                    } else {
                        labels.branch_from.clone()
                    },
                    labels.commit.short().to_owned(),
                    labels.created_at.strftime("%Y-%m-%d %H:%M").to_string(),
                    labels.kind.name().to_owned(),
                    id.get(..12).unwrap_or(id).to_owned(),
                    ui::bytes(image.size),
                    state.short(),
                ]
            })
            .collect();
        let header = [
            "tag", "repo", "branch", "commit", "created", "type", "image id", "size", "state",
        ];
        ui::result(ui::table(&header, rows))?;
        Ok(0)
    }

    fn images(&self, printer: Printer) -> Result<(Engine, Vec<Image>)> {
        let (path, branch_from) = self.place.split();
        let engine = self.engine.find_at(path, printer)?;
        let inventory = Inventory::list(&engine)?;
        let repo = match path.is_some() || branch_from.is_some() {
            true => Some(Repo::look(path)?),
            false => None,
        };
        inventory.warn(&engine, repo.as_ref().map(|repo| &*repo.path), printer);
        let mut images = inventory.images;
        if let Some(repo) = repo {
            images.retain(|image| image.labels.repo_path == repo.path);
            if let Some(typed) = branch_from {
                // A branch that is gone may still have an image.
                let target = target::resolve(&repo, Some(typed), FetchMode::No);
                let branch = target.as_ref().ok().map(|target| target.branch.as_str());
                images.retain(|image| image.answers_to(typed, branch));
                match target {
                    // The list is empty all the same, as that of a branch without an image is; a name
                    // that was mistyped is worth a word.
                    Err(error) if images.is_empty() => printer.warn(error.downcast::<Failure>()?),
                    _ => {}
                }
            }
        }
        Ok((engine, images))
    }
}
