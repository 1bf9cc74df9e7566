//! Files: written whole or not at all; temporary directories that do not outlive us.

use std::fs::{File, Permissions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::OFlags;

use crate::proc;
use crate::ui::Printer;

mod read;
mod temp_dir;

pub(crate) use read::{
    LONGEST_TEXT, check_size, is_missing, open, read, read_limited, read_text, read_written,
    read_written_text,
};
pub(crate) use temp_dir::TempDir;

/// Makes a directory for what is mounted in containers, whose users may be others than we: they can read it
/// there, and nobody here gets past the directory around it.
pub(crate) fn mountable_dir(path: &Path) -> Result<&Path> {
    let make = || {
        std::fs::create_dir_all(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o755))
    };
    make().with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// Writes a file by way of a temporary one beside it, so that a reader sees the old content or
/// the new, and an interruption leaves the old.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// The same with a mode: 0755 for a program that git is to run.
pub(crate) fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    // Closed from the first moment on, whatever the umask.
    replace(path, bytes, 0o600, Some(mode))
}

/// The same with the mode that other programs give their files, by the umask.
pub(crate) fn write_by_umask(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, 0o666, None)
}

/// The mode at first is limited by the umask; the one at last is not.
fn replace(path: &Path, bytes: &[u8], first: u32, last: Option<u32>) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(first))
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        if let Some(mode) = last {
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(mode))?;
        }
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file with this mode, whatever the umask: 0600 for its owner alone, 0700 to be run by it, and more
/// where the directory around it is closed.
pub(crate) fn write_private(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
    let write = || -> std::io::Result<()> {
        std::fs::write(path, bytes)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// That files can be made in a directory, or where it would have to be made. Leaves nothing there.
pub(crate) fn check_writable(directory: &Path) -> Result<()> {
    let made = directory
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok());
    let made = made.unwrap_or(Path::new("/"));
    tempfile::tempfile_in(made).with_context(|| format!("cannot write to {}", made.display()))?;
    Ok(())
}

/// Holds a lock file until dropped; waits for its turn and says so once.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path` if nobody has it.
    pub fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = Self::open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    fn open(path: &Path) -> Result<File> {
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            // That of another user is locked as it is.
            .and_then(|()| lock_file(path).or_else(|_| open(path)))
            .with_context(|| format!("cannot make the lock {}", path.display()))
    }

    /// Takes the lock at `path`; `what` completes the sentence "waiting for …".
    pub fn acquire(path: &Path, what: &str, printer: Printer) -> Result<Self> {
        let mut said = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if !said {
                printer.status("waiting", &format!("for {what}"));
                said = true;
            }
            proc::check_interrupted()?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Makes or opens the file of a lock, and waits for nobody who may have put a FIFO there.
fn lock_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    let options = options.create(true).truncate(false).write(true);
    let file = options
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(std::io::Error::other("it is not a regular file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_whole(&path, b"old").unwrap();
        // A directory cannot be replaced by a file.
        let taken = directory.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(write_whole(&taken, b"new").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn private_files_are_private() {
        let temp_dir = TempDir::new().unwrap();
        let path = temp_dir.path().join("key");
        write_private(&path, "secret", 0o600).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(temp_dir.path()), 0o700);
    }
}
