//! Files: written whole or not at all; temporary folders that do not outlive us.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{proc, ui};

/// How the names of our temporary folders begin.
const PREFIX: &str = "git-dkr-";
/// The file in each whose lock says that its owner is alive.
const ALIVE: &str = ".alive";

/// Writes a file by way of a temporary one beside it, so that a reader sees the old content or
/// the new, and an interruption leaves the old.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// The same with a mode: 0755 for a program that git is to run.
pub fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    replace(path, bytes, |file| {
        file.set_permissions(std::fs::Permissions::from_mode(mode))
    })
}

/// The same with the mode that other programs give their files, by the umask.
pub fn write_by_umask(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, |_| Ok(()))
}

fn replace(path: &Path, bytes: &[u8], finish: impl Fn(&File) -> std::io::Result<()>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        finish(file.as_file())?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Docker splits the path of a key at commas, and knows no way to quote them.
fn root(configured: PathBuf) -> PathBuf {
    if configured.to_string_lossy().contains(',') {
        PathBuf::from("/tmp")
    } else {
        configured
    }
}

/// A temporary folder that only we can read, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    _alive: File,
}

impl Scratch {
    /// Makes one, and removes those that a killed run left behind.
    pub fn new() -> Result<Self> {
        Self::within(&root(std::env::temp_dir()))
    }

    /// The same in a folder of the caller's, made when it is not there: for what is too large for
    /// the place of temporary files, which may be memory.
    pub fn below(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
        Self::within(root)
    }

    fn within(root: &Path) -> Result<Self> {
        sweep(root);
        let make = || -> std::io::Result<Self> {
            let folder = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(std::fs::Permissions::from_mode(0o700))
                .tempdir_in(root)?;
            let alive = File::create(folder.path().join(ALIVE))?;
            alive.lock()?;
            Ok(Self {
                folder,
                _alive: alive,
            })
        };
        make().with_context(|| format!("cannot make a temporary folder in {}", root.display()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a folder in it, which holds nothing but what is put there.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// The same for what is mounted in containers, whose users may be others than we: they can read it there,
    /// and nobody here gets past the directory around it.
    pub fn mountable_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder(name)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot open {} to containers", path.display()))?;
        Ok(path)
    }
}

/// Writes a file with this mode, whatever the umask: 0600 for its owner alone, 0700 to be run by it, and more
/// where the directory around it is closed.
pub fn write_private(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
    let write = || -> std::io::Result<()> {
        std::fs::write(path, bytes)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// That files can be made in a folder, or where it would have to be made. Leaves nothing there.
pub fn check_writable(folder: &Path) -> Result<()> {
    let made = folder
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok());
    let made = made.unwrap_or(Path::new("/"));
    tempfile::tempfile_in(made).with_context(|| format!("cannot write to {}", made.display()))?;
    Ok(())
}

/// Removes the temporary folders whose owners are gone. Best effort: others' folders and races
/// with a starting run are left alone.
fn sweep(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(alive) = File::open(entry.path().join(ALIVE)) else {
            continue;
        };
        if alive.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
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
            .and_then(|()| File::create(path).or_else(|_| File::open(path)))
            .with_context(|| format!("cannot make the lock {}", path.display()))
    }

    /// Takes the lock at `path`; `what` completes the sentence "waiting for …".
    pub fn take(path: &Path, what: &str) -> Result<Self> {
        let mut said = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if !said {
                ui::status("waiting", &format!("for {what}"));
                said = true;
            }
            proc::check_interrupted()?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_whole(&path, b"old").unwrap();
        // A folder cannot be replaced by a file.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(write_whole(&taken, b"new").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_sweep_takes_the_dead_and_leaves_the_living() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join(format!("{PREFIX}dead"));
        let living = root.path().join(format!("{PREFIX}living"));
        let other = root.path().join("other");
        for folder in [&dead, &living, &other] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join(ALIVE), "").unwrap();
        }
        let lock = File::open(living.join(ALIVE)).unwrap();
        lock.lock().unwrap();
        sweep(root.path());
        assert!(!dead.exists());
        assert!(living.exists());
        assert!(other.exists());
    }

    #[test]
    fn private_files_are_private() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("key");
        write_private(&path, "secret", 0o600).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(scratch.path()), 0o700);
    }
}
