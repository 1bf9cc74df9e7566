//! Objects on their way into an image: packs together with their index, so that nobody has to
//! index them again, which is nearly all that a clone spends its time with.

mod extras;
#[doc(hidden)]
pub mod fuzz;
mod graph;
mod hashing_writer;
mod object_directories;
mod object_selection;
mod send;
mod subset_pack;
mod update;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::extras::Contents;
use super::pack_objects::pack_into;
use super::{GitError, ObjectId, Repo, View, command, lines, run, run_records};
use crate::error::Failure;
use crate::proc::{CancelToken, Cmd, join};
use graph::GraphSubset;
use object_directories::ObjectDirectories;
pub use object_selection::Objects;
use send::BundleEntry;
use subset_pack::{PackSelection, SubsetPack};
pub use update::TagSelection;

/// The files that make a new repository one that holds a commit: objects and refs. All are open, so
/// that what becomes of their names meanwhile changes nothing.
#[derive(Debug)]
pub struct ObjectBundle {
    parts: Vec<BundleEntry>,
    subset: Option<Box<SubsetPack>>,
    /// Comes after them; each is opened when it is its turn.
    contents: Contents,
    /// What to do when one of them is broken.
    hint: String,
}

impl ObjectBundle {
    /// Puts it together. `branch` is the one that the commit is on, if it is on any. `directory` must
    /// be empty, and may be removed afterwards. Fails when objects are missing or broken, when the
    /// disk is full, and when it is stopped.
    pub fn prepare(
        repo: &Repo,
        commit: &ObjectId,
        branch: Option<&str>,
        objects: Objects,
        directory: &Path,
        stop: &CancelToken,
    ) -> Result<Self> {
        let view = View::of_history(repo, commit, branch, directory, stop)?;
        let packs = directory.join("objects/pack");
        std::fs::create_dir_all(&packs)
            .with_context(|| format!("cannot make {}", packs.display()))?;
        let hint = format!("{} looks for what is broken", fsck(repo));
        let work = BundleWork {
            view,
            commit,
            stop,
            hint: &hint,
        };
        let made = ObjectDirectories::of(&[directory.join("objects")]);
        let (subset, files, cut) = match objects {
            Objects::Exact => {
                let cut = work.boundary(repo)?;
                let subset = work.pack_history(repo, cut.is_none())?;
                (subset, made.open()?, cut)
            }
            Objects::All => (None, work.all(repo, made)?, repo.shallow_boundary()?),
        };
        let mut refs = work.view.tags.clone();
        if let Some(branch) = branch {
            refs.push_str(&format!("{commit} refs/remotes/host/{branch}\n"));
        }
        let mut parts = vec![BundleEntry::text("packed-refs", refs)];
        parts.extend(cut.map(|cut| BundleEntry::text("shallow", cut)));
        for open in files {
            parts.push(part(open, &repo.object_format)?);
        }
        Ok(Self {
            parts,
            subset: subset.map(Box::new),
            contents: Contents::default(),
            hint,
        })
    }

    /// The bytes that it holds.
    pub fn size(&self) -> u64 {
        let subset = self.subset.as_ref().map_or(0, |subset| subset.size());
        subset + self.parts.iter().map(BundleEntry::size).sum::<u64>() + self.contents.size()
    }

    /// Hands it out as a tar archive, piece by piece, until `give` says that nobody takes any more;
    /// whether all was taken. The last entry is empty, and says that nothing is missing. Fails when
    /// a file is not what it should be.
    pub fn send(self, mut give: impl FnMut(Vec<u8>) -> bool) -> Result<bool> {
        for part in self.parts {
            if !part.send(&self.hint, &mut give)? {
                return Ok(false);
            }
        }
        if let Some(subset) = self.subset
            && !subset.send(&mut give)?
        {
            return Ok(false);
        }
        for part in self.contents.files().map(BundleEntry::known) {
            if !part.send(&self.hint, &mut give)? {
                return Ok(false);
            }
        }
        Ok(give(send::end()?))
    }
}

/// A file of objects, as it is sent; all of git's but one end in their own hash.
fn part((name, path, file): object_directories::OpenFile, format: &str) -> Result<BundleEntry> {
    let hashed = (!name.ends_with("chain")).then_some(format);
    BundleEntry::file(&format!("objects/{name}"), path, file, hashed)
}

/// What is needed to make packs.
struct BundleWork<'a> {
    view: View,
    commit: &'a ObjectId,
    stop: &'a CancelToken,
    hint: &'a str,
}

/// Where the objects are that a view shows.
struct ObjectSources {
    /// In the largest pack.
    choice: Option<PackSelection>,
    /// In the commit-graph, besides.
    commits: Option<GraphSubset>,
    /// Elsewhere: lines of `git rev-list --objects`.
    rest: Vec<u8>,
}

impl BundleWork<'_> {
    /// Takes what the view shows out of the largest pack, and packs the rest. What git reads whole histories
    /// by comes too, where the repository has it and this one is `whole`: git has none of one that is cut
    /// off.
    fn pack_history(&self, repo: &Repo, whole: bool) -> Result<Option<SubsetPack>> {
        if whole && repo.has_bitmap()? {
            let listed = || self.list_objects(repo, whole, Some("--use-bitmap-index"));
            let (is_true, taken) = join(|| self.has_true_bitmap(), listed)?;
            if is_true? {
                return self.settle(taken?, true);
            }
        }
        self.settle(self.list_objects(repo, whole, None)?, false)
    }

    /// Whether a bitmap leads to all commits. One of a time when the history was cut off leads no further
    /// than it did then, and git believes it.
    fn has_true_bitmap(&self) -> Result<bool> {
        let count = |option: Option<&str>| {
            let cmd = self.view.git(["rev-list", "--count", "--all"]);
            self.run("rev-list", &cmd.args(option))
        };
        Ok(count(None)? == count(Some("--use-bitmap-index"))?)
    }

    /// Lists what the view shows.
    fn list_objects(
        &self,
        repo: &Repo,
        whole: bool,
        option: Option<&str>,
    ) -> Result<ObjectSources> {
        let kind = repo.object_format.parse().map_err(Failure::new)?;
        let graph = || Ok::<_, anyhow::Error>(repo.object_directories()?.graph(kind));
        let mut taken = ObjectSources {
            choice: self.main_pack(repo, kind)?,
            commits: if whole { graph()? } else { None },
            rest: Vec::new(),
        };
        let cmd = self
            .view
            .git(["rev-list", "--objects", "--all"])
            .args(option);
        let cmd = cmd.env("LC_ALL", "C").until(self.stop);
        run_records("rev-list", &cmd, b'\n', |line| {
            // By the path behind it, where there is one, git finds what to compare an object with.
            let id = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            let id = gix::ObjectId::from_hex(id).context("git rev-list prints no ids")?;
            if let Some(commits) = &mut taken.commits {
                commits.insert(&id);
            }
            if !taken
                .choice
                .as_mut()
                .is_some_and(|choice| choice.select(&id))
            {
                taken.rest.extend_from_slice(line);
                taken.rest.push(b'\n');
            }
            Ok(())
        })
        .map_err(|error| self.told(error))?;
        Ok(taken)
    }

    /// Packs what must be packed.
    fn settle(&self, taken: ObjectSources, bitmap: bool) -> Result<Option<SubsetPack>> {
        if !taken.rest.is_empty() {
            self.run("pack-objects", &self.pack().stdin(taken.rest))?;
        }
        if let Some(commits) = taken.commits {
            commits.write(&self.view.git_dir.join("objects/info/commit-graph"))?;
        }
        let Some(choice) = taken.choice else {
            return Ok(None);
        };
        choice.settle(bitmap, |ids| self.pack_whole(ids))
    }

    /// The pack that most of it is copied from.
    fn main_pack(&self, repo: &Repo, kind: gix::hash::Kind) -> Result<Option<PackSelection>> {
        let mut tries = 0..object_directories::TRIES;
        loop {
            let Some(pack) = repo.object_directories()?.main_pack()? else {
                return Ok(None);
            };
            let gone = || !pack.exists() || !pack.with_extension("idx").exists();
            match PackSelection::from(&pack, kind, self.hint) {
                // It was packed again before we came to it.
                Err(_) if gone() && tries.next().is_some() => {}
                choice => return choice,
            }
        }
    }

    /// Packs objects, an id a line, as no deltas; the pack, which is not sent.
    fn pack_whole(&self, ids: String) -> Result<PathBuf> {
        let directory = self.view.git_dir.join("whole");
        let packs = directory.join("pack");
        std::fs::create_dir_all(&packs)
            .with_context(|| format!("cannot make {}", packs.display()))?;
        let options = ["--window=0", "--no-reuse-delta"];
        let cmd = pack_into(command(&self.view.git_dir), &packs);
        let cmd = cmd.args(options).stdin(ids);
        self.run("pack-objects", &cmd)?;
        let pack = ObjectDirectories::of(&[directory]).main_pack()?;
        pack.context("git packed nothing")
    }

    /// All objects of the repository: its packs as they are, and what is loose in one more.
    fn all(
        &self,
        repo: &Repo,
        made: ObjectDirectories,
    ) -> Result<Vec<object_directories::OpenFile>> {
        let theirs = repo.object_directories()?;
        loop {
            let loose = theirs.loose()?;
            if loose.is_empty() {
                break;
            }
            let cmd = self.pack().stdin(loose.join("\n") + "\n");
            match self.run("pack-objects", &cmd) {
                Ok(_) => break,
                // They may have been packed, or pruned, before we came to them.
                Err(error) if theirs.loose()? == loose => return Err(error),
                Err(_) => {}
            }
        }
        theirs.and(made).open()
    }

    /// `git pack-objects` into the view.
    fn pack(&self) -> Cmd {
        let directory = self.view.git_dir.join("objects/pack");
        pack_into(command(&self.view.git_dir), &directory)
    }

    /// Where the history of the commit is cut off: of what the repository knows of, what is in it.
    fn boundary(&self, repo: &Repo) -> Result<Option<String>> {
        let Some(cuts) = repo.shallow_boundary()? else {
            return Ok(None);
        };
        let roots = ["rev-list", "--max-parents=0", "--all"];
        let roots = lines(&run("rev-list", &self.view.git(roots).until(self.stop))?);
        let mut cuts: Vec<&str> = cuts.lines().collect();
        cuts.retain(|cut| roots.iter().any(|root| root == cut));
        Ok((!cuts.is_empty()).then(|| cuts.join("\n") + "\n"))
    }

    /// Runs a git command that ends when this does; gives what it printed.
    fn run(&self, subcommand: &str, cmd: &Cmd) -> Result<Vec<u8>> {
        // In the language that is read below.
        let cmd = cmd.clone().env("LC_ALL", "C").until(self.stop);
        run(subcommand, &cmd).map_err(|error| self.told(error))
    }

    /// What it means that git failed.
    fn told(&self, error: anyhow::Error) -> anyhow::Error {
        let Some(GitError { message, .. }) = error.downcast_ref() else {
            return error;
        };
        let full = ["No space left on device", "Out of diskspace"];
        let hint = if full.iter().any(|said| message.contains(said)) {
            let directory = self.view.git_dir.display();
            format!("free space where {directory} is; XDG_CACHE_HOME names another directory")
        } else {
            self.hint.to_owned()
        };
        Failure::new(format!("cannot pack the objects: {message}"))
            .hint(hint)
            .into()
    }
}

/// The command that looks for broken objects, as one would type it.
fn fsck(repo: &Repo) -> String {
    repo.command_line(&["fsck"])
}
