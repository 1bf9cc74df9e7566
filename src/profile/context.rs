//! What is copied into the image: the files that git knows and does not ignore, or outside of git
//! all of them; without what a build leaves behind and without secrets, unless the profile asks for
//! them.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::error::Failure;
use crate::git::GitDirectoryKind;
use crate::{git, proc};

/// Directories that hold what tools made, at any depth.
const CACHES: [&str; 12] = [
    ".git",
    ".pf_manifest",
    ".tmp-test",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".tox",
    ".nox",
    "node_modules",
];
/// Files and directories that hold secrets, at any depth.
const SECRETS: [&str; 16] = [
    ".env",
    ".envrc",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".git-credentials",
    ".pgpass",
    ".ssh",
    ".aws",
    ".gnupg",
    ".kube",
    ".docker",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];
/// `.env.example` and the like are there to be read.
const NO_SECRETS: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];

/// Those of these paths that are copied, sorted.
pub(super) fn wanted(paths: &[PathBuf]) -> Vec<&PathBuf> {
    // What `python -m venv` makes is known by this file.
    let virtual_envs: BTreeSet<&Path> = paths
        .iter()
        .filter(|path| path.file_name().is_some_and(|name| name == "pyvenv.cfg"))
        .filter_map(|path| path.parent())
        .collect();
    let in_virtual_env = |path: &Path| {
        path.ancestors()
            .any(|directory| virtual_envs.contains(directory))
    };
    let mut wanted: Vec<&PathBuf> = paths
        .iter()
        .filter(|path| !is_left_out(path) && !in_virtual_env(path))
        .collect();
    wanted.sort();
    wanted
}

fn is_left_out(path: &Path) -> bool {
    let compiled = path
        .extension()
        .is_some_and(|kind| kind == "pyc" || kind == "pyo");
    compiled
        || path.components().any(|part| {
            let Component::Normal(name) = part else {
                return true;
            };
            let name = name.to_string_lossy();
            CACHES.contains(&&*name) || is_secret(&name)
        })
}

fn is_secret(name: &str) -> bool {
    let variant = name.strip_prefix(".env.");
    SECRETS.contains(&name) || variant.is_some_and(|rest| !NO_SECRETS.contains(&rest))
}

/// Copies what is wanted of a directory, and what is asked for by name, into `context`;
/// how many files. What lies below `cache` is never copied: it may be in the repository.
pub(super) fn fill(
    repo_dir: &Path,
    include: &[String],
    cache: &Path,
    context: &Path,
) -> Result<usize> {
    let known = match git::within(repo_dir)? {
        GitDirectoryKind::Nothing => all(repo_dir)?,
        GitDirectoryKind::GitDirectory => known(repo_dir)?,
        GitDirectoryKind::Worktree => {
            let known = known(repo_dir)?;
            // Git says nothing of what is in a directory that it ignores: such a one is outside of it.
            match known.is_empty() && git::is_ignored(repo_dir)? {
                true => all(repo_dir)?,
                false => known,
            }
        }
    };
    let mut files: BTreeSet<PathBuf> = wanted(&known).into_iter().cloned().collect();
    for path in include {
        let found = below(repo_dir, Path::new(path))?;
        if found.is_empty() {
            bail!(
                Failure::new(format!(
                    "the profile's `include` asks for {path}, which is not in {}",
                    repo_dir.display()
                ))
                .hint("paths of `include` are files or directories, from repo_dir on")
            );
        }
        files.extend(found);
    }
    // The engine obeys it, and so it must be there even where git ignores it.
    files.insert(PathBuf::from(".dockerignore"));
    files.retain(|path| !repo_dir.join(path).starts_with(cache));
    let mut count = 0;
    for path in &files {
        proc::check_interrupted()?;
        count += usize::from(copy(repo_dir, path, context)?);
    }
    Ok(count)
}

/// All files, but for what is never copied.
fn all(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let enters = |name: &str| !CACHES.contains(&name) && !is_secret(name);
    walk(directory, Path::new(""), &enters, &mut found)?;
    Ok(found)
}

/// The files that git knows, those of submodules that are checked out too.
fn known(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in git::known_files(directory)? {
        let full = directory.join(&path);
        if full.is_dir() && !full.is_symlink() {
            if full.join(".git").exists() {
                found.extend(known(&full)?.into_iter().map(|inner| path.join(inner)));
            }
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// A file, or all files below a directory, whatever git thinks of them.
fn below(root: &Path, path: &Path) -> Result<Vec<PathBuf>> {
    let full = root.join(path);
    let Ok(metadata) = full.symlink_metadata() else {
        return Ok(Vec::new());
    };
    // No way out of the repository by a link above the file.
    let parent = full.parent().and_then(|parent| parent.canonicalize().ok());
    let root_is = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    if !parent.is_some_and(|parent| parent.starts_with(root_is)) {
        return Ok(Vec::new());
    }
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let enters = |name: &str| name != ".git" && name != ".pf_manifest";
    walk(root, path, &enters, &mut found)?;
    Ok(found)
}

/// All below a directory that is no directory, but for what is in directories that are not entered.
fn walk(
    root: &Path,
    directory: &Path,
    enters: &dyn Fn(&str) -> bool,
    found: &mut Vec<PathBuf>,
) -> Result<()> {
    proc::check_interrupted()?;
    let full = root.join(directory);
    let unreadable = || format!("cannot read {}", full.display());
    for entry in std::fs::read_dir(&full).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let path = directory.join(entry.file_name());
        if !entry.file_type().with_context(unreadable)?.is_dir() {
            found.push(path);
        } else if enters(&entry.file_name().to_string_lossy()) {
            walk(root, &path, enters, found)?;
        }
    }
    Ok(())
}

/// Copies a file or a link; `false` for what is no longer there, and for sockets and the like.
fn copy(from: &Path, path: &Path, to: &Path) -> Result<bool> {
    let (source, target) = (from.join(path), to.join(path));
    let copy = || -> std::io::Result<bool> {
        let Ok(metadata) = source.symlink_metadata() else {
            return Ok(false);
        };
        if !metadata.is_file() && !metadata.is_symlink() {
            return Ok(false);
        }
        directories(to, path)?;
        if metadata.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
            return Ok(true);
        }
        std::fs::copy(&source, &target)?;
        // As git has it: the umask of whoever made the file is no part of the image.
        let program = metadata.permissions().mode() & 0o100 != 0;
        let mode = if program { 0o755 } else { 0o644 };
        std::fs::set_permissions(&target, Permissions::from_mode(mode))?;
        Ok(true)
    };
    copy().with_context(|| format!("cannot copy {}", source.display()))
}

/// Makes the directories above a path.
fn directories(root: &Path, path: &Path) -> std::io::Result<()> {
    let mut directory = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        directory.push(part);
        if std::fs::create_dir(&directory).is_ok() {
            std::fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_caches_stay_here() {
        let all = [
            "a.py",
            ".github/ci.yml",
            ".env",
            ".env.local",
            ".env.example",
            "sub/.env.production",
            "env.py",
            ".gitignore",
            ".pf_manifest/x",
            "sub/.git/config",
            "pkg/__pycache__/a.pyc",
            "b.pyc",
            "src/venv/__init__.py",
            "myenv/pyvenv.cfg",
            "myenv/lib/x.py",
            ".netrc",
            "home/.ssh/config",
            "keys/id_rsa",
            "keys/id_rsa.pub",
            "node_modules/x/index.js",
            ".tmp-test/image-cache/x.tar",
            "tests/cert.pem",
            ".dockerignore",
        ];
        let paths = all.map(PathBuf::from);
        let copied: Vec<&str> = wanted(&paths)
            .iter()
            .map(|path| path.to_str().unwrap())
            .collect();
        assert_eq!(
            copied,
            [
                ".dockerignore",
                ".env.example",
                ".github/ci.yml",
                ".gitignore",
                "a.py",
                "env.py",
                "keys/id_rsa.pub",
                "src/venv/__init__.py",
                "tests/cert.pem",
            ]
        );
    }
}
