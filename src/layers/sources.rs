//! Where layers are looked for: directories that the user names, the repository, the user's own
//! directory, this binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};

use super::catalog::{LayerCatalog, LayerSettings, LayerSource};
use super::definition;
use super::files::{self, LayerFile, LayerFiles};
use super::layer::LayerOrigin;
use super::npm_agents;
use crate::conf;
use crate::error::Failure;
use crate::git::{ObjectId, Repo};

/// Where a repository keeps its layers.
pub const IN_REPOSITORY: &str = ".dkr/layers";

/// The layers that come with git dkr, a directory each, and the scripts that all of them use.
static BUILT_IN: Dir = include_dir!("$CARGO_MANIFEST_DIR/templates/layers");
/// The script that images of repositories use too.
const INSTALL_PACKAGES: &str = include_str!("../../templates/install-packages");

/// What of a repository is read.
#[derive(Debug, Clone, Copy)]
pub enum RepositoryFiles<'a> {
    /// Its worktree, as somebody works on layers there.
    Worktree(&'a Repo),
    /// A commit.
    Commit(&'a Repo, &'a ObjectId),
    /// There is none.
    Nowhere,
}

/// Gathers the layers of all places, directories that the user named first.
pub fn gather(
    directories: &[PathBuf],
    from: RepositoryFiles,
    settings: &LayerSettings,
) -> Result<LayerCatalog> {
    let mut places = Vec::new();
    for directory in directories {
        if !directory.is_dir() {
            let message = format!("there is no directory {}", directory.display());
            return Err(Failure::new(message).into());
        }
        places.push(on_disk(
            LayerOrigin::Named,
            directory,
            &directory.to_string_lossy(),
        )?);
    }
    match from {
        RepositoryFiles::Worktree(repo) => {
            let directory = repo.path.join(IN_REPOSITORY);
            places.push(on_disk(LayerOrigin::Repository, &directory, IN_REPOSITORY)?);
        }
        RepositoryFiles::Commit(repo, commit) => {
            let check = |path: &str, size| {
                files::check_size(&format!("{IN_REPOSITORY}/{path}"), size)?;
                Ok(())
            };
            let files = files::of_tree(repo.directory_at(commit, IN_REPOSITORY, &check)?);
            places.push(LayerSource {
                origin: LayerOrigin::Repository,
                shown: IN_REPOSITORY.to_owned(),
                directories: by_directory(files),
            });
        }
        RepositoryFiles::Nowhere => {}
    }
    if let Some(directory) = conf::layers_dir() {
        places.push(on_disk(
            LayerOrigin::User,
            &directory,
            &directory.to_string_lossy(),
        )?);
    }
    places.push(built_in()?);
    Ok(LayerCatalog::read(places, settings)?)
}

/// The directories in a directory; none when it is not there.
fn on_disk(origin: LayerOrigin, directory: &Path, shown: &str) -> Result<LayerSource> {
    let mut directories = BTreeMap::new();
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    for entry in entries.with_context(|| format!("cannot read the directory {shown}"))? {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // Other directories may lie there for reasons of their own.
        if path.join(definition::FILE).is_file() {
            directories.insert(name, files::read_directory(&path)?);
        }
    }
    Ok(LayerSource {
        origin,
        shown: shown.trim_end_matches('/').to_owned(),
        directories,
    })
}

/// Splits paths at their first directory.
fn by_directory(files: LayerFiles) -> BTreeMap<String, LayerFiles> {
    let mut directories: BTreeMap<String, LayerFiles> = BTreeMap::new();
    for (path, file) in files {
        if let Some((directory, name)) = path.split_once('/') {
            let directory = directories.entry(directory.to_owned()).or_default();
            directory.insert(name.to_owned(), file);
        }
    }
    directories.retain(|_, files| files.contains_key(definition::FILE));
    directories
}

fn built_in() -> Result<LayerSource> {
    let mut shared = LayerFiles::new();
    shared.insert(
        "install-packages".to_owned(),
        script(INSTALL_PACKAGES.as_bytes()),
    );
    shared.extend(plain_files(&BUILT_IN));
    let mut directories = BTreeMap::new();
    for directory in BUILT_IN.dirs() {
        let mut files = shared.clone();
        files.extend(plain_files(directory));
        directories.insert(directory.path().to_string_lossy().into_owned(), files);
    }
    for (layer, texts) in npm_agents::layers()? {
        let mut files = shared.clone();
        let file = |(name, text): (&str, String)| (name.to_owned(), script(text.as_bytes()));
        files.extend(texts.map(file));
        directories.insert(layer, files);
    }
    Ok(LayerSource {
        origin: LayerOrigin::BuiltIn,
        shown: "git dkr".to_owned(),
        directories,
    })
}

/// The files right in a directory. What begins with `#!` is a script.
fn plain_files(directory: &Dir<'static>) -> LayerFiles {
    let file = |file: &include_dir::File<'static>| {
        let name = file.path().file_name()?.to_str()?.to_owned();
        Some((name, script(file.contents())))
    };
    directory.files().filter_map(file).collect()
}

fn script(bytes: &[u8]) -> LayerFile {
    LayerFile::Plain(bytes.to_vec(), bytes.starts_with(b"#!"))
}
