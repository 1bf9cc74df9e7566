//! What a restore does, decided before anything is touched.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::journal::{Journal, StagedPath};
use super::on_disk::{self, is_right, look};
use crate::error::Failure;
use crate::overlay::snapshot::attributes;
use crate::overlay::snapshot::manifest::{EntryKind, Name, SnapshotEntry, SnapshotManifest, Time};
use crate::proc;

#[derive(Debug, Clone, Copy)]
pub(super) struct RestoreDirectories<'a> {
    pub root: &'a Path,
    /// Our own directory, which no snapshot may touch.
    pub state: &'a Path,
    /// Where content is written first.
    pub stage: &'a Path,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct RestorePlan {
    /// For each entry of the manifest where it is made; `None` when it is there.
    pub staged: Vec<Option<PathBuf>>,
    /// What is done once all is staged.
    pub journal: Journal,
    /// Bytes of content to be written.
    pub bytes: u64,
    /// Those of them on the stage's own file system.
    pub bytes_on_stage: u64,
    /// Entries that are right already.
    pub kept: usize,
}

/// What there is of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryState {
    Right,
    Wrong,
    Missing,
}

/// Compares a manifest to the root, and refuses what would destroy or lead elsewhere.
pub(super) fn plan(
    sites: RestoreDirectories,
    manifest: &SnapshotManifest,
    moment: Option<Time>,
) -> Result<RestorePlan> {
    let now = survey(sites, manifest, moment)?;
    let mut plan = RestorePlan {
        staged: vec![None; manifest.entries.len()],
        journal: Journal {
            key: manifest.about.key.clone(),
            ..Journal::default()
        },
        bytes: 0,
        bytes_on_stage: 0,
        kept: 0,
    };
    let journal = &mut plan.journal;
    journal.removals = removals(sites.root, &manifest.removed)?;
    let home = on_disk::mount(sites.stage).context("cannot look at the stage")?;
    // New directories, with where they are made and whether that is the stage's file system.
    let mut made: HashMap<&Path, (PathBuf, bool)> = HashMap::new();
    let mut mounts: HashMap<PathBuf, (u64, u64)> = HashMap::new();
    let mut touched: HashSet<PathBuf> = HashSet::new();
    for name in &journal.removals {
        touched.insert(parent(name.path()).to_owned());
    }
    for (index, entry) in manifest.entries.iter().enumerate() {
        let path = entry.path.path();
        let is_directory = entry.kind.is_directory();
        if now[index] == EntryState::Right || (is_directory && now[index] == EntryState::Wrong) {
            plan.kept += usize::from(now[index] == EntryState::Right);
            continue;
        }
        let above = parent(path);
        let (staged, at_home) = if let Some((directory, at_home)) = made.get(above) {
            (
                directory.join(path.file_name().unwrap_or_default()),
                *at_home,
            )
        } else {
            let directory = sites.root.join(above);
            let mount = match mounts.get(&directory) {
                Some(mount) => *mount,
                None => on_disk::mount(&directory)
                    .with_context(|| format!("cannot look at {}", directory.display()))?,
            };
            mounts.insert(directory.clone(), mount);
            let target = sites.root.join(path);
            if now[index] == EntryState::Wrong
                && on_disk::mount(&target).is_ok_and(|on| on != mount)
            {
                let what = format!("{} is mounted, and cannot be replaced", target.display());
                bail!(Failure::new(what).hint("unmount it, or leave it out of the Containerfile"));
            }
            // A rename stays on one mount: elsewhere, what is made waits beside its place.
            let staged = match mount == home {
                true => sites.stage.join(journal.places.len().to_string()),
                false => directory.join(format!(".git-dkr-{}-{index}", &journal.key[..8])),
            };
            journal.places.push(StagedPath {
                staged: staged.clone().into(),
                path: entry.path.clone(),
                is_beside: mount != home,
            });
            touched.insert(above.to_owned());
            (staged, mount == home)
        };
        if is_directory {
            made.insert(path, (staged.clone(), at_home));
            journal.directories.push(entry.clone());
        }
        plan.bytes += entry.size();
        plan.bytes_on_stage += if at_home { entry.size() } else { 0 };
        plan.staged[index] = Some(staged);
    }
    let changes_nothing = journal.places.is_empty() && journal.removals.is_empty();
    let there = manifest.entries.iter().zip(&now);
    let there = there.filter(|(entry, now)| match now {
        _ if entry.kind != EntryKind::Directory => false,
        EntryState::Right => !changes_nothing,
        EntryState::Wrong => true,
        EntryState::Missing => false,
    });
    journal
        .directories
        .extend(there.map(|(entry, _)| entry.clone()));
    journal.directories.sort_by(|a, b| a.path.cmp(&b.path));
    keep_times(sites.root, manifest, &touched, journal)?;
    Ok(plan)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// What there is of each entry.
fn survey(
    sites: RestoreDirectories,
    manifest: &SnapshotManifest,
    moment: Option<Time>,
) -> Result<Vec<EntryState>> {
    let removed: HashSet<&Path> = manifest.removed.iter().map(Name::path).collect();
    refuse_our_own(sites, manifest)?;
    let mut made: HashSet<&Path> = HashSet::new();
    let mut files: HashMap<&Name, (usize, Option<Metadata>)> = HashMap::new();
    let mut now = Vec::with_capacity(manifest.entries.len());
    for (index, entry) in manifest.entries.iter().enumerate() {
        proc::check_interrupted()?;
        let path = entry.path.path();
        let at = sites.root.join(path);
        let meta = match made.contains(parent(path)) {
            true => None,
            false => look(&at).with_context(|| format!("cannot look at {}", at.display()))?,
        };
        let found = match &meta {
            None => EntryState::Missing,
            Some(meta) => {
                let first = match &entry.kind {
                    EntryKind::Link { to } => files.get(to).and_then(|(_, meta)| meta.as_ref()),
                    _ => None,
                };
                refuse_to_destroy(sites.root, entry, meta, &removed)?;
                let right = is_right(&at, meta, entry, first, moment);
                match right.with_context(|| format!("cannot read {}", at.display()))? {
                    true => EntryState::Right,
                    // A file where a directory is to be.
                    false if entry.kind.is_directory() && !meta.is_dir() => EntryState::Missing,
                    false => EntryState::Wrong,
                }
            }
        };
        if entry.kind.is_directory() && found == EntryState::Missing {
            made.insert(path);
        }
        if matches!(entry.kind, EntryKind::File { .. }) {
            files.insert(&entry.path, (index, meta));
        }
        now.push(found);
    }
    // The names of one file are made together or not at all.
    let links = || {
        let entries = manifest.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| match &entry.kind {
            EntryKind::Link { to } => Some((index, files.get(to)?.0)),
            _ => None,
        })
    };
    for (link, file) in links() {
        if now[link] != EntryState::Right && now[file] == EntryState::Right {
            now[file] = EntryState::Wrong;
        }
    }
    for (link, file) in links() {
        if now[file] != EntryState::Right && now[link] == EntryState::Right {
            now[link] = EntryState::Wrong;
        }
    }
    Ok(now)
}

/// Neither our directory, nor what stands in place of one that it lies in.
fn refuse_our_own(sites: RestoreDirectories, manifest: &SnapshotManifest) -> Result<()> {
    let Ok(own) = sites.state.strip_prefix(sites.root) else {
        return Ok(());
    };
    let there = manifest.entries.iter();
    let there = there.map(|entry| (&entry.path, entry.kind.is_directory()));
    let gone = manifest.removed.iter().map(|name| (name, false));
    for (name, is_directory) in there.chain(gone) {
        let path = name.path();
        if path.starts_with(own) || (!is_directory && own.starts_with(path)) {
            bail!(Failure::new(format!(
                "the snapshot has /{name}, which is git dkr's own"
            )));
        }
    }
    Ok(())
}

/// A link where the snapshot has a directory would lead all that is below it elsewhere. A directory
/// gives way to a file only when the snapshot knows all that is in it.
fn refuse_to_destroy(
    root: &Path,
    entry: &SnapshotEntry,
    meta: &Metadata,
    removed: &HashSet<&Path>,
) -> Result<()> {
    let at = root.join(entry.path.path());
    let (at, here) = (at.display(), &at);
    if entry.kind.is_directory() && meta.is_symlink() {
        let hint = "the directories of this machine differ from those of the snapshot: build here";
        bail!(
            Failure::new(format!(
                "{at} is a link here, and a directory in the snapshot"
            ))
            .hint(hint)
        );
    }
    if entry.kind == EntryKind::Parent && !meta.is_dir() {
        bail!(Failure::new(format!(
            "{at} is not a directory, but is one in the snapshot"
        )));
    }
    if entry.kind.is_directory() || !meta.is_dir() {
        return Ok(());
    }
    let mut directories = vec![here.clone()];
    while let Some(directory) = directories.pop() {
        let cannot = || format!("cannot read {}", directory.display());
        for child in std::fs::read_dir(&directory).with_context(cannot)? {
            let child = child.with_context(cannot)?;
            let path = child.path();
            if !path
                .strip_prefix(root)
                .is_ok_and(|path| removed.contains(path))
            {
                let what = format!(
                    "{at} is a directory here, but not in the snapshot, which does not have {}",
                    path.display()
                );
                bail!(Failure::new(what).hint("move it away"));
            }
            if child.file_type().with_context(cannot)?.is_dir() {
                directories.push(path);
            }
        }
    }
    Ok(())
}

/// What is to be removed and there, the deepest first; nothing that is reached over a link.
fn removals(root: &Path, removed: &[Name]) -> Result<Vec<Name>> {
    let mut real: HashMap<PathBuf, bool> = HashMap::from([(PathBuf::new(), true)]);
    let mut found = Vec::new();
    for name in removed {
        // From the top down, each directory asked once.
        let mut is_real = true;
        let mut above: Vec<&Path> = name.path().ancestors().skip(1).collect();
        above.reverse();
        for directory in above {
            is_real = is_real
                && match real.get(directory) {
                    Some(is_real) => *is_real,
                    None => look(&root.join(directory))
                        .with_context(|| format!("cannot look at /{}", directory.display()))?
                        .is_some_and(|meta| meta.is_dir()),
                };
            real.insert(directory.to_owned(), is_real);
        }
        let there = || look(&root.join(name.path()));
        if is_real
            && there()
                .with_context(|| format!("cannot look at /{name}"))?
                .is_some()
        {
            found.push(name.clone());
        }
    }
    found.reverse();
    Ok(found)
}

/// A directory's time changes when something is put into it. One that the snapshot does not name
/// keeps its own.
fn keep_times(
    root: &Path,
    manifest: &SnapshotManifest,
    touched: &HashSet<PathBuf>,
    journal: &mut Journal,
) -> Result<()> {
    for directory in touched {
        let name = Name::from(directory.clone());
        let entry = manifest.find(&name);
        if entry.is_some_and(|entry| entry.kind != EntryKind::Parent) {
            continue;
        }
        let at = root.join(directory);
        let meta = look(&at).with_context(|| format!("cannot look at {}", at.display()))?;
        if let Some(meta) = meta.filter(Metadata::is_dir) {
            journal.times.push((name, attributes::mtime(&meta)));
        }
    }
    journal.times.sort();
    Ok(())
}

/// Without the power of root only one's own can be made.
pub(super) fn check_owners(manifest: &SnapshotManifest, plan: &RestorePlan) -> Result<()> {
    let me = rustix::process::geteuid();
    if me.is_root() {
        return Ok(());
    }
    let mut groups =
        rustix::process::getgroups().context("cannot find out the groups of this process")?;
    groups.push(rustix::process::getegid());
    let mine = |entry: &SnapshotEntry| {
        entry.uid == me.as_raw() && groups.iter().any(|group| group.as_raw() == entry.gid)
    };
    let staged = manifest.entries.iter().zip(&plan.staged);
    let staged = staged.filter_map(|(entry, staged)| staged.as_ref().map(|_| entry));
    if let Some(other) = staged
        .chain(&plan.journal.directories)
        .find(|entry| !mine(entry))
    {
        let (uid, gid) = (other.uid, other.gid);
        let what = format!(
            "/{} belongs to {uid}:{gid}, which only root can set",
            other.path
        );
        bail!(Failure::new(what).hint("run it as root"));
    }
    Ok(())
}
