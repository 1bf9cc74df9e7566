//! The files of a layer, wherever it is from: they are what its image is built of.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::definition;
use crate::digest;
use crate::error::Failure;
use crate::fs::{self, write_private};
use crate::git::TreeFile;

/// A file, or a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerFile {
    /// Its content, and whether it can be run.
    Plain(Vec<u8>, bool),
    Link(PathBuf),
}

impl LayerFile {
    /// What stands for it in a key.
    pub fn digest(&self) -> String {
        match self {
            Self::Plain(bytes, false) => digest::of(bytes),
            Self::Plain(bytes, true) => format!("{} x", digest::of(bytes)),
            Self::Link(target) => format!("-> {}", target.display()),
        }
    }
}

/// What is read as a text, not as bytes: people wrote it.
const WRITTEN: [&str; 3] = [definition::FILE, "Dockerfile", "env.sh"];

/// Refuses a text of a layer that is too large to be one, by the path and the size of a file.
pub(crate) fn check_size(path: &str, size: u64) -> Result<(), Failure> {
    match path.rsplit('/').next() {
        Some(name) if WRITTEN.contains(&name) => fs::check_size(path, size),
        _ => Ok(()),
    }
}

/// Files by their path below the layer's directory.
pub(crate) type LayerFiles = BTreeMap<String, LayerFile>;

/// All files below a directory, `.git` left out.
pub(crate) fn read_directory(directory: &Path) -> Result<LayerFiles> {
    let mut files = LayerFiles::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(current) = directories.pop() {
        let shown = current.display();
        let entries = std::fs::read_dir(&current)
            .with_context(|| format!("cannot read the directory {shown}"))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read the directory {shown}"))?;
            if entry.file_name() == ".git" {
                continue;
            }
            let path = entry.path();
            let name = path.strip_prefix(directory).unwrap_or(&path).to_owned();
            let Some(name) = name.to_str().map(str::to_owned) else {
                return Err(Failure::new(format!("{} is not UTF-8", path.display())).into());
            };
            let unreadable = || format!("cannot read {}", path.display());
            let metadata = std::fs::symlink_metadata(&path).with_context(unreadable)?;
            if metadata.is_dir() {
                directories.push(path);
            } else if metadata.is_symlink() {
                let target = std::fs::read_link(&path).with_context(unreadable)?;
                files.insert(name, LayerFile::Link(target));
            } else if metadata.is_file() {
                check_size(&path.to_string_lossy(), metadata.len())?;
                let bytes = fs::read(&path).with_context(unreadable)?;
                files.insert(name, LayerFile::Plain(bytes, metadata.mode() & 0o111 != 0));
            }
        }
    }
    Ok(files)
}

/// The files of a commit.
pub(crate) fn of_tree(files: Vec<TreeFile>) -> LayerFiles {
    files
        .into_iter()
        .map(|file| {
            let content = match file.mode.as_str() {
                "120000" => {
                    LayerFile::Link(PathBuf::from(String::from_utf8_lossy(&file.bytes).as_ref()))
                }
                mode => LayerFile::Plain(file.bytes, mode == "100755"),
            };
            (file.path, content)
        })
        .collect()
}

/// Writes them into a directory that is there and empty.
pub(crate) fn write(files: &LayerFiles, directory: &Path) -> Result<()> {
    for (name, file) in files {
        let path = directory.join(name);
        let shown = path.display();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make {shown}"))?;
        }
        match file {
            LayerFile::Plain(bytes, runs) => {
                write_private(&path, bytes, if *runs { 0o755 } else { 0o644 })?;
            }
            LayerFile::Link(target) => {
                symlink(target, &path).with_context(|| format!("cannot write {shown}"))?;
            }
        }
    }
    Ok(())
}
