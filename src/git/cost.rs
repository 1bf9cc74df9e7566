//! What leads from one commit to another: how many commits, and the bytes of their objects. Nothing
//! is fetched to find out.

use anyhow::{Context, Result};

use super::changes::offline;
use super::{Distance, History, ObjectId, Repo, failed, lines, run};
use crate::proc::parallel_map;

/// The commits between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divergence {
    /// They share history.
    Shared {
        /// How many are in the history of the second and not of the first.
        ahead: u64,
        /// How many are in that of the first and not of the second; 0 for an ancestor. Both are
        /// capped as [`Distance`] is where one commit leads to the other.
        behind: u64,
    },
    /// No commit is in the history of both.
    Unrelated,
    /// One of them is not in this repository.
    Missing,
}

impl Repo {
    /// How `to` lies to each of `from`, in their order.
    pub fn divergences(&self, from: &[ObjectId], to: &ObjectId) -> Result<Vec<Divergence>> {
        let history = History::open(self);
        let mut near = Vec::new();
        for commit in from {
            near.push(match history.distance(commit, to)? {
                Distance::Missing => Some(Divergence::Missing),
                Distance::Behind(ahead) => Some(Divergence::Shared { ahead, behind: 0 }),
                Distance::Diverged => match history.distance(to, commit)? {
                    Distance::Behind(behind) => Some(Divergence::Shared { ahead: 0, behind }),
                    _ => None,
                },
            });
        }
        history.remember();
        let asked: Vec<(&ObjectId, Option<Divergence>)> = from.iter().zip(near).collect();
        let divergence = |(commit, near): &(&ObjectId, Option<Divergence>)| match near {
            Some(divergence) => Ok(*divergence),
            None => self.apart(commit, to),
        };
        parallel_map(&asked, divergence)?.into_iter().collect()
    }

    /// Of two of which neither is in the history of the other.
    fn apart(&self, from: &ObjectId, to: &ObjectId) -> Result<Divergence> {
        let base = offline(self.git(["merge-base", from.as_str(), to.as_str()]));
        let output = base.output()?;
        match output.status.code() {
            Some(0) => {}
            Some(1) => return Ok(Divergence::Unrelated),
            _ => return Err(failed("merge-base", &output).into()),
        }
        let range = format!("{from}...{to}");
        let count = offline(self.git(["rev-list", "--count", "--left-right", &range]));
        let answer = lines(&run("rev-list", &count)?);
        let numbers = answer.first().and_then(|line| line.split_once('\t'));
        numbers
            .and_then(|(behind, ahead)| {
                Some(Divergence::Shared {
                    ahead: ahead.parse().ok()?,
                    behind: behind.parse().ok()?,
                })
            })
            .context("git rev-list --count gave no numbers")
    }

    /// The bytes that the objects take, as they are stored here, that `to` leads to and none of `from`
    /// does. `None` when one of the commits or of the objects is not here.
    pub fn bytes_between(&self, from: &[&ObjectId], to: &ObjectId) -> Result<Option<u64>> {
        let without = from.iter().map(|commit| format!("^{commit}"));
        let output = offline(self.git(["rev-list", "--objects", "--disk-usage"]))
            .args(["--use-bitmap-index", to.as_str()])
            .args(without)
            .output()?;
        // What it says then is for people.
        Ok(lines(&output.stdout)
            .first()
            .filter(|_| output.status.success())
            .and_then(|bytes| bytes.parse().ok()))
    }
}
