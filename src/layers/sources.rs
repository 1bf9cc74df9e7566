//! Where layers are looked for: folders that the user names, the repository, the user's own
//! folder, this binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};

use super::catalog::{LayerCatalog, LayerOrigin, LayerSettings, LayerSource};
use super::definition;
use super::files::{self, LayerFile, LayerFiles};
use crate::conf;
use crate::error::Failure;
use crate::git::{ObjectId, Repo};

/// Where a repository keeps its layers.
pub const IN_REPOSITORY: &str = ".dkr/layers";

/// The layers that come with git dkr, a folder each, and the scripts that all of them use.
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

/// Gathers the layers of all places, folders that the user named first.
pub fn gather(
    folders: &[PathBuf],
    from: RepositoryFiles,
    settings: &LayerSettings,
) -> Result<LayerCatalog> {
    let mut places = Vec::new();
    for folder in folders {
        if !folder.is_dir() {
            let message = format!("there is no folder {}", folder.display());
            return Err(Failure::new(message).into());
        }
        places.push(on_disk(
            LayerOrigin::Named,
            folder,
            &folder.to_string_lossy(),
        )?);
    }
    match from {
        RepositoryFiles::Worktree(repo) => {
            let folder = repo.path.join(IN_REPOSITORY);
            places.push(on_disk(LayerOrigin::Repository, &folder, IN_REPOSITORY)?);
        }
        RepositoryFiles::Commit(repo, commit) => {
            let check = |path: &str, size| {
                files::check_size(&format!("{IN_REPOSITORY}/{path}"), size)?;
                Ok(())
            };
            let files = files::of_tree(repo.folder_at(commit, IN_REPOSITORY, &check)?);
            places.push(LayerSource {
                origin: LayerOrigin::Repository,
                shown: IN_REPOSITORY.to_owned(),
                folders: by_folder(files),
            });
        }
        RepositoryFiles::Nowhere => {}
    }
    if let Some(folder) = conf::layers_dir() {
        places.push(on_disk(
            LayerOrigin::User,
            &folder,
            &folder.to_string_lossy(),
        )?);
    }
    places.push(built_in());
    Ok(LayerCatalog::read(places, settings)?)
}

/// The folders in a folder; none when it is not there.
fn on_disk(origin: LayerOrigin, folder: &Path, shown: &str) -> Result<LayerSource> {
    let mut folders = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    for entry in entries.with_context(|| format!("cannot read the folder {shown}"))? {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // Other folders may lie there for reasons of their own.
        if path.join(definition::FILE).is_file() {
            folders.insert(name, files::read_folder(&path)?);
        }
    }
    Ok(LayerSource {
        origin,
        shown: shown.trim_end_matches('/').to_owned(),
        folders,
    })
}

/// Splits paths at their first folder.
fn by_folder(files: LayerFiles) -> BTreeMap<String, LayerFiles> {
    let mut folders: BTreeMap<String, LayerFiles> = BTreeMap::new();
    for (path, file) in files {
        if let Some((folder, name)) = path.split_once('/') {
            let folder = folders.entry(folder.to_owned()).or_default();
            folder.insert(name.to_owned(), file);
        }
    }
    folders.retain(|_, files| files.contains_key(definition::FILE));
    folders
}

fn built_in() -> LayerSource {
    let mut shared = LayerFiles::new();
    shared.insert(
        "install-packages".to_owned(),
        script(INSTALL_PACKAGES.as_bytes()),
    );
    shared.extend(plain_files(&BUILT_IN));
    let folders = BUILT_IN.dirs().map(|folder| {
        let name = folder.path().to_string_lossy().into_owned();
        let mut files = shared.clone();
        files.extend(plain_files(folder));
        (name, files)
    });
    LayerSource {
        origin: LayerOrigin::BuiltIn,
        shown: "git dkr".to_owned(),
        folders: folders.collect(),
    }
}

/// The files right in a folder. What begins with `#!` is a script.
fn plain_files(folder: &Dir<'static>) -> LayerFiles {
    let file = |file: &include_dir::File<'static>| {
        let name = file.path().file_name()?.to_str()?.to_owned();
        Some((name, script(file.contents())))
    };
    folder.files().filter_map(file).collect()
}

fn script(bytes: &[u8]) -> LayerFile {
    LayerFile::Plain(bytes.to_vec(), bytes.starts_with(b"#!"))
}
