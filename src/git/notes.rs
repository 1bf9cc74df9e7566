//! Notes: lines of text on commits, in a ref of our own.
//!
//! `git notes append` updates the ref without looking at its old value, so that writers at the
//! same time overwrite each other. Here the tree is edited in process and the ref moves by
//! compare-and-swap, tried again until it was ours; no hook runs because of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gix::objs::Kind;

use super::changes::parse_batch;
use super::own_refs::{OldValue, native, now, us};
use super::{ObjectId, Repo, failed, lines, run};
use crate::error::Failure;
use crate::fs::Lock;
use crate::proc::check_interrupted;

mod remotes;

/// Where the notes are.
pub(crate) const NOTES: &str = "refs/notes/dkr";
/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(10);

impl Repo {
    /// The note on a commit, if there is one. What is not UTF-8 is replaced.
    pub fn note(&self, commit: &ObjectId) -> Result<Option<String>> {
        let output = self
            .git(["notes", "--ref", NOTES, "show", commit.as_str()])
            .env("LC_ALL", "C")
            .output()?;
        if output.status.success() {
            return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
        }
        let error = failed("notes", &output);
        if error.message.contains("no note found") {
            return Ok(None);
        }
        Err(error).context("cannot read the records")
    }

    /// All notes: the commit and its text. The order is git's own.
    pub fn notes(&self) -> Result<Vec<(ObjectId, String)>> {
        let Some(tip) = self.notes_tip()? else {
            return Ok(Vec::new());
        };
        if self.commits(&[tip.as_str()])? == [None] {
            bail!(no_notes("something else"));
        }
        let tree = run("ls-tree", &self.git(["ls-tree", "-r", NOTES]))?;
        let listed: Vec<(ObjectId, ObjectId)> =
            lines(&tree).iter().filter_map(|line| entry(line)).collect();
        let mut input = String::new();
        for (_, blob) in &listed {
            input.push_str(blob.as_str());
            input.push('\n');
        }
        let cmd = self
            .git(["cat-file", "--batch=%(objecttype) %(objectsize)"])
            .stdin(input);
        let answer = run("cat-file", &cmd)?;
        let texts = parse_batch(&answer, listed.len()).context("git cat-file ended early")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(listed
            .into_iter()
            .zip(texts)
            .filter_map(|((commit, _), bytes)| Some((commit, text(bytes?))))
            .collect())
    }

    /// The notes on these commits, of those that have one; without starting git, where that will do.
    pub fn notes_on(&self, commits: &[&ObjectId]) -> Result<BTreeMap<ObjectId, String>> {
        if let Some(notes) = self.notes_on_in_process(commits) {
            return Ok(notes);
        }
        let all = self.notes()?.into_iter();
        Ok(all.filter(|(on, _)| commits.contains(&on)).collect())
    }

    fn notes_on_in_process(&self, commits: &[&ObjectId]) -> Option<BTreeMap<ObjectId, String>> {
        let gix = self.gix()?;
        let mut notes = BTreeMap::new();
        let Some(mut tip) = gix.try_find_reference(NOTES).ok()? else {
            return Some(notes);
        };
        let tip = tip.peel_to_id().ok()?.object().ok()?;
        let tree = tip.try_into_commit().ok()?.tree_id().ok()?.detach();
        let mut state = gix_note::State::new(tree, &gix).ok()?;
        for commit in commits {
            if notes.contains_key(*commit) {
                continue;
            }
            if let Some(id) = state.get(&native(commit).ok()?, &gix).ok()? {
                let note = gix.find_object(id).ok()?;
                let text = String::from_utf8_lossy(&note.data).into_owned();
                notes.insert((*commit).clone(), text);
            }
        }
        Some(notes)
    }

    /// Adds a line to the note on a commit, unless it holds that line.
    pub fn append_note(&self, commit: &ObjectId, line: &str) -> Result<()> {
        self.append_note_within(PATIENCE, commit, line)
    }

    /// The same for those who wait no longer than this for others who write.
    pub fn append_note_within(
        &self,
        patience: Duration,
        commit: &ObjectId,
        line: &str,
    ) -> Result<()> {
        self.edit_note(commit, patience, |old| {
            let mut new = old.to_vec();
            if new
                .split(|byte| *byte == b'\n')
                .any(|l| l == line.as_bytes())
            {
                return None;
            }
            if new.last().is_some_and(|byte| *byte != b'\n') {
                new.push(b'\n');
            }
            new.extend_from_slice(line.as_bytes());
            new.push(b'\n');
            Some(new)
        })
    }

    /// Changes the note on a commit; `edit` gets the bytes that are there and gives the new ones,
    /// or `None` to leave them. It may be called several times, when others write meanwhile.
    fn edit_note(
        &self,
        commit: &ObjectId,
        patience: Duration,
        edit: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<()> {
        let gix = self.open_gix()?;
        self.until_swapped(patience, |tip| {
            let mut gix = gix.clone().with_object_memory();
            let next = next(&gix, tip, commit, &edit)?;
            self.write_memory(&mut gix)
                .context("cannot write a record")?;
            Ok(next)
        })
    }

    /// Moves the ref from whatever it is to what `make` makes of that, and tries again when others
    /// were faster. `None` leaves it as it is.
    fn until_swapped(
        &self,
        patience: Duration,
        make: impl Fn(Option<&ObjectId>) -> Result<Option<ObjectId>>,
    ) -> Result<()> {
        let until = Instant::now() + patience;
        // Of our own kind only one writes at a time: nobody has to try again because of us, and
        // the lock of one that is killed is gone with it.
        let _turn = self.take_turn(until)?;
        let symbolic = self.git(["symbolic-ref", "--quiet", NOTES]).output()?;
        if symbolic.status.success() {
            bail!(
                Failure::new(format!(
                    "{NOTES} is a symbolic ref, and a record would take another ref along"
                ))
                .hint(format!(
                    "make it one of its own: git symbolic-ref --delete {NOTES}"
                ))
            );
        }
        loop {
            let tip = self.notes_tip()?;
            let Some(new) = make(tip.as_ref())? else {
                return Ok(());
            };
            let old = tip.as_ref().map_or(OldValue::Missing, OldValue::Commit);
            let Err(error) = self.set_own_ref(NOTES, old, &new) else {
                return Ok(());
            };
            check_interrupted()?;
            if self.notes_tip()? != tip {
                continue;
            }
            // Of a reftable the lock is the whole table's.
            let reftable = self.common_dir.join("reftable/tables.list.lock");
            let lock = self.common_dir.join(format!("{NOTES}.lock"));
            if !lock.exists() && !reftable.exists() {
                return Err(error).with_context(|| format!("cannot write {NOTES}"));
            }
            if Instant::now() > until {
                bail!(
                    Failure::new(format!("{NOTES} is locked: {} is there", lock.display())).hint(
                        "a git that was killed may have left that file; remove it when none is running"
                    )
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for others of our kind.
    fn take_turn(&self, until: Instant) -> Result<Lock> {
        loop {
            if let Some(lock) = self.lock_own("notes.lock")? {
                return Ok(lock);
            }
            check_interrupted()?;
            if Instant::now() > until {
                bail!(Failure::new("another git dkr has locked the records"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the ref points at.
    fn notes_tip(&self) -> Result<Option<ObjectId>> {
        let output = self
            .git(["rev-parse", "--verify", "--quiet", NOTES])
            .output()?;
        Ok(lines(&output.stdout)
            .first()
            .and_then(|id| ObjectId::parse(id)))
    }
}

/// The ref is not what it should be.
fn no_notes(what: &str) -> Failure {
    Failure::new(format!("{NOTES} points at {what}, not at notes"))
        .hint(format!("see what it is: git show {NOTES}"))
}

/// The notes commit after an edit; `None` when nothing changes.
fn next(
    gix: &gix::Repository,
    tip: Option<&ObjectId>,
    commit: &ObjectId,
    edit: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<ObjectId>> {
    let parent = tip.map(native).transpose()?;
    let root = match parent {
        None => gix::ObjectId::empty_tree(gix.object_hash()),
        Some(id) => {
            let object = gix.find_object(id).context("cannot read the records")?;
            if object.kind != Kind::Commit {
                bail!(no_notes(&format!("a {}", object.kind)));
            }
            let tree = object.into_commit().tree_id();
            tree.context("cannot read the records")?.detach()
        }
    };
    let mut state = gix_note::State::new(root, gix).context("cannot read the records")?;
    let target = native(commit)?;
    let old = match state.get(&target, gix).context("cannot read the records")? {
        Some(id) => {
            gix.find_object(id)
                .context("cannot read the record of this commit")?
                .detach()
                .data
        }
        None => Vec::new(),
    };
    let Some(new) = edit(&old) else {
        return Ok(None);
    };
    let blob = gix.write_blob(new).context("cannot write a record")?;
    let edited = state
        .replace(target, blob.detach(), gix)
        .context("cannot write a record")?;
    let time = now();
    let written = gix
        .new_commit_as(
            us(&time),
            us(&time),
            "git dkr: a record\n",
            edited.tree,
            parent,
        )
        .context("cannot write a record")?;
    Ok(ObjectId::parse(&written.id.to_string()))
}

/// `<mode> blob <id>\t<path>`, the path being the commit's id, with slashes after some digits.
fn entry(line: &str) -> Option<(ObjectId, ObjectId)> {
    let (head, path) = line.split_once('\t')?;
    let mut words = head.split(' ').skip(1);
    let (kind, id) = (words.next()?, words.next()?);
    let commit = ObjectId::parse(&path.replace('/', ""))?;
    (kind == "blob").then_some(())?;
    Some((commit, ObjectId::parse(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_notes_are_ids_with_slashes() {
        let (commit, blob) = ("3f".repeat(20), "a0".repeat(20));
        let line = |path: &str| entry(&format!("100644 blob {blob}\t{path}"));
        let fanned = format!("3f/3f/{}", "3f".repeat(18));
        let expected = (ObjectId::parse(&commit), ObjectId::parse(&blob));
        for path in [&commit, &fanned] {
            let (commit, blob) = line(path).unwrap();
            assert_eq!((Some(commit), Some(blob)), expected);
        }
        assert_eq!(line("README"), None);
    }
}
