//! Owner, mode, extended attributes and times of files, read and set without following links.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, XattrFlags};
use rustix::io::Errno;

use super::manifest::{EntryKind, Name, SnapshotEntry, Time, keeps_attribute};

/// When it was changed last.
pub(crate) fn mtime(meta: &Metadata) -> Time {
    Time(meta.mtime(), u32::try_from(meta.mtime_nsec()).unwrap_or(0))
}

/// The extended attributes that a snapshot keeps; none where there can be none.
pub(crate) fn read(path: &Path) -> io::Result<BTreeMap<String, Name>> {
    let mut found = BTreeMap::new();
    let mut list = [0; 1 << 12];
    let names = match rustix::fs::llistxattr(path, &mut list[..]) {
        Ok(length) => list[..length].to_vec(),
        Err(Errno::NOTSUP) => return Ok(found),
        Err(Errno::RANGE) => {
            let mut list = vec![0; 1 << 16];
            let length = rustix::fs::llistxattr(path, &mut list[..])?;
            list.truncate(length);
            list
        }
        Err(error) => return Err(error.into()),
    };
    let names = names.split(|byte| *byte == 0).map(std::str::from_utf8);
    for name in names.flatten().filter(|name| keeps_attribute(name)) {
        let mut value = vec![0; 1 << 16];
        match rustix::fs::lgetxattr(path, name, &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                found.insert(name.to_owned(), value.into());
            }
            // Gone meanwhile.
            Err(Errno::NODATA) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Sets all but the time.
pub(crate) fn set(path: &Path, entry: &SnapshotEntry) -> io::Result<()> {
    // The new owner first, as the kernel then clears set-user-ID and capabilities. A mode sets
    // the mask of an ACL, and an ACL the bits of the group: those agree.
    std::os::unix::fs::lchown(path, Some(entry.uid), Some(entry.gid))?;
    if !matches!(entry.kind, EntryKind::Symlink { .. }) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(entry.mode))?;
    }
    for (name, value) in &entry.xattrs {
        rustix::fs::lsetxattr(path, name.as_str(), value.bytes(), XattrFlags::empty())?;
    }
    Ok(())
}

/// The same for what may have attributes of its own already.
pub(crate) fn replace(path: &Path, entry: &SnapshotEntry) -> io::Result<()> {
    for name in read(path)?
        .keys()
        .filter(|name| !entry.xattrs.contains_key(*name))
    {
        rustix::fs::lremovexattr(path, name.as_str())?;
    }
    set(path, entry)
}

/// Sets when it was changed last, and not when it was read.
pub(crate) fn set_mtime(path: &Path, time: Time) -> io::Result<()> {
    rustix::fs::utimensat(CWD, path, &times(time), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

/// Sets all of an open file that we have just written.
pub(crate) fn set_open(file: &File, entry: &SnapshotEntry) -> io::Result<()> {
    std::os::unix::fs::fchown(file, Some(entry.uid), Some(entry.gid))?;
    file.set_permissions(PermissionsExt::from_mode(entry.mode))?;
    for (name, value) in &entry.xattrs {
        rustix::fs::fsetxattr(file, name.as_str(), value.bytes(), XattrFlags::empty())?;
    }
    rustix::fs::futimens(file, &times(entry.mtime))?;
    Ok(())
}

fn times(time: Time) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: time.0,
            tv_nsec: time.1.into(),
        },
    }
}
