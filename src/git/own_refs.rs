//! Refs of our own: moved in process, where refs are in files, and by git else. No hook runs because of it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Tree, Write};
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};

use super::{ObjectId, Repo};
use crate::proc::Cmd;

/// What a ref must be for it to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OldValue<'a> {
    Any,
    Missing,
    Commit(&'a ObjectId),
}

impl Repo {
    /// Makes a ref lead to a new commit without parents that has one file, whatever it led to.
    pub fn set_file_ref(&self, reference: &str, file: &str, bytes: &[u8]) -> Result<ObjectId> {
        let commit = self
            .commit_of_file(file, bytes)
            .with_context(|| format!("cannot write {file} of {reference}"))?;
        self.set_own_ref(reference, OldValue::Any, &commit)
            .with_context(|| format!("cannot write {reference}"))?;
        Ok(commit)
    }

    fn commit_of_file(&self, file: &str, bytes: &[u8]) -> Result<ObjectId> {
        let gix = self.open_gix()?;
        let mut gix = gix.with_object_memory();
        let blob = gix.write_blob(bytes)?.detach();
        let entry = Entry {
            mode: EntryKind::Blob.into(),
            filename: file.into(),
            oid: blob,
        };
        let tree = gix.write_object(Tree {
            entries: vec![entry],
        })?;
        let (tree, time) = (tree.detach(), now());
        let none = None::<gix::ObjectId>;
        let message = format!("git dkr: {file}\n");
        let commit = gix
            .new_commit_as(us(&time), us(&time), message, tree, none)?
            .id
            .to_string();
        self.write_memory(&mut gix)?;
        ObjectId::parse(&commit).context("a commit has no id")
    }

    /// Writes the objects that gix keeps in memory, as git would.
    pub(super) fn write_memory(&self, gix: &mut gix::Repository) -> Result<()> {
        let made = gix.objects.take_object_memory().unwrap_or_default();
        for (kind, bytes) in made.values() {
            let id = gix.write_buf(*kind, bytes);
            let id = id.map_err(|error| anyhow::anyhow!("{error}"))?;
            self.set_owner_and_mode(&self.loose(&id));
        }
        Ok(())
    }

    /// The file of an object that is in no pack.
    fn loose(&self, id: &gix::ObjectId) -> PathBuf {
        let id = id.to_string();
        let (directory, name) = id.split_at(2);
        self.objects.join(directory).join(name)
    }

    /// Moves a ref, by its full name, if it is what it must be.
    pub(super) fn set_own_ref(&self, name: &str, old: OldValue, new: &ObjectId) -> Result<()> {
        let Some(gix) = self.gix() else {
            // gix knows refs in files only.
            let none = new.null();
            let args = ["--create-reflog", "-m", "git dkr", name, new.as_str()];
            let old = match old {
                OldValue::Any => None,
                OldValue::Missing => Some(none.as_str()),
                OldValue::Commit(old) => Some(old.as_str()),
            };
            let args: Vec<&str> = args.into_iter().chain(old).collect();
            return self.quiet_ref(&args);
        };
        let expected = match old {
            OldValue::Any => PreviousValue::Any,
            OldValue::Missing => PreviousValue::MustNotExist,
            OldValue::Commit(old) => PreviousValue::MustExistAndMatch(Target::Object(native(old)?)),
        };
        let edit = RefEdit {
            change: Change::Update {
                log: LogChange {
                    mode: RefLog::AndReference,
                    force_create_reflog: false,
                    message: "git dkr".into(),
                },
                expected,
                new: Target::Object(native(new)?),
            },
            name: FullName::try_from(name)
                .with_context(|| format!("{name} is no name of a ref"))?,
            // One that leads to another ref would take that along.
            deref: false,
        };
        gix.edit_references_as([edit], Some(us(&now())))?;
        for below in [name.to_owned(), format!("logs/{name}")] {
            self.set_owner_and_mode(&self.common_dir.join(below));
        }
        Ok(())
    }

    /// A git command that runs no hook, neither a file nor, with git 2.54 and later, one that the
    /// config names.
    pub(super) fn without_hooks(&self) -> Cmd {
        let events = ["reference-transaction", "pre-push", "post-checkout"];
        let off = events.map(|event| format!("hook.{event}.enabled=false"));
        let mut cmd = self.git(["-c", "core.hooksPath=/dev/null"]);
        for setting in off {
            cmd = cmd.arg("-c").arg(setting);
        }
        cmd
    }

    pub(super) fn quiet_ref(&self, args: &[&str]) -> Result<()> {
        let cmd = self
            .without_hooks()
            .args(["update-ref", "--no-deref"])
            .args(args);
        self.run_writing("update-ref", &cmd).map(drop)
    }
}

/// Who writes: what is ours needs no name of the user's.
pub(super) fn us(time: &str) -> gix::actor::SignatureRef<'_> {
    gix::actor::SignatureRef {
        name: "git dkr".into(),
        email: "dkr@localhost".into(),
        time,
    }
}

/// As git writes it: seconds and zone.
pub(super) fn now() -> String {
    format!("{} +0000", jiff::Timestamp::now().as_second())
}

/// An id as gix has it.
pub(super) fn native(id: &ObjectId) -> Result<gix::ObjectId> {
    gix::ObjectId::from_hex(id.as_str().as_bytes()).context("an object id is malformed")
}
