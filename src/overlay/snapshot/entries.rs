//! What was found, as the entries of a manifest.

use std::collections::HashMap;
use std::collections::btree_map::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::attributes;
use super::changes::{ChangedPath, Changes};
use super::manifest::{EntryKind, Name, SnapshotEntry, Time, climbs_out};

/// 1980-01-01, the first day that a zip file knows.
const EPOCH: Time = Time(315_532_800, 0);
/// How many paths a remark names.
const NAMED: usize = 5;

/// The entries of a snapshot.
#[derive(Debug, Default)]
pub(super) struct SnapshotEntries {
    /// In the order of their paths; the digests and places of content are still missing.
    pub entries: Vec<SnapshotEntry>,
    /// Those whose time is another than on disk.
    pub retimed: Vec<usize>,
    /// What the user should know.
    pub remarks: Vec<String>,
}

/// Times that the run made, `began` and later, become one, so that the same changes are the same
/// snapshot at any hour: the one given (seconds since 1970), or the newest of a file that is older.
pub(super) fn entries(
    root: &Path,
    changes: &Changes,
    began: Time,
    source_date: Option<i64>,
) -> Result<SnapshotEntries> {
    let mut all = SnapshotEntries::default();
    let mut left_out: BTreeMap<&str, Vec<&Name>> = BTreeMap::new();
    let mut links: HashMap<(u64, u64), Name> = HashMap::new();
    for (path, found) in &changes.found {
        let on_disk = root.join(path.path());
        match kind(&on_disk, path, found, &mut links)? {
            Ok(kind) => all.entries.push(entry(&on_disk, path, found, kind)?),
            Err(why) => left_out.entry(why).or_default().push(path),
        }
    }
    // A directory on the way to something that was left out is on the way to nothing.
    let older = all
        .entries
        .iter()
        .filter(|entry| !entry.kind.is_directory());
    let older = older.map(|entry| entry.mtime).filter(|time| *time < began);
    let instant = source_date.map_or_else(|| older.max().unwrap_or(EPOCH), |time| Time(time, 0));
    for (index, entry) in all.entries.iter_mut().enumerate() {
        if entry.kind == EntryKind::Parent {
            entry.mtime = instant;
        } else if entry.mtime >= began {
            entry.mtime = instant;
            all.retimed.push(index);
        }
    }
    let unread: Vec<Name> = changes.unread.iter().cloned().map(Name::from).collect();
    if !unread.is_empty() {
        left_out.insert("could not be read", unread.iter().collect());
    }
    all.remarks = left_out
        .into_iter()
        .map(|(why, paths)| remark(why, &paths))
        .collect();
    Ok(all)
}

fn remark(why: &str, paths: &[&Name]) -> String {
    let named: Vec<String> = paths
        .iter()
        .take(NAMED)
        .map(|path| format!("/{path}"))
        .collect();
    let more = match paths.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("left out, as it {why}: {}{more}", named.join(", "))
}

/// What stands there, or why it is left out.
fn kind(
    on_disk: &Path,
    path: &Name,
    found: &ChangedPath,
    links: &mut HashMap<(u64, u64), Name>,
) -> Result<Result<EntryKind, &'static str>> {
    let meta = &found.meta;
    let kind = meta.file_type();
    Ok(if kind.is_dir() {
        Ok(if found.is_parent {
            EntryKind::Parent
        } else {
            EntryKind::Directory
        })
    } else if kind.is_symlink() {
        let to = std::fs::read_link(on_disk).with_context(|| format!("cannot read /{path}"))?;
        if climbs_out(path.path(), &to) {
            Err("is a link that leads out of the root")
        } else {
            Ok(EntryKind::Symlink {
                to: PathBuf::into_os_string(to).into_vec().into(),
            })
        }
    } else if kind.is_fifo() {
        Ok(EntryKind::Fifo)
    } else if kind.is_socket() {
        Err("is a socket")
    } else if !kind.is_file() {
        Err("is a device")
    } else if let Some(to) = links.get(&(meta.dev(), meta.ino())).cloned() {
        Ok(EntryKind::Link { to })
    } else if File::open(on_disk).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        Err("could not be read")
    } else {
        if meta.nlink() > 1 {
            links.insert((meta.dev(), meta.ino()), path.clone());
        }
        Ok(EntryKind::File {
            size: meta.size(),
            sha256: String::new(),
            at: 0,
        })
    })
}

fn entry(
    on_disk: &Path,
    path: &Name,
    found: &ChangedPath,
    kind: EntryKind,
) -> Result<SnapshotEntry> {
    let meta = &found.meta;
    // The first name of a file has them.
    let xattrs = match kind {
        EntryKind::Link { .. } => BTreeMap::new(),
        _ => attributes::read(on_disk)
            .with_context(|| format!("cannot read the attributes of /{path}"))?,
    };
    Ok(SnapshotEntry {
        path: path.clone(),
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        mtime: attributes::mtime(meta),
        xattrs,
    })
}
