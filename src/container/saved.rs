//! What the host has of containers' work: the refs below `refs/dkr/work/`. Their names, and the commits that
//! they lead to, are input.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::info::{self, ContainerInfo, is_container_name};
use crate::git::saved_work::{WORK, changed_files};
use crate::git::{CommitReader, ObjectId, Repo, values_of};

/// The worktree that each container has.
pub(crate) const MAIN_WORKTREE: &str = "workspace";

/// The saved work of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SavedWork {
    /// The tips of its branches.
    pub heads: BTreeMap<String, ObjectId>,
    /// The commits that worktrees are at without a branch.
    pub detached: BTreeMap<String, ObjectId>,
    /// What is not committed, by worktree. Of no files where it only says where HEAD is.
    pub wip: BTreeMap<String, SavedWip>,
    /// The entries of its stash.
    pub stash: BTreeMap<u32, ObjectId>,
    /// What it was, or why that cannot be read. `None` where nothing says it.
    pub info: Option<Result<ContainerInfo, String>>,
}

/// What is not committed in one worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedWip {
    /// Shaped as `git stash` shapes one.
    pub commit: ObjectId,
    /// How many files it is about. It is a container's word.
    pub files: u64,
    /// What was left out, each with the reason. A container's word, too.
    pub left_out: Vec<String>,
}

impl SavedWip {
    /// By the message of its commit: `WIP on main: 3 files`, and what was left out.
    fn of(commit: ObjectId, message: &str) -> Self {
        let mut lines = message.lines();
        let files = lines.next().and_then(changed_files);
        let left_out = lines.skip_while(|line| *line != "left out:").skip(1);
        let plain = |line: &str| line.chars().filter(|c| !c.is_control()).take(200).collect();
        Self {
            commit,
            files: files.unwrap_or(1),
            left_out: left_out
                .filter(|line| !line.is_empty())
                .map(plain)
                .collect(),
        }
    }
}

impl SavedWork {
    /// The commits that were made: the tips of branches and of worktrees without one.
    pub(crate) fn tips(&self) -> impl Iterator<Item = &ObjectId> {
        self.heads.values().chain(self.detached.values())
    }

    /// The worktrees that have something that is not committed.
    pub(crate) fn uncommitted(&self) -> impl Iterator<Item = &str> {
        let changed = self.wip.iter().filter(|(_, wip)| wip.files > 0);
        changed.map(|(tree, _)| tree.as_str())
    }

    /// How many files are not committed, in all worktrees.
    pub(crate) fn changed(&self) -> u64 {
        let files = self.wip.values().map(|wip| wip.files);
        files.fold(0, u64::saturating_add)
    }

    /// What is saved of a container, by its refs. Nothing, where there are none.
    pub(super) fn of(repo: &Repo, container: &str, refs: Vec<(String, ObjectId)>) -> Result<Self> {
        Ok(read(repo, refs)?.remove(container).unwrap_or_default())
    }
}

/// What the name of a ref says.
#[derive(Debug, PartialEq, Eq)]
enum WorkRef<'a> {
    Head(&'a str),
    Detached(&'a str),
    Wip(&'a str),
    Stash(u32),
    Info,
}

/// The saved work of all containers, by their names. Refs that no git dkr makes are passed over.
pub(crate) fn all(repo: &Repo) -> Result<BTreeMap<String, SavedWork>> {
    let refs = values_of(&repo.common_dir, &[WORK]).context("cannot list the saved work")?;
    read(repo, refs)
}

fn read(repo: &Repo, refs: Vec<(String, ObjectId)>) -> Result<BTreeMap<String, SavedWork>> {
    if refs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let reader = CommitReader::open(repo)?;
    let mut saved: BTreeMap<String, SavedWork> = BTreeMap::new();
    for (name, id) in refs {
        let Some((container, what)) = parse(&name) else {
            continue;
        };
        let work = saved.entry(container.to_owned()).or_default();
        match what {
            WorkRef::Head(branch) => drop(work.heads.insert(branch.to_owned(), id)),
            WorkRef::Detached(tree) => drop(work.detached.insert(tree.to_owned(), id)),
            WorkRef::Wip(tree) => {
                let message = reader.message(&id).unwrap_or_default();
                work.wip.insert(tree.to_owned(), SavedWip::of(id, &message));
            }
            WorkRef::Stash(number) => drop(work.stash.insert(number, id)),
            WorkRef::Info => work.info = Some(read_info(&reader, container, &id)),
        }
    }
    Ok(saved)
}

fn read_info(
    reader: &CommitReader,
    container: &str,
    id: &ObjectId,
) -> Result<ContainerInfo, String> {
    let json = reader.file(id, info::FILE);
    let json = json.ok_or_else(|| format!("{WORK}{container}/info has no {}", info::FILE))?;
    let info = ContainerInfo::parse(&json)?;
    if info.name != container {
        return Err(format!("{} is of {:?}", info::FILE, info.name));
    }
    Ok(info)
}

/// The container and what of it a ref is, by its full name.
fn parse(name: &str) -> Option<(&str, WorkRef<'_>)> {
    let (container, rest) = name.strip_prefix(WORK)?.split_once('/')?;
    if !is_container_name(container) {
        return None;
    }
    let what = match rest.split_once('/') {
        Some(("heads", branch)) => WorkRef::Head(branch),
        Some(("detached", tree)) => WorkRef::Detached(tree),
        Some(("wip", tree)) => WorkRef::Wip(tree),
        Some(("stash", number)) => WorkRef::Stash(number.parse().ok()?),
        None if rest == "info" => WorkRef::Info,
        _ => return None,
    };
    Some((container, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_told_apart() {
        let of = |rest: &str| parse(&format!("{WORK}{rest}")).map(|(_, what)| format!("{what:?}"));
        for (rest, expected) in [
            ("box/heads/fix/typo", r#"Head("fix/typo")"#),
            ("box/heads/$(touch x)", r#"Head("$(touch x)")"#),
            ("box/detached/workspace", r#"Detached("workspace")"#),
            ("box/wip/worktrees/two", r#"Wip("worktrees/two")"#),
            ("box/stash/12", "Stash(12)"),
            ("box/info", "Info"),
        ] {
            assert_eq!(of(rest).as_deref(), Some(expected), "{rest}");
        }
        for strange in [
            "box",
            "box/heads",
            "box/info/x",
            "box/stash/-1",
            "box/stash/99999999999",
            "box/else/x",
            "--help/heads/main",
            "$(touch x)/heads/main",
            "\u{fffd}/heads/main",
            "x/heads/main",
        ] {
            assert_eq!(of(strange), None, "{strange}");
        }
        assert_eq!(parse("refs/heads/box/main"), None);
    }

    #[test]
    fn a_message_tells_of_files_and_what_was_left_out() {
        let wip = |message| {
            let id = ObjectId::parse(&"0b".repeat(20)).unwrap();
            let wip = SavedWip::of(id, message);
            (wip.files, wip.left_out)
        };
        let message =
            "WIP on a: 1: 12 files\n\nleft out:\nbig.bin (larger than save_limit)\n\x1b[2Jx\n";
        let left_out = ["big.bin (larger than save_limit)", "[2Jx"].map(str::to_owned);
        assert_eq!(wip(message), (12, left_out.to_vec()));
        assert_eq!(wip("anything"), (1, Vec::new()));
    }
}
