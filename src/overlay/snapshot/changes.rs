//! What a run changed: a root compared to what it was before.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use super::baseline::Baseline;
use super::exclusions::Exclusions;
use super::manifest::Name;
use super::scan::{Children, mark, walk};
use crate::error::Failure;
use crate::proc::lock;

/// Why a path is in a snapshot.
#[derive(Debug)]
pub(super) struct ChangedPath {
    pub meta: Metadata,
    /// A directory that nobody changed, on the way to something.
    pub is_parent: bool,
}

#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What is new, changed or asked for, and the directories on the way to it.
    pub found: BTreeMap<Name, ChangedPath>,
    /// What is no more.
    pub removed: Vec<Name>,
    /// What could not be read.
    pub unread: Vec<PathBuf>,
}

/// Compares the root to what it was, and adds the paths that were asked for (absolute, meant in
/// the root), changed or not.
pub(super) fn compare(
    before: Baseline,
    root: &Path,
    left_out: &Exclusions,
    also: &[PathBuf],
) -> Result<Changes> {
    let gone = before.gone;
    let directories = Mutex::new(before.directories);
    let all = Mutex::new(Changes::default());
    let unread = walk(
        root,
        Path::new(""),
        &|path| left_out.at(path).is_some(),
        &|directory, children| {
            let old = lock(&directories).remove(&directory).unwrap_or_default();
            let at = root.join(&directory);
            let mut seen = vec![false; old.len()];
            let mut changed = Vec::new();
            for (name, meta) in children {
                let known = old.binary_search_by(|(known, _)| (**known).cmp(name.as_bytes()));
                if let Ok(index) = known {
                    seen[index] = true;
                }
                let same = known.is_ok_and(|index| old[index].1 == mark(&at.join(&name), &meta));
                if !same {
                    changed.push((Name::from(directory.join(name)), found(meta)));
                }
            }
            let gone = old.into_iter().zip(seen).filter(|(_, seen)| !seen);
            let gone = gone
                .map(|((name, _), _)| below(&directory, &name))
                .collect::<Vec<_>>();
            let mut all = lock(&all);
            all.found.extend(changed);
            all.removed.extend(gone);
        },
    )?;
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Directories that were not seen again; what may no longer be read is not gone.
    for (directory, old) in directories
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        if !unread.iter().any(|unread| directory.starts_with(unread)) {
            all.removed
                .extend(old.iter().map(|(name, _)| below(&directory, name)));
        }
    }
    all.unread = unread;
    let missing = |path: &Name| std::fs::symlink_metadata(root.join(path.path())).is_err();
    all.removed.extend(gone.into_iter().filter(missing));
    for path in also {
        add(&mut all, root, left_out, path)?;
    }
    add_parents(&mut all, root)?;
    all.removed.sort();
    all.removed.dedup();
    Ok(all)
}

fn found(meta: Metadata) -> ChangedPath {
    ChangedPath {
        meta,
        is_parent: false,
    }
}

fn below(directory: &Path, name: &[u8]) -> Name {
    let mut path = directory.to_owned();
    path.push(std::ffi::OsStr::from_bytes(name));
    Name::from(path.into_os_string().into_vec())
}

/// Takes in all that is at a path. What is left out otherwise is taken when the path lies in it,
/// and left out still when it lies below the path.
fn add(all: &mut Changes, root: &Path, left_out: &Exclusions, asked: &Path) -> Result<()> {
    let shown = asked.display();
    let path: PathBuf = asked
        .components()
        .filter(|part| matches!(part, std::path::Component::Normal(_)))
        .collect();
    let why = left_out.within(&path);
    if let Some(why) = why.filter(|why| why.is_for_ever()) {
        bail!(Failure::new(format!(
            "SNAPSHOT {shown} cannot be taken: {}",
            why.reason()
        )));
    }
    let mut on_the_way = path
        .ancestors()
        .skip(1)
        .filter(|on_the_way| *on_the_way != Path::new(""));
    if let Some(link) = on_the_way.find(|path| root.join(path).is_symlink()) {
        let hint = "write the path that it leads to";
        let link = format!(
            "SNAPSHOT {shown} cannot be taken: /{} is a link",
            link.display()
        );
        bail!(Failure::new(link).hint(hint));
    }
    let meta = match root.join(&path).symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let hint = "it names what the steps leave behind: check its path and its case";
            bail!(Failure::new(format!("SNAPSHOT {shown}: there is no such path")).hint(hint));
        }
        meta => meta.with_context(|| format!("cannot read {shown}"))?,
    };
    let is_directory = meta.is_dir();
    if path != Path::new("") {
        all.found.insert(path.clone().into(), found(meta));
    }
    if is_directory {
        let skip = |path: &Path| {
            left_out
                .at(path)
                .is_some_and(|below| why.is_none() || below.is_for_ever())
        };
        let list = Mutex::new(Vec::new());
        let visit = |directory: PathBuf, children: Children| {
            let children = children.into_iter();
            lock(&list)
                .extend(children.map(|(name, meta)| (directory.join(name).into(), found(meta))));
        };
        let unread = walk(root, &path, &skip, &visit)?;
        all.unread.extend(unread);
        all.found
            .extend(list.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    Ok(())
}

/// A snapshot brings the directories that its paths lie in, for roots that do not have them.
fn add_parents(all: &mut Changes, root: &Path) -> Result<()> {
    let mut missing = BTreeMap::new();
    for path in all.found.keys() {
        for parent in path.path().ancestors().skip(1) {
            let name = Name::from(parent.to_owned());
            if parent == Path::new("")
                || all.found.contains_key(&name)
                || missing.contains_key(&name)
            {
                break;
            }
            let meta = root.join(parent).symlink_metadata();
            let meta = meta.with_context(|| format!("cannot read /{}", parent.display()))?;
            missing.insert(
                name,
                ChangedPath {
                    meta,
                    is_parent: true,
                },
            );
        }
    }
    all.found.extend(missing);
    Ok(())
}
