//! Whether a root has what a snapshot says, looked at without following links.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags, StatxFlags};

use crate::digest;
use crate::overlay::snapshot::attributes;
use crate::overlay::snapshot::manifest::{EntryKind, SnapshotEntry, Time};

/// What stands at a path; `None` when nothing does.
pub(super) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Nothing is there, nor below a file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether an entry is there as it should be; for another name of a file, whether it is that
/// file's, which was `first`. What was not touched since the `moment` at which this snapshot was
/// applied needs no reading.
pub(super) fn is_right(
    path: &Path,
    meta: &Metadata,
    entry: &SnapshotEntry,
    first: Option<&Metadata>,
    moment: Option<Time>,
) -> io::Result<bool> {
    let kind = meta.file_type();
    let fits = match &entry.kind {
        EntryKind::Parent => return Ok(kind.is_dir()),
        EntryKind::Link { .. } => {
            let same = |first: &Metadata| (first.dev(), first.ino()) == (meta.dev(), meta.ino());
            return Ok(kind.is_file() && first.is_some_and(same));
        }
        EntryKind::Directory => kind.is_dir(),
        EntryKind::File { size, .. } => kind.is_file() && meta.size() == *size,
        EntryKind::Symlink { .. } => kind.is_symlink(),
        EntryKind::Fifo => kind.is_fifo(),
    };
    let mode_fits = kind.is_symlink() || meta.mode() & 0o7777 == entry.mode;
    if !fits
        || !mode_fits
        || (meta.uid(), meta.gid()) != (entry.uid, entry.gid)
        || attributes::mtime(meta) != entry.mtime
    {
        return Ok(false);
    }
    let changed = Time(meta.ctime(), u32::try_from(meta.ctime_nsec()).unwrap_or(0));
    if moment.is_some_and(|moment| changed <= moment) {
        return Ok(true);
    }
    if attributes::read(path)? != entry.xattrs {
        return Ok(false);
    }
    Ok(match &entry.kind {
        EntryKind::Symlink { to } => std::fs::read_link(path)? == to.path(),
        EntryKind::File { sha256, .. } => {
            let mut options = File::options();
            options
                .read(true)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
            let (_, found) = digest::of_reader(options.open(path)?)?;
            found == *sha256
        }
        _ => true,
    })
}

/// Between which places a file can be renamed: file system and mount.
pub(super) fn mount(path: &Path) -> io::Result<(u64, u64)> {
    let wanted = StatxFlags::from_bits_retain(StatxFlags::MNT_ID.bits());
    let found = rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, wanted)?;
    let device = (u64::from(found.stx_dev_major) << 32) | u64::from(found.stx_dev_minor);
    Ok((device, found.stx_mnt_id))
}
