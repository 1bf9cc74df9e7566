//! Walks a root, on several threads, without following links.

use std::ffi::OsString;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::attributes;
use super::manifest::Time;
use crate::overlay::parallel;
use crate::proc::{self, lock};

/// Longer than a tick of the clock that the kernel writes times with (10 ms at 100 Hz): what changes
/// after this pause has a later time than what came before it.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// What is in a directory: names, and what is told of each.
pub(crate) type Children = Vec<(OsString, Metadata)>;

pub(crate) fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(since.as_secs().cast_signed(), since.subsec_nanos())
}

/// Differs when something was changed. The time of the last change of state (ctime) tells of all
/// changes, but on an overlay file system a directory has a new one when something deep below it
/// is new; a directory is what it says of itself.
pub(super) fn mark(path: &Path, meta: &Metadata) -> u64 {
    let mut hash = DefaultHasher::new();
    (
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.mtime(),
        meta.mtime_nsec(),
    )
        .hash(&mut hash);
    if meta.is_dir() {
        attributes::read(path).unwrap_or_default().hash(&mut hash);
    } else {
        (meta.size(), meta.ctime(), meta.ctime_nsec(), meta.ino()).hash(&mut hash);
    }
    hash.finish()
}

/// Directories that are to be read.
struct ScanQueue {
    directories: Vec<PathBuf>,
    /// Threads that may still add some.
    busy: usize,
    unread: Vec<PathBuf>,
    failed: Option<anyhow::Error>,
}

/// Hands each directory at and below `start`, a path below the root, with its children to `visit`, but
/// for those children that `skip` names. What vanishes meanwhile was never there. Returns what
/// could not be read.
pub(crate) fn walk(
    root: &Path,
    start: &Path,
    skip: &(dyn Fn(&Path) -> bool + Sync),
    visit: &(dyn Fn(PathBuf, Children) + Sync),
) -> Result<Vec<PathBuf>> {
    let queue = Mutex::new(ScanQueue {
        directories: vec![start.to_owned()],
        busy: 0,
        unread: Vec::new(),
        failed: None,
    });
    let more = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..parallel::threads().min(8) {
            scope.spawn(|| {
                while let Some(directory) = next(&queue, &more) {
                    let result = read(root, &directory, skip);
                    let mut below = Vec::new();
                    if let Ok((children, _)) = &result {
                        let directories = children.iter().filter(|(_, meta)| meta.is_dir());
                        below.extend(directories.map(|(name, _)| directory.join(name)));
                    }
                    let mut state = lock(&queue);
                    state.busy -= 1;
                    state.directories.append(&mut below);
                    if let Err(error) = proc::check_interrupted() {
                        state.failed = Some(error.into());
                    }
                    match result {
                        Ok((children, unread)) => {
                            state.unread.extend(unread);
                            more.notify_all();
                            drop(state);
                            visit(directory, children);
                        }
                        Err(error) => {
                            state.failed = Some(error);
                            more.notify_all();
                        }
                    }
                }
            });
        }
    });
    let state = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.failed.map_or(Ok(state.unread), Err)
}

/// The next directory; waits for other threads to find one. `None` when all is done, or nothing is
/// to be done any more.
fn next(queue: &Mutex<ScanQueue>, more: &Condvar) -> Option<PathBuf> {
    let mut state = lock(queue);
    loop {
        if state.failed.is_some() {
            return None;
        }
        if let Some(directory) = state.directories.pop() {
            state.busy += 1;
            return Some(directory);
        }
        if state.busy == 0 {
            more.notify_all();
            return None;
        }
        state = more.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

fn read(
    root: &Path,
    directory: &Path,
    skip: &(dyn Fn(&Path) -> bool + Sync),
) -> Result<(Children, Vec<PathBuf>)> {
    let (mut children, mut unread) = (Vec::new(), Vec::new());
    let gone = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
    let entries = match std::fs::read_dir(root.join(directory)) {
        Ok(entries) => entries,
        Err(error) if directory == Path::new("") => {
            return Err(error).with_context(|| format!("cannot read {}", root.display()));
        }
        Err(error) if gone(error.kind()) => return Ok((children, unread)),
        Err(_) => return Ok((children, vec![directory.to_owned()])),
    };
    for entry in entries {
        let Ok(entry) = entry else {
            unread.push(directory.to_owned());
            break;
        };
        let path = directory.join(entry.file_name());
        if skip(&path) {
            continue;
        }
        match entry.metadata() {
            Ok(meta) => children.push((entry.file_name(), meta)),
            Err(error) if gone(error.kind()) => {}
            Err(_) => unread.push(path),
        }
    }
    Ok((children, unread))
}
