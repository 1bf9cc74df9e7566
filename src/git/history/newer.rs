//! Commits that the commit-graph file does not hold: made or fetched since it was written. None
//! in the graph descends from them, so they come before it in history's order. Without a graph,
//! these are all there are.

use std::collections::HashMap;

use gix::ObjectId;
use gix::commitgraph::{Graph, Position};

/// The most that are read beside a graph; git is faster then.
const LIMIT: usize = 20_000;
/// The most that are read without a graph: of a small history, all.
const LIMIT_ALONE: usize = 200;

/// Where commits are read.
#[derive(Clone, Copy)]
pub(super) struct CommitSource<'a> {
    pub gix: &'a gix::Repository,
    pub graph: Option<&'a Graph>,
}

/// Where a commit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitLocation {
    Graph(Position),
    /// In [`Newer`].
    Newer(usize),
}

/// A commit is not here, or there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// What has been read of them; kept, as many images are often compared with one tip.
#[derive(Debug, Default)]
pub(super) struct Newer {
    index: HashMap<ObjectId, usize>,
    commits: Vec<NewerCommit>,
    read: usize,
}

#[derive(Debug)]
struct NewerCommit {
    id: ObjectId,
    /// `None` until it is read.
    parents: Option<Vec<CommitLocation>>,
}

/// What a question comes to, as far as the graph.
#[derive(Debug, Default)]
pub(super) struct Above {
    /// How many are reachable from the tip and not from the commit.
    pub count: u64,
    /// Whether the tip leads to the commit, when that is one of these.
    pub reached: bool,
    /// Where history enters the graph, from the tip and from the commit.
    pub tips: Vec<Position>,
    pub hidden: Vec<Position>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    tip: bool,
    hidden: bool,
    /// How many children have not come yet.
    children: u32,
}

impl Newer {
    pub(super) fn place(&mut self, source: CommitSource, id: ObjectId) -> CommitLocation {
        if let Some(at) = source.graph.and_then(|graph| graph.lookup(id)) {
            return CommitLocation::Graph(at);
        }
        let next = self.commits.len();
        let index = *self.index.entry(id).or_insert(next);
        if index == next {
            self.commits.push(NewerCommit { id, parents: None });
        }
        CommitLocation::Newer(index)
    }

    /// Goes from both down to the graph.
    pub(super) fn above(
        &mut self,
        source: CommitSource,
        commit: CommitLocation,
        tip: CommitLocation,
    ) -> Result<Above, Unreadable> {
        let mut above = Above::default();
        let mut begin = Vec::new();
        for (place, graph) in [(tip, &mut above.tips), (commit, &mut above.hidden)] {
            match place {
                CommitLocation::Graph(at) => graph.push(at),
                CommitLocation::Newer(index) => begin.push(index),
            }
        }
        let mut flags = self.collect(source, &begin)?;
        for (place, mark) in [
            (tip, |flags: &mut Flags| flags.tip = true),
            (commit, |flags: &mut Flags| flags.hidden = true),
        ] as [(CommitLocation, fn(&mut Flags)); 2]
        {
            if let CommitLocation::Newer(index) = place {
                mark(&mut flags[index]);
            }
        }
        // Each after all of its children, so that what it passes on is complete.
        begin.retain(|index| flags[*index].children == 0);
        begin.dedup();
        while let Some(index) = begin.pop() {
            let from = flags[index];
            above.count += u64::from(from.tip && !from.hidden);
            above.reached |= from.tip && commit == CommitLocation::Newer(index);
            for parent in self.commits[index].parents.iter().flatten() {
                match *parent {
                    CommitLocation::Graph(at) => {
                        above.tips.extend(from.tip.then_some(at));
                        above.hidden.extend(from.hidden.then_some(at));
                    }
                    CommitLocation::Newer(parent) => {
                        let to = &mut flags[parent];
                        to.tip |= from.tip;
                        to.hidden |= from.hidden;
                        to.children -= 1;
                        if to.children == 0 {
                            begin.push(parent);
                        }
                    }
                }
            }
        }
        Ok(above)
    }

    /// Reads all that these lead to, and counts the children of each.
    fn collect(&mut self, source: CommitSource, begin: &[usize]) -> Result<Vec<Flags>, Unreadable> {
        let mut flags = vec![Flags::default(); self.commits.len()];
        let mut seen = vec![false; self.commits.len()];
        let mut stack = begin.to_vec();
        while let Some(index) = stack.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            self.read(source, index)?;
            flags.resize(self.commits.len(), Flags::default());
            seen.resize(self.commits.len(), false);
            for parent in self.commits[index].parents.iter().flatten() {
                if let CommitLocation::Newer(parent) = *parent {
                    flags[parent].children += 1;
                    stack.push(parent);
                }
            }
        }
        Ok(flags)
    }

    fn read(&mut self, source: CommitSource, index: usize) -> Result<(), Unreadable> {
        if self.commits[index].parents.is_some() {
            return Ok(());
        }
        let limit = if source.graph.is_some() {
            LIMIT
        } else {
            LIMIT_ALONE
        };
        if self.read == limit {
            return Err(Unreadable);
        }
        self.read += 1;
        let object = source.gix.find_object(self.commits[index].id);
        let commit = object.map_err(|_| Unreadable)?.try_into_commit();
        let ids = commit.map_err(|_| Unreadable)?;
        let parents = ids.parent_ids().map(|id| self.place(source, id.detach()));
        self.commits[index].parents = Some(parents.collect());
        Ok(())
    }
}
