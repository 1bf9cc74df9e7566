//! Where goes what is pushed beside the repository's own objects: the host's own store of git-lfs, and its
//! copies of submodules.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

use super::super::Repo;
use super::super::file_ownership::settle;
use super::lfs::{self, Pointer};
use super::submodules::stays;
use crate::digest;

/// Where git-lfs keeps the contents of a repository.
#[derive(Debug, Clone)]
pub struct LfsStore {
    git_dir: PathBuf,
    storage: PathBuf,
}

/// A content that is on its way.
#[derive(Debug)]
pub struct Incoming {
    object: Pointer,
    file: NamedTempFile,
    left: u64,
    digest: digest::RunningDigest,
    git_dir: PathBuf,
    place: PathBuf,
}

impl Repo {
    /// Where git-lfs keeps its contents.
    pub fn lfs_store(&self) -> Result<LfsStore> {
        Ok(LfsStore {
            git_dir: self.common_dir.clone(),
            storage: lfs::storage(self)?,
        })
    }
}

impl LfsStore {
    /// Whether a content is there.
    pub fn has(&self, object: &Pointer) -> bool {
        object.is_in(&self.storage)
    }

    /// Begins to take one. Nobody sees it before it is whole, and is what it should be.
    pub fn receive(&self, object: Pointer) -> Result<Incoming> {
        // Git-lfs itself removes what is left there.
        let unfinished = self.storage.join("tmp");
        let make = || -> std::io::Result<NamedTempFile> {
            std::fs::create_dir_all(&unfinished)?;
            NamedTempFile::new_in(&unfinished)
        };
        let file = make().with_context(|| format!("cannot write to {}", unfinished.display()))?;
        settle(&self.git_dir, &unfinished);
        Ok(Incoming {
            file,
            git_dir: self.git_dir.clone(),
            left: object.size,
            digest: digest::RunningDigest::default(),
            place: self.storage.join(object.place()),
            object,
        })
    }
}

impl Incoming {
    /// Takes what comes next of it.
    pub fn write(mut self, bytes: &[u8]) -> Result<Self> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.context("the content is longer than announced")?;
        self.digest.update(bytes);
        let write = self.file.write_all(bytes);
        write.context("cannot write the content")?;
        Ok(self)
    }

    /// Puts it where git-lfs finds it.
    pub fn finish(self) -> Result<()> {
        ensure!(self.left == 0, "the content is incomplete");
        let expected = self.object.oid.to_string();
        ensure!(
            self.digest.finish() == expected,
            "the content does not match its checksum"
        );
        let place = self.place;
        let put = || -> std::io::Result<()> {
            // As git-lfs has them.
            let mode = std::fs::Permissions::from_mode(0o444);
            self.file.as_file().set_permissions(mode)?;
            self.file.as_file().sync_all()?;
            place.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            self.file.persist(&place)?;
            Ok(())
        };
        put().with_context(|| format!("cannot write {}", place.display()))?;
        settle(&self.git_dir, &place);
        Ok(())
    }
}

/// The git directory of a submodule that has this one of `homes` (`modules/<name>`, and below that for one of
/// a submodule), if there is a copy of it; none that a link leads out to.
pub fn module_dir(homes: &[PathBuf], directory: &str) -> Option<PathBuf> {
    let named = directory.strip_prefix("modules/").is_some_and(stays);
    let inside = |home: &PathBuf| {
        let (home, dir) = (
            home.canonicalize().ok()?,
            home.join(directory).canonicalize().ok()?,
        );
        let is_there = dir.starts_with(home.join("modules")) && dir.join("HEAD").is_file();
        (is_there && dir.join("objects").is_dir()).then_some(dir)
    };
    named.then(|| homes.iter().find_map(inside)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, LfsStore) {
        let directory = tempfile::tempdir().unwrap();
        let storage = directory.path().join("lfs");
        let git_dir = directory.path().to_owned();
        (directory, LfsStore { git_dir, storage })
    }

    #[test]
    fn only_what_is_whole_and_right_is_kept() {
        let (directory, store) = store();
        let object = Pointer::new(&digest::of("content"), 7).unwrap();
        let put = |parts: &[&str]| {
            let start = store.receive(object);
            let all = parts
                .iter()
                .try_fold(start?, |file, part| file.write(part.as_bytes()));
            all?.finish()
        };
        for (parts, why) in [
            (&["con"][..], "is incomplete"),
            (&["con", "tents"], "longer than announced"),
            (&["CONTENT"], "does not match its checksum"),
        ] {
            let error = put(parts).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert!(!store.has(&object));
        }
        put(&["con", "tent"]).unwrap();
        assert!(store.has(&object));
        put(&["content"]).unwrap();
        let unfinished = directory.path().join("lfs/tmp");
        assert_eq!(std::fs::read_dir(unfinished).unwrap().count(), 0);
    }

    #[test]
    fn only_git_directories_of_submodules_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let make = |path: &str| {
            std::fs::create_dir_all(directory.path().join(path).join("objects")).unwrap();
            std::fs::write(directory.path().join(path).join("HEAD"), "x").unwrap();
        };
        for path in [
            "home",
            "home/modules/a b/c",
            "home/modules/a b/c/modules/in",
            "outside",
        ] {
            make(path);
        }
        std::os::unix::fs::symlink("../../outside", home.join("modules/link")).unwrap();
        let homes = [directory.path().join("nowhere"), home];
        for (name, found) in [
            ("modules/a b/c", true),
            ("modules/a b/c/modules/in", true),
            ("modules/a b", false),
            ("modules/link", false),
            ("modules/../modules/a b/c", false),
            ("modules/", false),
            ("modules/../../outside", false),
            ("", false),
            ("objects", false),
        ] {
            assert_eq!(module_dir(&homes, name).is_some(), found, "{name}");
        }
    }
}
