//! A directory as a cache. For each entry `<tag>.json`, its index, and the archive
//! `<tag>.<12 digits of its SHA-256>.tar.zst`. The archive is there before the index that names it.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use tempfile::{NamedTempFile, TempPath};

use super::entry::{Archive, ArchiveHold, CacheEntry, StoreResult};
use super::index::LONGEST;
use super::sums::sums;
use super::{CorruptEntry, Index, IndexPart};
use crate::error::Failure;
use crate::fs::{Lock, write_whole};
use crate::overlay::key::of_tag;
use crate::ui::Printer;

/// How the name of a file begins that is being written, an archive or an index.
const UNFINISHED: &str = ".tmp";
/// What is left behind is removed when it is older than this.
const OLD: Duration = Duration::from_secs(24 * 3600);

/// A directory of archives.
#[derive(Debug)]
pub struct DirectoryCache {
    path: PathBuf,
    /// Says that another run is waited for.
    printer: Printer,
}

impl DirectoryCache {
    /// Made when something is put there.
    pub fn new(path: &Path, printer: Printer) -> Self {
        Self {
            path: path.to_owned(),
            printer,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn index_of(&self, tag: &str) -> PathBuf {
        self.path.join(format!("{tag}.json"))
    }

    fn read(&self, tag: &str) -> Result<Option<Index>> {
        let path = self.index_of(tag);
        let cannot = || format!("cannot read {}", path.display());
        let file = match crate::fs::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(cannot),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST)
            .read_to_end(&mut bytes)
            .with_context(cannot)?;
        Ok(Some(Index::read(tag, &bytes)?))
    }

    /// The entry of a tag, if its archive is there.
    pub fn find(&self, tag: &str) -> Result<Option<Index>> {
        let Some(index) = self.read(tag)? else {
            return Ok(None);
        };
        let [part] = index.parts.as_slice() else {
            bail!(CorruptEntry::new(tag, "its index names several archives"));
        };
        if part.name != archive_name(tag, &index.sha256) || part.sha256 != index.sha256 {
            bail!(CorruptEntry::new(tag, "its index names another file"));
        }
        let there = std::fs::symlink_metadata(self.path.join(&part.name));
        match there {
            Ok(there) if there.is_file() && there.len() == index.size => Ok(Some(index)),
            Ok(_) => bail!(CorruptEntry::new(tag, "the archive is of another size")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(CorruptEntry::new(tag, "the archive is missing"))
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", part.name)),
        }
    }

    /// Its archive, whose digest is left to who reads it. Nobody removes it meanwhile.
    pub fn get(&self, index: &Index) -> Result<Archive> {
        let path = self.path.join(archive_name(&index.tag, &index.sha256));
        let lock = match crate::fs::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(CorruptEntry::new(&index.tag, "the archive is missing"))
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        // A file system without locks has no prune to be afraid of either, or not at the same time.
        let _ = lock.lock_shared();
        // When it was used last, for prune. A directory that cannot be written to is good for reading.
        let touched = crate::fs::open(self.index_of(&index.tag));
        let _ = touched.and_then(|file| file.set_modified(SystemTime::now()));
        let held = ArchiveHold::InDirectory { _lock: lock };
        Ok(Archive { path, held })
    }

    /// Copies an archive in. An entry of its tag that is good stays, unless it is to be replaced.
    pub fn put(
        &self,
        archive: &Path,
        index: &Index,
        replace: bool,
        count: &Arc<AtomicU64>,
    ) -> Result<StoreResult> {
        if !replace && self.is_good(&index.tag) {
            return Ok(StoreResult::WasThere);
        }
        let cannot = || format!("cannot write to the cache {}", self.path.display());
        let mut file = self.unfinished()?;
        // Says that we are alive.
        let _ = file.as_file().lock_shared();
        // Not synced: after a loss of power its digest tells.
        let written = sums(archive, u64::MAX, file.as_file_mut(), count).with_context(cannot)?;
        if written.sha256 != index.sha256 || written.size != index.size {
            bail!(Failure::new(format!(
                "{} does not match its digest",
                archive.display()
            )));
        }
        self.take_in(file.into_temp_path(), index, replace)
    }

    /// Makes the directory, if it is not there.
    fn make(&self) -> Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&self.path);
        made.with_context(|| format!("cannot make the cache {}", self.path.display()))
    }

    /// A file in the directory, which is made for it, to write an archive to; gone when dropped.
    pub fn unfinished(&self) -> Result<NamedTempFile> {
        self.make()?;
        tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(&self.path)
            .with_context(|| format!("cannot write to the cache {}", self.path.display()))
    }

    fn is_good(&self, tag: &str) -> bool {
        matches!(self.find(tag), Ok(Some(_)))
    }

    /// Stores an archive that was written to an [`unfinished`](Self::unfinished) file, and is what its
    /// index says. An entry of this tag that is good stays, unless it is to be replaced.
    pub fn take_in(&self, archive: TempPath, index: &Index, replace: bool) -> Result<StoreResult> {
        let tag = &index.tag;
        let cannot = || format!("cannot write to the cache {}", self.path.display());
        let _turn = self.turn()?;
        if !replace && self.is_good(tag) {
            return Ok(StoreResult::WasThere);
        }
        let name = archive_name(tag, &index.sha256);
        let part = IndexPart {
            name: name.clone(),
            size: index.size,
            sha256: index.sha256.clone(),
        };
        archive
            .persist(self.path.join(&name))
            .with_context(cannot)?;
        let json = index.with_parts(vec![part]).to_json()?;
        if let Err(error) = write_whole(&self.index_of(tag), &json) {
            let needed = matches!(self.read(tag), Ok(Some(old)) if old.sha256 == index.sha256);
            if !needed {
                let _ = std::fs::remove_file(self.path.join(&name));
            }
            return Err(error).with_context(cannot);
        }
        for old in self
            .archives()?
            .into_iter()
            .filter(|old| old.tag == *tag && old.name != name)
        {
            old.remove_unless_used(&self.path)?;
        }
        Ok(StoreResult::Stored)
    }

    /// One at a time where an index and its archive change together.
    fn turn(&self) -> Result<Lock> {
        Lock::acquire(
            &self.path.join(".lock"),
            "another run that writes to the cache",
            self.printer,
        )
    }

    pub(super) fn list(&self) -> Result<Vec<CacheEntry>> {
        let mut found = Vec::new();
        for (name, at) in self.names()? {
            let Some(tag) = name
                .strip_suffix(".json")
                .filter(|tag| of_tag(tag).is_some())
            else {
                continue;
            };
            let index = match self.find(tag) {
                Ok(None) => continue,
                Ok(index) => index,
                Err(error) if CorruptEntry::is(&error) => None,
                Err(error) => return Err(error),
            };
            found.push(CacheEntry {
                tag: tag.to_owned(),
                size: index.as_ref().map_or(0, |index| index.size),
                used_at: Timestamp::try_from(at).unwrap_or_default(),
                broken: index.is_none(),
            });
        }
        found.sort_by(|one, other| one.tag.cmp(&other.tag));
        Ok(found)
    }

    /// Whether it is gone: one that is being read stays.
    pub(super) fn remove(&self, tag: &str) -> Result<bool> {
        if !self.path.exists() {
            return Ok(true);
        }
        let _turn = self.turn()?;
        let archives = self.archives()?;
        let archives: Vec<&CachedArchive> =
            archives.iter().filter(|kept| kept.tag == tag).collect();
        if archives.iter().any(|kept| kept.is_used(&self.path)) {
            return Ok(false);
        }
        remove_file(&self.index_of(tag))?;
        for kept in archives {
            kept.remove_unless_used(&self.path)?;
        }
        Ok(true)
    }

    /// Removes what no index names, and what was never finished.
    pub(super) fn sweep(&self) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let _turn = self.turn()?;
        for kept in self.archives()? {
            let named = match self.read(&kept.tag) {
                Ok(index) => {
                    index.is_some_and(|index| archive_name(&kept.tag, &index.sha256) == kept.name)
                }
                Err(error) if CorruptEntry::is(&error) => false,
                Err(error) => return Err(error),
            };
            if !named {
                kept.remove_unless_used(&self.path)?;
            }
        }
        for (name, at) in self.names()? {
            let old = at.elapsed().is_ok_and(|age| age > OLD);
            if old && name.starts_with(UNFINISHED) {
                let unfinished = CachedArchive {
                    name,
                    tag: String::new(),
                };
                unfinished.remove_unless_used(&self.path)?;
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<(String, SystemTime)>> {
        let cannot = || format!("cannot read the cache {}", self.path.display());
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(cannot),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.with_context(cannot)?;
            let at = entry.metadata().and_then(|there| there.modified());
            // Others may remove files meanwhile, and have names that are no text.
            if let (Ok(name), Ok(at)) = (entry.file_name().into_string(), at) {
                names.push((name, at));
            }
        }
        Ok(names)
    }

    fn archives(&self) -> Result<Vec<CachedArchive>> {
        let kept = |(name, _): (String, SystemTime)| {
            let (tag, digits) = name.strip_suffix(".tar.zst")?.rsplit_once('.')?;
            let ours = of_tag(tag).is_some() && digits.len() == 12;
            let tag = tag.to_owned();
            ours.then_some(CachedArchive { name, tag })
        };
        Ok(self.names()?.into_iter().filter_map(kept).collect())
    }
}

/// An archive in the directory.
struct CachedArchive {
    name: String,
    tag: String,
}

impl CachedArchive {
    /// Whether somebody reads it, or writes it still.
    fn is_used(&self, directory: &Path) -> bool {
        crate::fs::open(directory.join(&self.name)).is_ok_and(|file| file.try_lock().is_err())
    }

    fn remove_unless_used(&self, directory: &Path) -> Result<()> {
        if self.is_used(directory) {
            return Ok(());
        }
        remove_file(&directory.join(&self.name))
    }
}

fn archive_name(tag: &str, sha256: &str) -> String {
    format!("{tag}.{}.tar.zst", sha256.get(..12).unwrap_or(sha256))
}

fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
