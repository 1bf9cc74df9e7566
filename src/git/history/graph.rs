//! Counting over git's commit-graph file: an index of all commits, with their parents and their
//! generation, that `git gc` and `git maintenance` write.
//!
//! A commit's generation is one more than the highest of its parents'. So it orders history
//! whatever the dates of the commits say, which is where counts ordered by date go wrong.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gix::commitgraph::{Graph, Position};

use super::distance::CAP;
use super::newer::Above;

/// Reachable from the tip.
const TIP: u8 = 1;
/// Reachable from the commit, so not counted.
const HIDDEN: u8 = 2;
const BOTH: u8 = TIP | HIDDEN;
/// Seen by [`Walk::path`], from the tip or from the neck.
const SEEN: u8 = 4;
const SEEN_AGAIN: u8 = 8;

/// How many commits [`Walk::path`] looks at.
const STEPS: usize = 4_000;
/// How many generations [`Walk::neck`] looks at: few enough for a path through all of them.
const WINDOW: u32 = 1_024;

/// The commits of one generation.
#[derive(Debug, Clone, Copy)]
enum Level {
    Empty,
    One(Position),
    More,
}

/// The file contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CorruptCommitGraph;

/// How many commits are reachable from the tip and not from the commit, when all above the graph
/// is known; at most one more than [`CAP`]. `None` when `commit`, a commit of the graph, is not
/// reachable from the tip.
pub(super) fn count(
    graph: &Graph,
    above: &Above,
    commit: Option<Position>,
) -> Result<Option<u64>, CorruptCommitGraph> {
    let mut walk = Walk::new(graph, above.tips.clone());
    for at in &above.tips {
        walk.mark(*at, TIP, u32::MAX)?;
    }
    for at in &above.hidden {
        walk.mark(*at, HIDDEN, u32::MAX)?;
    }
    walk.count(commit, above.count)
}

/// Whether a path from the tip to a commit of the graph is found without much ado. Where none is
/// found there may still be one.
pub(super) fn plainly_leads_to(
    graph: &Graph,
    above: &Above,
    commit: Position,
) -> Result<bool, CorruptCommitGraph> {
    let tips = above.tips.clone();
    Walk::new(graph, Vec::new()).path(tips, commit, SEEN)
}

/// One count over the graph.
struct Walk<'g> {
    graph: &'g Graph,
    /// One for each commit of the graph; never touched, its memory is never taken.
    flags: Vec<u8>,
    /// Commits to go on from, the highest generation first: `generation << 32 | position`.
    queue: BinaryHeap<u64>,
    /// How many in the queue are the tip's and not hidden.
    open: usize,
    /// Where the tip's history enters the graph.
    tips: Vec<Position>,
}

impl<'g> Walk<'g> {
    fn new(graph: &'g Graph, tips: Vec<Position>) -> Self {
        Self {
            graph,
            flags: vec![0; graph.num_commits() as usize],
            queue: BinaryHeap::new(),
            open: 0,
            tips,
        }
    }

    fn count(
        mut self,
        commit: Option<Position>,
        mut count: u64,
    ) -> Result<Option<u64>, CorruptCommitGraph> {
        // The commit, until it is known to be reachable.
        let mut wanted = commit;
        let mut shortcut = true;
        while self.open > 0 {
            if count > CAP {
                match wanted {
                    None => break,
                    Some(commit) if shortcut && self.leads_to(commit)? => {
                        wanted = None;
                        break;
                    }
                    // Only the whole way tells.
                    Some(_) => shortcut = false,
                }
            }
            let Some(next) = self.queue.pop() else { break };
            let at = Position((next & u64::from(u32::MAX)) as u32);
            // Final, as whatever leads here is of a higher generation and came before.
            let flags = self.flags[at.0 as usize] & BOTH;
            if flags == TIP {
                self.open -= 1;
                count += 1;
            }
            let node = self.graph.commit_at(at);
            let mut highest = 0;
            for parent in node.iter_parents() {
                let parent = parent.map_err(|_| CorruptCommitGraph)?;
                highest = highest.max(self.mark(parent, flags, node.generation())?);
            }
            if node.generation() != highest + 1 {
                return Err(CorruptCommitGraph);
            }
            if wanted == Some(at) {
                if flags & TIP == 0 {
                    break;
                }
                wanted = None;
            }
        }
        // One that says less than its generation came too late.
        for left in &self.queue {
            self.check(Position((left & u64::from(u32::MAX)) as u32))?;
        }
        // Else what is left of the tip's, if anything is, is hidden, so an ancestor of the commit,
        // or of a lower generation: none of it leads to the commit.
        let reached = wanted.is_none_or(|commit| self.flags[commit.0 as usize] & TIP != 0);
        Ok(reached.then_some(count.min(CAP + 1)))
    }

    /// Whether a commit's generation follows from its parents'. It does not in a file of a git
    /// that knew no generations: 0 everywhere.
    fn check(&self, at: Position) -> Result<(), CorruptCommitGraph> {
        let node = self.graph.commit_at(at);
        let mut highest = 0;
        for parent in node.iter_parents() {
            let parent = self
                .graph
                .commit_at(parent.map_err(|_| CorruptCommitGraph)?);
            highest = highest.max(parent.generation());
        }
        if node.generation() == highest + 1 {
            Ok(())
        } else {
            Err(CorruptCommitGraph)
        }
    }

    /// Adds flags to a commit, and puts it in the queue the first time; its generation, which
    /// must be below its child's: else it may be out of the queue again.
    fn mark(&mut self, at: Position, flags: u8, child: u32) -> Result<u32, CorruptCommitGraph> {
        let generation = self.graph.commit_at(at).generation();
        if generation >= child {
            return Err(CorruptCommitGraph);
        }
        let known = &mut self.flags[at.0 as usize];
        let before = *known & BOTH;
        *known |= flags;
        let after = *known & BOTH;
        if before == 0 {
            self.queue
                .push(u64::from(generation) << 32 | u64::from(at.0));
            self.open += usize::from(after == TIP);
        } else if before == TIP && after == BOTH {
            self.open -= 1;
        }
        Ok(generation)
    }

    /// Whether a path from the tip to `commit` is found without much ado. Where none is found there
    /// may still be one.
    fn leads_to(&mut self, commit: Position) -> Result<bool, CorruptCommitGraph> {
        let tips = std::mem::take(&mut self.tips);
        let highest = tips.iter().map(|at| self.graph.commit_at(*at).generation());
        let highest = highest.max().unwrap_or_default();
        if self.path(tips, commit, SEEN)? {
            return Ok(true);
        }
        match self.neck(commit, highest) {
            Some(neck) => self.path(vec![neck], commit, SEEN_AGAIN),
            None => Ok(false),
        }
    }

    /// A commit some way above `commit` that the tip leads to for certain. Each commit leads to
    /// some commit of every generation below its own; so to this one, when it is the only one.
    fn neck(&self, commit: Position, highest: u32) -> Option<Position> {
        let floor = self.graph.commit_at(commit).generation();
        let mut levels = [Level::Empty; WINDOW as usize];
        for (at, node) in (0..).zip(self.graph.iter_commits()) {
            let above = node.generation().wrapping_sub(floor + 1);
            if let Some(level) = levels.get_mut(above as usize) {
                *level = match level {
                    Level::Empty => Level::One(Position(at)),
                    _ => Level::More,
                };
            }
        }
        let below = highest.saturating_sub(floor).min(WINDOW);
        let mut necks = levels.iter().take(below as usize).rev();
        necks.find_map(|level| match level {
            Level::One(at) => Some(*at),
            _ => None,
        })
    }

    /// Looks for a path to `commit`, within [`STEPS`]. Of a merge's parents the one of the lowest
    /// generation comes first, unless too low: a branch that began long ago is a leap down.
    fn path(
        &mut self,
        mut stack: Vec<Position>,
        commit: Position,
        mark: u8,
    ) -> Result<bool, CorruptCommitGraph> {
        let graph = self.graph;
        let generation = |at: Position| graph.commit_at(at).generation();
        let floor = generation(commit);
        let mut seen = 0;
        while let Some(at) = stack.pop() {
            if at == commit {
                return Ok(true);
            }
            let flags = &mut self.flags[at.0 as usize];
            if *flags & mark != 0 {
                continue;
            }
            *flags |= mark;
            if generation(at) <= floor {
                continue;
            }
            seen += 1;
            if seen > STEPS {
                break;
            }
            let first = stack.len();
            for parent in graph.commit_at(at).iter_parents() {
                stack.push(parent.map_err(|_| CorruptCommitGraph)?);
            }
            if stack.len() - first > 1 {
                stack[first..].sort_by_key(|at| Reverse(generation(*at)));
            }
        }
        Ok(false)
    }
}
