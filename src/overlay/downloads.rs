//! Downloads that are not done yet, kept for the next run in the user's cache directory.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::proc;
use crate::ui::Printer;

/// How long a download that nobody goes on with is kept.
const KEPT: Duration = Duration::from_secs(3 * 24 * 3600);
/// And how many of them.
const MOST: usize = 4;

/// A file for a download, ours alone until dropped. It stays for the next run, unless it is spent.
#[derive(Debug)]
pub(super) struct DownloadFile {
    path: PathBuf,
    _held: File,
    spent: bool,
}

impl DownloadFile {
    /// Takes the one of this name, and clears others away. `what` completes "waiting for …".
    pub(super) fn acquire(
        directory: &Path,
        name: &str,
        what: &str,
        printer: Printer,
    ) -> Result<Self> {
        let path = directory.join(name);
        let cannot = || format!("cannot make {}", path.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(cannot)?;
        let mut said = false;
        loop {
            let mut options = File::options();
            let options = options.create(true).truncate(false).write(true).mode(0o600);
            let held = options.open(&path).with_context(cannot)?;
            if held.try_lock().is_err() {
                if !std::mem::replace(&mut said, true) {
                    printer.status("waiting", &format!("for {what}"));
                }
                proc::check_interrupted()?;
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            // Whoever had it before may have removed it.
            let same = std::fs::metadata(&path)
                .and_then(|there| Ok(there.ino() == held.metadata()?.ino()))
                .unwrap_or(false);
            if same {
                clear(directory, name);
                let spent = false;
                return Ok(Self {
                    path,
                    _held: held,
                    spent,
                });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says that nobody needs it afterwards.
    pub(super) fn spend(&mut self) {
        self.spent = true;
    }
}

impl Drop for DownloadFile {
    fn drop(&mut self) {
        if self.spent {
            remove(&self.path);
        }
    }
}

fn remove(path: &Path) {
    // What is left is cleared away by a later run.
    let _ = std::fs::remove_file(path);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".etag");
    let _ = std::fs::remove_file(beside);
}

/// Removes what is too old or too much, and nothing that somebody holds.
fn clear(directory: &Path, but: &str) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut others: Vec<(SystemTime, PathBuf)> = entries
        .filter(|entry| entry.file_name() != but)
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with(".etag"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.0));
    for (index, (at, path)) in others.into_iter().enumerate() {
        let old = at.elapsed().is_ok_and(|age| age > KEPT);
        let held = crate::fs::open(&path).map(|file| file.try_lock().map(|()| file));
        if (old || index + 1 >= MOST)
            && let Ok(Ok(_held)) = held
        {
            remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_stay_until_they_are_spent_old_or_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let names = || {
            let entries = std::fs::read_dir(directory).unwrap();
            let mut names: Vec<String> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let make = |name: &str, hours: u64| {
            let slot = DownloadFile::acquire(directory, name, "x", Printer::default()).unwrap();
            std::fs::write(slot.path().with_extension("etag"), "x").unwrap();
            let at = SystemTime::now() - Duration::from_secs(hours * 3600);
            File::options()
                .write(true)
                .open(slot.path())
                .unwrap()
                .set_modified(at)
                .unwrap();
        };
        let old = directory.join("old");
        make("old", 100);
        let mut held = DownloadFile::acquire(directory, "held", "x", Printer::default()).unwrap();
        assert!(!old.exists());
        for (at, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            make(name, 50 - at as u64);
        }
        let kept = names();
        assert!(
            kept.contains(&"held".to_owned()) && kept.contains(&"e".to_owned()),
            "{kept:?}"
        );
        assert!(!kept.contains(&"a".to_owned()), "{kept:?}");
        held.spend();
        drop(held);
        assert!(!names().contains(&"held".to_owned()));
    }
}
