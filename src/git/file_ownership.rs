//! Files below the git directory, as git itself makes them there. `core.sharedRepository` says who else may
//! read and write them. What root makes in somebody else's repository goes to its owner, whose own git could
//! not go on otherwise: it makes no object in a directory of root's.
//!
//! All of it is best effort: a file that stays as it is does less harm than a command that fails.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use gix::bstr::ByteSlice;
use gix::config::tree::Core;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Result as Io;
use rustix::process::geteuid;

use super::{Repo, run};
use crate::fs::{self, Lock};
use crate::proc::Cmd;

/// Our directory below the git directory.
const OURS: &str = "dkr";
/// The directories where git, called by us, makes files.
const WRITTEN: [&str; 6] = [OURS, "hooks", "logs", "objects", "reftable", "refs"];

impl Repo {
    /// Our directory below the git directory.
    pub fn own_dir(&self) -> PathBuf {
        self.common_dir.join(OURS)
    }

    /// Writes a file there.
    pub fn write_own(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let file = self.own_dir().join(name);
        fs::write_by_umask(&file, bytes)?;
        self.set_owner_and_mode(&file);
        Ok(())
    }

    /// Takes a lock there, if nobody has it.
    pub fn lock_own(&self, name: &str) -> Result<Option<Lock>> {
        let file = self.own_dir().join(name);
        let lock = Lock::try_take(&file)?;
        // Those who wait ask often.
        if lock.is_some() {
            self.set_owner_and_mode(&file);
        }
        Ok(lock)
    }

    /// Gives a file that we made below the git directory, and the directories that lead to it, the owner and
    /// the mode that git would have given them.
    pub fn set_owner_and_mode(&self, file: &Path) {
        settle_as(self.opened(), &self.common_dir, file);
    }

    /// Runs a git command that writes below the git directory.
    pub(super) fn run_writing(&self, subcommand: &str, cmd: &Cmd) -> Result<Vec<u8>> {
        let outcome = run(subcommand, cmd);
        give_back(&self.common_dir);
        outcome
    }
}

/// The same where there is no more than the git directory.
pub(super) fn settle(git_dir: &Path, file: &Path) {
    let options = gix::open::Options::default().open_path_as_is(true);
    settle_as(gix::open_opts(git_dir, options).ok(), git_dir, file);
}

fn settle_as(gix: Option<gix::Repository>, git_dir: &Path, file: &Path) {
    if let Ok(below) = file.strip_prefix(git_dir) {
        let rules = OwnershipRules {
            owner: OwnershipRules::owner(git_dir),
            shared: gix.as_ref().map_or(0, shared),
        };
        let _ = rules.settle(git_dir, below);
    }
}

/// `core.sharedRepository`, in git's own numbers.
fn shared(gix: &gix::Repository) -> i32 {
    let config = gix.config_snapshot();
    let shared = match config.string("core.sharedRepository") {
        Some(value) => Core::SHARED_REPOSITORY.try_into_shared_repository(Some(value.as_bstr())),
        // A key without a value means yes.
        None if config.boolean("core.sharedRepository") == Some(true) => return 0o660,
        None => return 0,
    };
    shared.unwrap_or(0)
}

/// Gives what root, or git in its name, has made below a git directory to the user whose directory it is.
pub(crate) fn give_back(git_dir: &Path) {
    let Some(owner) = OwnershipRules::owner(git_dir) else {
        return;
    };
    let rules = OwnershipRules {
        owner: Some(owner),
        // Git has seen to the modes.
        shared: 0,
    };
    let Ok(top) = open_at(CWD, git_dir) else {
        return;
    };
    let is_written = |name: &[u8]| WRITTEN.iter().any(|written| written.as_bytes() == name);
    let _ = rules.walk(&top, &is_written);
}

/// What git goes by.
struct OwnershipRules {
    /// Whose files they become, where we are root and the repository is not root's.
    owner: Option<Uid>,
    /// As gix has `core.sharedRepository`.
    shared: i32,
}

impl OwnershipRules {
    fn owner(git_dir: &Path) -> Option<Uid> {
        let owner = git_dir.metadata().ok()?.uid();
        (geteuid().is_root() && owner != 0).then(|| Uid::from_raw(owner))
    }

    /// A file, and each directory on the way to it.
    fn settle(&self, git_dir: &Path, below: &Path) -> Io<()> {
        let mut dir = open_at(CWD, git_dir)?;
        for name in below {
            let next = open_at(&dir, name)?;
            self.apply(&dir, &next)?;
            dir = next;
        }
        Ok(())
    }

    /// All that is root's in a directory, and in those below it that `enters` takes.
    fn walk(&self, dir: &OwnedFd, enters: &dyn Fn(&[u8]) -> bool) -> Io<()> {
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            // What is gone by now needs nothing.
            let Ok(stat) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if is_dir && !enters(name.to_bytes()) || !is_dir && stat.st_uid != 0 {
                continue;
            }
            let Ok(file) = open_at(dir, name) else {
                continue;
            };
            let _ = self.apply(dir, &file);
            if is_dir {
                let _ = self.walk(&file, &|_| true);
            }
        }
        Ok(())
    }

    fn apply(&self, dir: &OwnedFd, file: &OwnedFd) -> Io<()> {
        let stat = rustix::fs::fstat(file)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {}
            // One with a second name may be any file of root's that somebody has linked here.
            FileType::RegularFile if stat.st_nlink == 1 => {}
            _ => return Ok(()),
        }
        if self.owner.is_some() && stat.st_uid == 0 {
            let group = Gid::from_raw(rustix::fs::fstat(dir)?.st_gid);
            rustix::fs::fchown(file, self.owner, Some(group))?;
        }
        if stat.st_uid == geteuid().as_raw() {
            let before = Permissions::from_mode(stat.st_mode);
            let after = gix::fs::adjust_shared_repository_permissions(before, self.shared).mode();
            if after != stat.st_mode {
                rustix::fs::fchmod(file, Mode::from_raw_mode(after))?;
            }
        }
        Ok(())
    }
}

/// Never by way of a symbolic link, by which the owner of the directory could lead root anywhere, and without
/// waiting for whoever is at the other end of a FIFO.
fn open_at(dir: impl AsFd, name: impl rustix::path::Arg) -> Io<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}
