//! What was found out about commits that are far behind, written down for the next time: to tell
//! that such a commit is in a branch at all takes longer than all the rest. It stays true whatever
//! becomes of branches, as commits do not change; where history can be redrawn it is not asked.
//!
//! A line a commit: `<commit> <tip> <count>`, when the tip leads to the commit and this many or
//! more lie between. Who writes last wins, and what is lost is found out again.

use std::collections::HashMap;

use gix::ObjectId;

use super::distance::CAP;
use crate::git::Repo;

/// The file in our directory.
const NAME: &str = "far";
/// The most that are kept.
const MOST: usize = 1_000;

/// A tip for each commit that is known to be far behind it.
#[derive(Debug)]
pub(super) struct DistanceCache {
    tips: HashMap<ObjectId, ObjectId>,
    is_new: bool,
}

impl DistanceCache {
    /// What is written down of a repository. What is not ours is not read.
    pub(super) fn read(repo: &Repo) -> Self {
        let text = crate::fs::read_text(repo.own_dir().join(NAME)).unwrap_or_default();
        Self {
            tips: text.lines().filter_map(parse).collect(),
            is_new: false,
        }
    }

    /// The tip that this commit is known to be far behind.
    pub(super) fn tip(&self, commit: ObjectId) -> Option<ObjectId> {
        self.tips.get(&commit).copied()
    }

    /// Takes note that the tip leads to the commit, and more than [`CAP`] lie between.
    pub(super) fn insert(&mut self, commit: ObjectId, tip: ObjectId) {
        if self.tips.len() >= MOST {
            self.tips.clear();
        }
        self.tips.insert(commit, tip);
        self.is_new = true;
    }

    /// Writes down what is new. Who may not write here finds it out again.
    pub(super) fn write(&mut self, repo: &Repo) {
        if std::mem::take(&mut self.is_new) {
            let line = |(commit, tip)| format!("{commit} {tip} {}\n", CAP + 1);
            let text: String = self.tips.iter().map(line).collect();
            let _ = repo.write_own(NAME, text.as_bytes());
        }
    }
}

/// `None` for a line that says less than is asked, or nothing.
fn parse(line: &str) -> Option<(ObjectId, ObjectId)> {
    let mut words = line.split(' ');
    let mut id = || ObjectId::from_hex(words.next()?.as_bytes()).ok();
    let pair = (id()?, id()?);
    let count: u64 = words.next()?.parse().ok()?;
    (count > CAP && words.next().is_none()).then_some(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_of_at_least_the_cap_count() {
        let (a, b) = ("0a".repeat(20), "0b".repeat(20));
        let id = |hex: &str| ObjectId::from_hex(hex.as_bytes()).unwrap();
        let line = format!("{a} {b} {}", CAP + 1);
        assert_eq!(parse(&line), Some((id(&a), id(&b))));
        for broken in [
            String::new(),
            format!("{a} {b}"),
            format!("{a} {b} {CAP}"),
            format!("{a} {b} many"),
            format!("{a} {} 10001", &b[1..]),
            format!("{a} main 10001"),
            format!("{line} {a}"),
        ] {
            assert_eq!(parse(&broken), None, "{broken}");
        }
    }
}
