//! Notes: lines of text on commits, in a ref of our own.
//!
//! `git notes append` updates the ref without looking at its old value, so that writers at the
//! same time overwrite each other. Here the tree is edited in process and the ref moves by
//! compare-and-swap, tried again until it was ours; no hook runs because of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gix::objs::Kind;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::changes::parse_batch;
use super::{ObjectId, Repo, failed, lines, run};
use crate::error::Failure;
use crate::fs::Lock;
use crate::proc::{Cmd, check_interrupted};

/// Where the notes are.
pub const NOTES: &str = "refs/notes/dkr";
/// Where those of a remote are put before they are merged, each process its own: outside of
/// `refs/notes/`, which a fetch of `refs/notes/*` with `--prune` would sweep.
const THEIRS: &str = "refs/dkr/notes-";
/// Where they are merged: `git notes merge` takes no other place. One at a time does.
const MERGED: &str = "refs/notes/dkr-merge";
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
        let texts = parse_batch(&answer, listed.len()).context("git cat-file broke off")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(listed
            .into_iter()
            .zip(texts)
            .filter_map(|((commit, _), bytes)| Some((commit, text(bytes?))))
            .collect())
    }

    /// Adds a line to the note on a commit, unless it holds that line.
    pub fn append_note(&self, commit: &ObjectId, line: &str) -> Result<()> {
        self.edit_note(commit, |old| {
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
    fn edit_note(&self, commit: &ObjectId, edit: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
        let gix = self.open_gix()?;
        self.until_swapped(|tip| next(&gix, tip, commit, &edit))
    }

    /// Moves the ref from whatever it is to what `make` makes of that, and tries again when others
    /// were faster. `None` leaves it as it is.
    fn until_swapped(
        &self,
        make: impl Fn(Option<&ObjectId>) -> Result<Option<ObjectId>>,
    ) -> Result<()> {
        let until = Instant::now() + PATIENCE;
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
            let Err(error) = self.swap_notes(tip.as_ref(), &new) else {
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
        let path = self.common_dir.join("dkr/notes.lock");
        loop {
            if let Some(lock) = Lock::try_take(&path)? {
                return Ok(lock);
            }
            check_interrupted()?;
            if Instant::now() > until {
                bail!(Failure::new("another git dkr keeps the records to itself"));
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

    /// Moves the ref if it still has the old value.
    fn swap_notes(&self, old: Option<&ObjectId>, new: &ObjectId) -> Result<()> {
        let Some(gix) = self.gix() else {
            // gix knows refs in files only.
            let none = new.null();
            let (new, old) = (new.as_str(), old.unwrap_or(&none).as_str());
            return self.quiet_ref(&["--create-reflog", "-m", "git dkr", NOTES, new, old]);
        };
        let expected = match old {
            Some(old) => PreviousValue::MustExistAndMatch(Target::Object(native(old)?)),
            None => PreviousValue::MustNotExist,
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
            name: FullName::try_from(NOTES).context("the name of the notes")?,
            // One that leads to another ref would take that along.
            deref: false,
        };
        gix.edit_references_as([edit], Some(us(&now())))?;
        Ok(())
    }

    /// Fetches the notes of a remote and merges them with those that are here; whether there were
    /// any. Lines of both are kept.
    pub fn pull_notes(&self, remote: &str) -> Result<bool> {
        let list = self
            .git(["ls-remote", "--quiet", "--refs", "--", remote, NOTES])
            .foreground();
        let listed = run("ls-remote", &list).map_err(|error| {
            let message = format!("cannot ask {} for its records: {error:#}", shown(remote));
            Failure::new(message).hint("git remote -v lists the remotes")
        })?;
        if listed.is_empty() {
            return Ok(false);
        }
        let theirs = format!("{THEIRS}{}", std::process::id());
        let fetch = self
            .without_hooks()
            .args(["fetch", "--quiet"])
            .args(["--no-tags", "--no-write-fetch-head", "--no-auto-gc"])
            .args(["--recurse-submodules=no", "--", remote])
            .arg(format!("+{NOTES}:{theirs}"))
            .foreground();
        run("fetch", &fetch)
            .with_context(|| format!("cannot fetch the records of {}", shown(remote)))?;
        let merged = self.merge_notes(&theirs);
        let swept = self.sweep();
        merged.and(swept).map(|()| true)
    }

    /// `git notes merge` moves the ref without looking at its old value, and so merges on a ref of
    /// its own; the result is swapped in.
    fn merge_notes(&self, theirs: &str) -> Result<()> {
        self.until_swapped(|tip| {
            let found = self.commits(&[theirs])?.remove(0);
            let found = found.context("what was fetched are no notes")?;
            let Some(ours) = tip else {
                return Ok(Some(found));
            };
            self.quiet_ref(&[MERGED, ours.as_str()])?;
            let merge = self
                .without_hooks()
                .args(["-c", "user.name=git dkr", "-c", "user.email=dkr@localhost"])
                .args(["notes", "--ref", MERGED, "merge", "--quiet"])
                .args(["--strategy=cat_sort_uniq", theirs]);
            let outcome = run("notes", &merge).context("cannot merge the records");
            let merged = self.commits(&[MERGED]).map(|mut found| found.remove(0));
            self.quiet_ref(&["-d", MERGED])?;
            outcome?;
            Ok(merged?.filter(|merged| merged != ours))
        })
    }

    /// Removes what was fetched, by us and by those that were killed.
    fn sweep(&self) -> Result<()> {
        let list = self.git(["for-each-ref", "--format=%(refname)", "refs/dkr/"]);
        for name in lines(&run("for-each-ref", &list)?) {
            let number = name.strip_prefix(THEIRS).and_then(|pid| pid.parse().ok());
            let Some(pid) = number.and_then(Pid::from_raw) else {
                continue;
            };
            let ours = pid == rustix::process::getpid();
            if ours || test_kill_process(pid) == Err(Errno::SRCH) {
                self.quiet_ref(&["-d", &name])?;
            }
        }
        Ok(())
    }

    /// A git command that runs no hook, neither a file nor, with git 2.54 and later, one that the
    /// config names.
    fn without_hooks(&self) -> Cmd {
        let events = ["reference-transaction", "pre-push", "post-checkout"];
        let off = events.map(|event| format!("hook.{event}.enabled=false"));
        let mut cmd = self.git(["-c", "core.hooksPath=/dev/null"]);
        for setting in off {
            cmd = cmd.arg("-c").arg(setting);
        }
        cmd
    }

    fn quiet_ref(&self, args: &[&str]) -> Result<()> {
        let cmd = self
            .without_hooks()
            .args(["update-ref", "--no-deref"])
            .args(args);
        run("update-ref", &cmd).map(drop)
    }

    /// Pushes the notes; never by force. A remote that has others is merged first.
    pub fn push_notes(&self, remote: &str) -> Result<()> {
        if self.notes_tip()?.is_none() {
            bail!(
                Failure::new("there are no records to push")
                    .hint("git dkr create-image writes one for each image")
            );
        }
        let push = self
            .without_hooks()
            .args(["push", "--quiet", "--no-verify", "--", remote])
            .arg(format!("{NOTES}:{NOTES}"))
            // In the language that is read below.
            .env("LC_ALL", "C")
            .foreground();
        let mut last = Ok(());
        for _ in 0..3 {
            self.pull_notes(remote)?;
            last = run("push", &push).map(drop);
            // Somebody else may push between the merge and the push; all else stays as it is.
            let again = |error: &anyhow::Error| {
                let said = format!("{error:#}");
                let signs = ["(fetch first)", "(non-fast-forward)", "cannot lock ref"];
                signs.iter().any(|sign| said.contains(sign))
            };
            if !last.as_ref().is_err_and(again) {
                break;
            }
        }
        last.with_context(|| format!("cannot push the records to {}", shown(remote)))
    }
}

/// The ref is not what it should be.
fn no_notes(what: &str) -> Failure {
    Failure::new(format!("{NOTES} points at {what}, not at notes"))
        .hint(format!("look at it: git show {NOTES}"))
}

/// A remote as it may be repeated: users type URLs too.
fn shown(remote: &str) -> String {
    super::without_passwords(remote)
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

/// Who writes: a record needs no name of the user's.
fn us(time: &str) -> gix::actor::SignatureRef<'_> {
    gix::actor::SignatureRef {
        name: "git dkr".into(),
        email: "dkr@localhost".into(),
        time,
    }
}

/// As git writes it: seconds and zone.
fn now() -> String {
    format!("{} +0000", jiff::Timestamp::now().as_second())
}

fn native(id: &ObjectId) -> Result<gix::ObjectId> {
    gix::ObjectId::from_hex(id.as_str().as_bytes()).context("an object id is malformed")
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
