//! Temporary directories that do not outlive us.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{Mode, OFlags, open, openat};

use crate::proc;

/// How the names of our temporary directories begin.
const PREFIX: &str = "git-dkr-";
/// The file in each whose lock says that its owner is alive.
const ALIVE: &str = ".alive";
/// How often one is made anew that another run has taken for a dead one.
const TRIES: usize = 20;

/// Docker splits the path of a key at commas, and knows no way to quote them.
fn root(configured: PathBuf) -> PathBuf {
    if configured.to_string_lossy().contains(',') {
        PathBuf::from("/tmp")
    } else {
        configured
    }
}

/// A temporary directory that only we can read, removed when dropped.
#[derive(Debug)]
pub(crate) struct TempDir {
    directory: tempfile::TempDir,
    _alive: File,
}

impl TempDir {
    /// Makes one, and removes those that a killed run left behind.
    pub(crate) fn new() -> Result<Self> {
        Self::within(&root(std::env::temp_dir()))
    }

    /// The same in a directory of the caller's, made when it is not there: for what is too large for
    /// the place of temporary files, which may be memory.
    pub(crate) fn below(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
        Self::within(root)
    }

    fn within(root: &Path) -> Result<Self> {
        sweep(root);
        let cannot = || format!("cannot make a temporary directory in {}", root.display());
        for _ in 0..TRIES {
            if let Some(made) = Self::make(root).with_context(cannot)? {
                return Ok(made);
            }
        }
        bail!("{}: other programs remove what is made there", cannot())
    }

    /// Makes one; `None` when the sweep of another run took it before it was locked.
    fn make(root: &Path) -> std::io::Result<Option<Self>> {
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(root)?;
        let path = directory.path().join(ALIVE);
        let alive = match File::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            made => made?,
        };
        let ours = match alive.try_lock() {
            Ok(()) => is_there(&alive, &path),
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        Ok(ours.then_some(Self {
            directory,
            _alive: alive,
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a directory in it, which holds nothing but what is put there.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

/// Whether an open file is still the one at this path.
fn is_there(file: &File, path: &Path) -> bool {
    let same = || -> std::io::Result<bool> {
        let (one, other) = (file.metadata()?, path.symlink_metadata()?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    };
    same().unwrap_or(false)
}

/// Removes the temporary directories whose owners are gone. Best effort: what is another user's is not even
/// looked into, as it may be made to hold us up.
fn sweep(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        match alive(&path) {
            Ok(Some(alive)) => {
                // Held until all is gone, so that who has just made it learns of it.
                if alive.try_lock().is_ok() {
                    let _ = std::fs::remove_dir_all(&path);
                }
            }
            // Its owner was killed, or is about to make the file: then it makes another directory. One that
            // is not empty stays.
            Ok(None) => drop(std::fs::remove_dir(&path)),
            Err(_) => {}
        }
    }
}

/// The lock of a directory that is ours, `None` when it has none; fails for whatever else goes by the name.
fn alive(path: &Path) -> std::io::Result<Option<File>> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let directory = File::from(open(path, flags | OFlags::DIRECTORY, Mode::empty())?);
    let (user, other) = (proc::user().0, std::io::Error::other("not ours"));
    if directory.metadata()?.uid() != user {
        return Err(other);
    }
    let alive = match openat(&directory, ALIVE, flags | OFlags::RDONLY, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        opened => File::from(opened?),
    };
    let found = alive.metadata()?;
    if found.is_file() && found.uid() == user {
        Ok(Some(alive))
    } else {
        Err(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Cmd;

    #[test]
    fn the_sweep_takes_the_dead_and_leaves_the_living() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join(format!("{PREFIX}dead"));
        let living = root.path().join(format!("{PREFIX}living"));
        let other = root.path().join("other");
        for directory in [&dead, &living, &other] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join(ALIVE), "").unwrap();
        }
        let lock = File::open(living.join(ALIVE)).unwrap();
        lock.lock().unwrap();
        let unborn = root.path().join(format!("{PREFIX}unborn"));
        std::fs::create_dir(&unborn).unwrap();
        sweep(root.path());
        assert!(!dead.exists());
        assert!(living.exists());
        assert!(other.exists());
        assert!(!unborn.exists());
    }

    #[test]
    fn nobody_holds_up_the_sweep() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(format!("{PREFIX}{name}"));
        std::fs::create_dir(path("fifo")).unwrap();
        let fifo = path("fifo").join(ALIVE);
        assert!(
            Cmd::new("mkfifo")
                .arg(&fifo)
                .output()
                .unwrap()
                .status
                .success()
        );
        // A link to a file of ours, and to a directory of ours.
        std::fs::create_dir(path("link")).unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink(root.path().join("file"), path("link").join(ALIVE)).unwrap();
        std::fs::create_dir(root.path().join("folder")).unwrap();
        std::fs::write(root.path().join("folder").join(ALIVE), "").unwrap();
        std::os::unix::fs::symlink(root.path().join("folder"), path("folder")).unwrap();
        sweep(root.path());
        for left in [fifo, path("link"), path("folder").join(ALIVE)] {
            assert!(left.symlink_metadata().is_ok(), "{}", left.display());
        }
    }

    #[test]
    fn what_is_another_user_s_stays() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join(format!("{PREFIX}other"));
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join(ALIVE), "").unwrap();
        // Only root can give files away.
        if std::os::unix::fs::chown(&directory, Some(1), None).is_ok() {
            sweep(root.path());
            assert!(directory.exists());
        }
    }

    /// Runs that begin at the same moment sweep while others make theirs.
    #[test]
    fn who_begins_is_taken_for_no_dead_one() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let make = || {
            for _ in 0..200 {
                let temp_dir = TempDir::within(root).unwrap();
                assert!(temp_dir.path().join(ALIVE).exists());
                std::fs::write(temp_dir.path().join("key"), "").unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(make);
            }
        });
        assert_eq!(std::fs::read_dir(root).unwrap().count(), 0);
    }
}
