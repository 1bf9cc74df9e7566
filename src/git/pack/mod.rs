//! Objects on their way into an image: packs together with their index, so that nobody has to
//! index them again, which is nearly all that a clone spends its time with.

mod find;
mod late;
mod more;
mod send;
mod update;

use std::path::Path;

use anyhow::{Context, Result};

use super::extras::Contents;
use super::{GitError, ObjectId, Repo, View, command, lines, run};
use crate::error::Failure;
use crate::proc::{Cmd, Stop, at_once};
use find::Objects as Files;
pub use late::Bitmap;
use send::Part;
pub use update::Tags;

/// Which objects go into an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Objects {
    /// Those that the commit leads to, and its tags: what a clone of the branch would bring.
    #[default]
    Exact,
    /// All that the repository has, its packs as they are: other branches, stashes, and what no
    /// ref leads to any more.
    All,
}

impl Objects {
    /// Reads the name of one.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Exact, Self::All]
            .into_iter()
            .find(|objects| objects.name() == name)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::All => "all",
        }
    }
}

/// The files that make a new repository one that holds a commit: objects and refs. All are open, so
/// that what becomes of their names meanwhile changes nothing.
#[derive(Debug)]
pub struct Parcel {
    parts: Vec<Part>,
    bitmap: Option<Bitmap>,
    /// Comes after them; each is opened when it is its turn.
    contents: Contents,
    /// What to do when one of them is broken.
    hint: String,
}

impl Parcel {
    /// Puts it together. `branch` is the one that the commit is on, if it is on any. `folder` must
    /// be empty, and may be removed afterwards: but for the bitmap. Fails when objects are missing or
    /// broken, when the disk is full, and when it is stopped.
    pub fn prepare(
        repo: &Repo,
        commit: &ObjectId,
        branch: Option<&str>,
        objects: Objects,
        folder: &Path,
        stop: &Stop,
    ) -> Result<Self> {
        let view = View::of_history(repo, commit, branch, folder, stop)?;
        let packs = folder.join("objects/pack");
        std::fs::create_dir_all(&packs)
            .with_context(|| format!("cannot make {}", packs.display()))?;
        let hint = format!("{} looks for what is broken", fsck(repo));
        let work = Work {
            view,
            commit,
            stop,
            hint: &hint,
        };
        let made = Files::of(&[folder.join("objects")]);
        let (files, cut, bitmap) = match objects {
            Objects::Exact => {
                work.pack_history(repo.object_folders()?.has_graph())?;
                let cut = work.boundary(repo)?;
                // Git has none of a history that is cut off.
                let wanted = cut.is_none() && repo.has_bitmap()?;
                let bitmap = wanted.then(|| Bitmap::of(repo, commit, folder, stop));
                (made.open()?, cut, bitmap)
            }
            Objects::All => (work.all(repo, made)?, repo.shallow_boundary()?, None),
        };
        let mut refs = work.view.tags.clone();
        if let Some(branch) = branch {
            refs.push_str(&format!("{commit} refs/remotes/host/{branch}\n"));
        }
        let mut parts = vec![Part::text("packed-refs", refs)];
        parts.extend(cut.map(|cut| Part::text("shallow", cut)));
        for open in files {
            parts.push(part(open, &repo.object_format)?);
        }
        Ok(Self {
            parts,
            contents: Contents::default(),
            bitmap,
            hint,
        })
    }

    /// What makes the bitmap of its pack, where the repository has one too. It goes with the rest when
    /// it is there before all else is sent.
    pub fn bitmap(&self) -> Option<Bitmap> {
        self.bitmap.clone()
    }

    /// The bytes that it holds.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(Part::size).sum::<u64>() + self.contents.size()
    }

    /// Hands it out as a tar archive, piece by piece, until `give` says that nobody takes any more;
    /// whether all was taken. The last entry is empty, and says that nothing is missing. Fails when
    /// a file is not what it should be.
    pub fn send(self, mut give: impl FnMut(Vec<u8>) -> bool) -> Result<bool> {
        let contents = self.contents.files().map(Part::known);
        // Asked for when all others are sent.
        let late = self.bitmap.iter().flat_map(Bitmap::take);
        for part in self.parts.into_iter().chain(contents).chain(late) {
            if !part.send(&self.hint, &mut give)? {
                return Ok(false);
            }
        }
        Ok(give(send::end()?))
    }
}

/// A file of objects, as it is sent; all of git's but one end in their own hash.
fn part((name, path, file): find::Open, format: &str) -> Result<Part> {
    let hashed = (!name.ends_with("chain")).then_some(format);
    Part::file(&format!("objects/{name}"), path, file, hashed)
}

/// What is needed to make packs.
struct Work<'a> {
    view: View,
    commit: &'a ObjectId,
    stop: &'a Stop,
    hint: &'a str,
}

impl Work<'_> {
    /// Packs what the view shows, and writes a commit-graph of it where one is wanted.
    fn pack_history(&self, graph: bool) -> Result<()> {
        // Bitmaps are not asked otherwise when a pack goes to a file.
        let pack = self.pack().args(["--all", "--use-bitmap-index"]);
        let graph = || match graph {
            false => Ok(()),
            true => {
                let write = ["commit-graph", "write", "--stdin-commits"];
                let cmd = self.view.git(write).stdin(format!("{}\n", self.commit));
                self.run("commit-graph", &cmd)
            }
        };
        let (packed, graph) = at_once(|| self.run("pack-objects", &pack), graph)?;
        packed.and(graph)
    }

    /// All objects of the repository: its packs as they are, and what is loose in one more.
    fn all(&self, repo: &Repo, made: Files) -> Result<Vec<find::Open>> {
        let theirs = repo.object_folders()?;
        loop {
            let loose = theirs.loose()?;
            if loose.is_empty() {
                break;
            }
            let cmd = self.pack().stdin(loose.join("\n") + "\n");
            match self.run("pack-objects", &cmd) {
                Ok(()) => break,
                // They may have been packed, or pruned, before we came to them.
                Err(error) if theirs.loose()? == loose => return Err(error),
                Err(_) => {}
            }
        }
        theirs.and(made).open()
    }

    /// `git pack-objects` into the view.
    fn pack(&self) -> Cmd {
        let folder = self.view.git_dir.join("objects/pack");
        pack_into(command(&self.view.git_dir), &folder)
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

    fn run(&self, subcommand: &str, cmd: &Cmd) -> Result<()> {
        // In the language that is read below.
        let cmd = cmd.clone().env("LC_ALL", "C").until(self.stop);
        let Err(error) = run(subcommand, &cmd) else {
            return Ok(());
        };
        let Some(GitError { message, .. }) = error.downcast_ref() else {
            return Err(error);
        };
        let full = ["No space left on device", "Out of diskspace"];
        let hint = if full.iter().any(|said| message.contains(said)) {
            let folder = self.view.git_dir.display();
            format!("free space where {folder} is; XDG_CACHE_HOME names another place")
        } else {
            self.hint.to_owned()
        };
        Err(Failure::new(format!("cannot pack the objects: {message}"))
            .hint(hint)
            .into())
    }
}

/// `git pack-objects` of a git command that names the repository, into a folder, with all that makes a
/// pack quick to read.
pub(in crate::git) fn pack_into(git: Cmd, folder: &Path) -> Cmd {
    git.args(["-c", "pack.writeReverseIndex=true", "pack-objects", "-q"])
        .arg("--delta-base-offset")
        .arg(folder.join("pack"))
}

/// The command that looks for broken objects, as one would type it.
fn fsck(repo: &Repo) -> String {
    repo.command_line(&["fsck"])
}
