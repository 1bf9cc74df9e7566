//! Images kept as archives, for machines and engines that have lost them.

use std::fs::{File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use super::{archive, labels};
use crate::engine::{Engine, EngineError, EngineImage};
use crate::proc;
use crate::ui::Printer;

/// How the names begin of archives that are not whole yet.
const UNFINISHED: &str = ".git-dkr-";

/// A directory of archives.
#[derive(Debug, Clone)]
pub(super) struct ArchiveCache {
    directory: PathBuf,
    /// Says how it goes.
    printer: Printer,
}

impl ArchiveCache {
    /// In this directory, which is made when something is put there.
    pub(super) fn new(directory: PathBuf, printer: Printer) -> Self {
        Self { directory, printer }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, profile_id: &str) -> PathBuf {
        self.directory.join(format!("{profile_id}.tar"))
    }

    /// Whether there is an archive of a profile's image.
    pub(super) fn has(&self, profile_id: &str) -> bool {
        self.path(profile_id).exists()
    }

    /// Removes the archive of a profile's image, which there is another of now.
    pub(super) fn forget(&self, profile_id: &str) {
        // Where that cannot be, no new one can be written either, and that is said.
        let _ = std::fs::remove_file(self.path(profile_id));
    }

    /// Takes a profile's image from its archive; `None` where there is none that will do.
    pub(super) fn load(
        &self,
        engine: &Engine,
        tag: &str,
        profile_id: &str,
    ) -> Result<Option<EngineImage>> {
        let path = self.path(profile_id);
        let file = match crate::fs::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                self.printer
                    .warn(format_args!("cannot read {}: {error}", path.display()));
                return Ok(None);
            }
        };
        self.printer.status("check", &path.display().to_string());
        let checked = archive::check(BufReader::new(CancellableFile(file)), tag, profile_id);
        proc::check_interrupted()?;
        if let Err(reason) = checked {
            set_aside(&path, &reason, self.printer);
            return Ok(None);
        }
        self.printer.status("load", &path.display().to_string());
        if let Err(error) = engine.load(&path) {
            // Another trouble is not the archive's.
            if !matches!(error.downcast_ref(), Some(EngineError::Other(..))) {
                return Err(error).context("cannot load the archive of the image");
            }
            set_aside(&path, &error.to_string(), self.printer);
            return Ok(None);
        }
        let found = engine.inspect_one(tag)?;
        let ours = |found: &EngineImage| {
            found
                .labels
                .get(labels::PROFILE)
                .is_some_and(|id| id == profile_id)
        };
        if !found.as_ref().is_some_and(ours) {
            set_aside(&path, "the engine found another image in it", self.printer);
            return Ok(None);
        }
        Ok(found)
    }

    /// Keeps a profile's image: under a temporary name, then on the disk for good, then under its
    /// own.
    pub(super) fn save(&self, engine: &Engine, tag: &str, profile_id: &str) -> Result<()> {
        let path = self.path(profile_id);
        let save = || -> Result<()> {
            std::fs::create_dir_all(&self.directory)?;
            let temporary = self.unfinished(profile_id)?;
            engine.save(tag, temporary.reopen()?)?;
            temporary.as_file().sync_all()?;
            temporary.persist(&path)?;
            // The new name too.
            File::open(&self.directory)?.sync_all()?;
            Ok(())
        };
        save().with_context(|| format!("cannot keep the image in {}", path.display()))
    }
}

impl ArchiveCache {
    /// A file whose lock is ours for as long as it is written.
    fn unfinished(&self, profile_id: &str) -> io::Result<NamedTempFile> {
        loop {
            let file = tempfile::Builder::new()
                .prefix(&format!("{UNFINISHED}{profile_id}-"))
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(&self.directory)?;
            file.as_file().lock()?;
            // Somebody may have swept it before the lock was ours.
            if file.path().exists() {
                return Ok(file);
            }
        }
    }

    /// Removes what runs that were killed have left. Nothing is waited for, and what is no file stays.
    pub(super) fn sweep(&self) {
        let entries = std::fs::read_dir(&self.directory);
        for entry in entries.into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                continue;
            }
            let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
            let open = File::options()
                .read(true)
                .custom_flags(flags.cast_signed())
                .open(entry.path());
            let Ok(file) = open else { continue };
            let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
            if is_file && file.try_lock().is_ok() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Ends when we are asked to stop.
struct CancellableFile(File);

impl Read for CancellableFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        proc::check_interrupted().map_err(io::Error::other)?;
        self.0.read(into)
    }
}

/// Renames an archive that will not do: it may be somebody's, and is not ours to remove.
fn set_aside(path: &Path, reason: &str, printer: Printer) {
    let named = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".set-aside-{number}"));
        PathBuf::from(name)
    };
    let free = (1..)
        .map(named)
        .find(|name| name.symlink_metadata().is_err());
    let moved = free.map(|free| std::fs::rename(path, &free).map(|()| free));
    let path = path.display();
    match moved {
        Some(Ok(aside)) => printer.warn(format_args!(
            "{path} is not used: {reason}; it is now {}",
            aside.display()
        )),
        _ => printer.warn(format_args!("{path} is not used: {reason}")),
    }
}
