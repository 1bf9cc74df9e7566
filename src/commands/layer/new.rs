//! `git dkr layer new`

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::args::conf_of;
use crate::conf::is_layer_name;
use crate::error::Failure;
use crate::fs::write_with_mode;
use crate::git::Repo;
use crate::image::settings::sources;
use crate::layers::catalog::{LayerSettings, PREFIX};
use crate::layers::env::OWN;
use crate::layers::sources::IN_REPOSITORY;
use crate::ui::Printer;

const TOML: &str = include_str!("../../../templates/new-layer/layer.toml");
const DOCKERFILE: &str = include_str!("../../../templates/new-layer/Dockerfile");
const ENV: &str = include_str!("../../../templates/new-layer/env.sh");
/// What that Dockerfile stands on.
const BASE: &str = "alpine:3.20";

/// Make the directory of a new layer, to begin with
///
/// It goes to .dkr/layers of the repository, and stands on the base image that .dkr.conf names.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The layer's name
    name: String,
    /// The directory to make it in, instead of .dkr/layers
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

impl New {
    /// Runs it; the exit code.
    pub(super) fn run(&self, printer: Printer) -> Result<u8> {
        let name = &self.name;
        if !is_layer_name(name) {
            bail!(
                Failure::new(format!("`{name}` cannot be the name of a layer"))
                    .hint("lower-case letters, digits and `-`, as it is part of an image's name")
            );
        }
        let (repo, parent) = match &self.dir {
            Some(directory) => (Repo::look(None).ok(), directory.clone()),
            None => {
                let Ok(repo) = Repo::look(None) else {
                    let message = "there is no repository here to make a layer in";
                    bail!(Failure::new(message).hint("--dir DIRECTORY makes it elsewhere"));
                };
                let directory = repo.path.join(IN_REPOSITORY);
                (Some(repo), directory)
            }
        };
        let directory = parent.join(name);
        if directory.exists() {
            bail!(
                Failure::new(format!("{} is there already", directory.display()))
                    .hint("take another name, or remove it first")
            );
        }
        let settings = LayerSettings::of(&conf_of(repo.as_ref(), &sources(repo.as_ref())?)?);
        let dockerfile = match &settings.base {
            Some(base) => DOCKERFILE.replace(BASE, base),
            None => DOCKERFILE.to_owned(),
        };
        let files = [
            ("layer.toml", TOML.replace("NAME", name)),
            ("Dockerfile", dockerfile),
            (
                OWN,
                ENV.replace("NAME", name).replace(PREFIX, &settings.prefix),
            ),
        ];
        for (file, text) in files {
            let path = directory.join(file);
            write_with_mode(&path, text.as_bytes(), 0o644)?;
            printer.status("wrote", &path.display().to_string());
        }
        printer.status(
            "next",
            &format!("git dkr layer build {name}, then git dkr layer test {name}"),
        );
        Ok(0)
    }
}
