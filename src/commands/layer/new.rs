//! `git dkr layer new`

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::conf::is_layer_name;
use crate::error::Failure;
use crate::fs::write_whole;
use crate::git::Repo;
use crate::layers::places::IN_REPOSITORY;
use crate::ui;

const TOML: &str = include_str!("../../../templates/new-layer/layer.toml");
const DOCKERFILE: &str = include_str!("../../../templates/new-layer/Dockerfile");

/// Make the folder of a new layer, to begin with
///
/// It goes to .dkr/layers of the repository.
#[derive(Debug, Args)]
pub struct New {
    /// The layer's name
    name: String,
    /// The folder to make it in, instead of .dkr/layers
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl New {
    /// Runs it; the exit code.
    pub fn run(&self) -> Result<u8> {
        let name = &self.name;
        if !is_layer_name(name) {
            bail!(
                Failure::new(format!("`{name}` cannot be the name of a layer"))
                    .hint("lower-case letters, digits and `-`, as it is part of an image's name")
            );
        }
        let parent = match &self.dir {
            Some(folder) => folder.clone(),
            None => Repo::find(None)?.path.join(IN_REPOSITORY),
        };
        let folder = parent.join(name);
        if folder.exists() {
            bail!(
                Failure::new(format!("{} is there already", folder.display()))
                    .hint("take another name, or remove it first")
            );
        }
        let toml = TOML.replace("NAME", name);
        write_whole(&folder.join("layer.toml"), toml.as_bytes())?;
        write_whole(&folder.join("Dockerfile"), DOCKERFILE.as_bytes())?;
        ui::status("wrote", &format!("{}/layer.toml", folder.display()));
        ui::status("wrote", &format!("{}/Dockerfile", folder.display()));
        ui::status(
            "next",
            &format!("git dkr layer build {name}, then git dkr layer test {name}"),
        );
        Ok(0)
    }
}
