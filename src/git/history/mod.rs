//! How far one commit is from another.
//!
//! Git's commit-graph file answers within milliseconds whatever the distance ([`graph`]). What is
//! newer than that file is read commit by commit ([`newer`]), and so is all of a small history
//! that has none. What neither knows of is left to git: history that is cut off (shallow) or
//! redrawn (replaced objects, grafts). A large one without a commit-graph is walked by date. Whether
//! a commit is far behind is written down for the next time ([`distance_cache`]).
//!
//! A commit-graph that contradicts itself is not used. One that is wrong and consistent is
//! believed, as git believes it: its checksum takes longer than any answer. So is what is written
//! down, as far as it can be read.

mod distance;
mod distance_cache;
mod graph;
mod newer;

use std::cell::RefCell;

use anyhow::{Context, Result};
use gix::commitgraph::Graph;

pub use self::distance::{CAP, Distance};
use self::distance_cache::DistanceCache;
use self::graph::CorruptCommitGraph;
use self::newer::{CommitLocation, CommitSource, Newer, Unreadable};
use super::{ObjectId, Repo, failed, lines, run};

/// Answers questions on one repository's history, many of them cheaply: in process where the
/// repository can be read so, else by asking git. Commits made after it was opened are seen; a
/// history redrawn since is not.
pub struct History<'a> {
    repo: &'a Repo,
    reader: Option<HistoryReader>,
}

/// Reads a history that is all its commits say.
struct HistoryReader {
    gix: gix::Repository,
    graph: Result<Option<Graph>, CorruptCommitGraph>,
    newer: RefCell<Newer>,
    far: RefCell<DistanceCache>,
}

/// Why git is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// Only git knows, or is faster.
    LeftToGit,
    /// The commit-graph file is corrupt, and must be ignored.
    CorruptGraph,
}

impl From<CorruptCommitGraph> for Unknown {
    fn from(_: CorruptCommitGraph) -> Self {
        Self::CorruptGraph
    }
}

impl std::fmt::Debug for History<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("repo", self.repo).finish()
    }
}

impl<'a> History<'a> {
    /// Opens the history. What cannot be read in process is left to git.
    pub fn open(repo: &'a Repo) -> Self {
        Self {
            repo,
            reader: HistoryReader::open(repo),
        }
    }

    /// How `commit` lies to `tip`.
    pub fn distance(&self, commit: &ObjectId, tip: &ObjectId) -> Result<Distance> {
        if commit == tip {
            return Ok(Distance::Behind(0));
        }
        let answer = match &self.reader {
            Some(reader) => reader.distance(commit, tip),
            None => Err(Unknown::LeftToGit),
        };
        match answer {
            Ok(distance) => Ok(distance),
            Err(why) => self.ask_git(commit, tip, why),
        }
    }

    /// Writes down what took long to find out.
    pub fn remember(&self) {
        if let Some(reader) = &self.reader {
            reader.far.borrow_mut().write(self.repo);
        }
    }
}

impl History<'_> {
    fn ask_git(&self, commit: &ObjectId, tip: &ObjectId, why: Unknown) -> Result<Distance> {
        let git = |args: &[&str]| {
            let graph = match why {
                Unknown::LeftToGit => &[][..],
                Unknown::CorruptGraph => &["-c", "core.commitGraph=false"],
            };
            let cmd = self.repo.git(graph.iter().chain(args));
            // What is not here is missing, and not to be fetched.
            cmd.env("GIT_NO_LAZY_FETCH", "1")
        };
        let check = git(&["cat-file", "--batch-check=%(objecttype)"]);
        let answer = run("cat-file", &check.stdin(format!("{commit}\n{tip}\n")))?;
        if lines(&answer) != ["commit", "commit"] {
            return Ok(Distance::Missing);
        }
        let output =
            git(&["merge-base", "--is-ancestor", commit.as_str(), tip.as_str()]).output()?;
        match output.status.code() {
            Some(0) => {}
            Some(1) => return Ok(Distance::Diverged),
            _ => return Err(failed("merge-base", &output).into()),
        }
        let (range, most) = (format!("{commit}..{tip}"), format!("-n{}", CAP + 1));
        let answer = run("rev-list", &git(&["rev-list", "--count", &most, &range]))?;
        lines(&answer)
            .first()
            .and_then(|count| count.parse().ok())
            .map(Distance::Behind)
            .context("git rev-list --count gave no number")
    }
}

impl HistoryReader {
    /// `None` when only git can tell.
    fn open(repo: &Repo) -> Option<Self> {
        let grafts = repo.common_dir.join("info/grafts");
        if repo.shallow || std::fs::metadata(grafts).is_ok_and(|file| file.len() > 0) {
            return None;
        }
        let gix = repo.gix().or_else(|| repo.open_gix().ok())?;
        if is_replaced(repo, &gix)? {
            return None;
        }
        let graph = gix
            .commit_graph_if_enabled()
            .map_err(|_| CorruptCommitGraph);
        Some(Self {
            gix,
            graph,
            newer: RefCell::default(),
            far: RefCell::new(DistanceCache::read(repo)),
        })
    }

    fn distance(&self, commit: &ObjectId, tip: &ObjectId) -> Result<Distance, Unknown> {
        let id = |id: &ObjectId| {
            let id = gix::ObjectId::from_hex(id.as_str().as_bytes()).ok();
            // A graph may be older than the last `git prune`.
            id.filter(|id| self.gix.has_object(id))
                .ok_or(Unknown::LeftToGit)
        };
        let (commit, tip) = (id(commit)?, id(tip)?);
        let source = CommitSource {
            gix: &self.gix,
            graph: self.graph.as_ref().map_err(|corrupt| *corrupt)?.as_ref(),
        };
        let mut newer = self.newer.borrow_mut();
        let from = newer.place(source, commit);
        let to = newer.place(source, tip);
        if self.is_known_far(source, &mut newer, commit, tip) {
            return Ok(Distance::Behind(CAP + 1));
        }
        let above = match newer.above(source, from, to) {
            Ok(above) => above,
            Err(Unreadable) if source.graph.is_some() => return Err(Unknown::LeftToGit),
            Err(Unreadable) => return walk(&self.gix, commit, tip).ok_or(Unknown::LeftToGit),
        };
        let reached = match from {
            CommitLocation::Newer(_) if !above.reached => return Ok(Distance::Diverged),
            CommitLocation::Newer(_) => None,
            CommitLocation::Graph(at) => Some(at),
        };
        let count = match source.graph {
            None => Some(above.count.min(CAP + 1)),
            Some(graph) => graph::count(graph, &above, reached)?,
        };
        if source.graph.is_some() && count.is_some_and(|count| count > CAP) {
            self.far.borrow_mut().insert(commit, tip);
        }
        Ok(count.map_or(Distance::Diverged, Distance::Behind))
    }

    /// Whether the tip is one that the commit was once found to be far behind, or plainly leads to
    /// that: then the commit is as far behind this one, or farther.
    fn is_known_far(
        &self,
        source: CommitSource,
        newer: &mut Newer,
        commit: gix::ObjectId,
        tip: gix::ObjectId,
    ) -> bool {
        let Some(known) = self.far.borrow().tip(commit) else {
            return false;
        };
        if known == tip {
            return true;
        }
        let (to, known) = (newer.place(source, tip), newer.place(source, known));
        let Ok(above) = newer.above(source, known, to) else {
            return false;
        };
        match (known, source.graph) {
            (CommitLocation::Newer(_), _) => above.reached,
            (CommitLocation::Graph(at), Some(graph)) => {
                graph::plainly_leads_to(graph, &above, at).unwrap_or(false)
            }
            (CommitLocation::Graph(_), None) => false,
        }
    }
}

/// Whether objects are replaced by others. `None` when that cannot be told.
fn is_replaced(repo: &Repo, gix: &gix::Repository) -> Option<bool> {
    // These refs gix does not see.
    if repo.common_dir.join("reftable").exists() {
        let cmd = repo.git(["for-each-ref", "--count=1", "refs/replace/"]);
        return Some(!run("for-each-ref", &cmd).ok()?.is_empty());
    }
    let references = gix.references().ok()?;
    let mut replaced = references.prefixed("refs/replace/").ok()?;
    Some(replaced.next().is_some())
}

/// The way for a large history without a commit-graph: by the dates of commits. `None` when gix
/// cannot tell.
fn walk(gix: &gix::Repository, commit: gix::ObjectId, tip: gix::ObjectId) -> Option<Distance> {
    let base = gix.merge_base(commit, tip).ok()?;
    if base.is_none_or(|base| base.detach() != commit) {
        return Some(Distance::Diverged);
    }
    let walk = gix.rev_walk([tip]).with_hidden([commit]).all().ok()?;
    let mut behind = 0;
    for info in walk.take(CAP as usize + 1) {
        info.ok()?;
        behind += 1;
    }
    Some(Distance::Behind(behind))
}
