//! The commit-graph of a repository, cut down to some of its commits. The format is that of
//! gitformat-commit-graph(5); of what may be left out there, all is.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use gix::commitgraph::{Graph, Position};

use super::hashing_writer::{HashingWriter, hash_version};

/// Stands for a parent that there is not.
const NONE: u32 = 0x7000_0000;
/// Said of a second parent when there are more, and of the last of these.
const MORE: u32 = 0x8000_0000;

/// Commits that are taken out of a commit-graph.
pub(super) struct GraphSubset {
    graph: Graph,
    taken: Vec<Position>,
}

impl GraphSubset {
    /// Opens the commit-graph of a directory of objects; `None` when there is none that is whole.
    pub(super) fn of(objects: &Path, kind: gix::hash::Kind) -> Option<Self> {
        let graph = Graph::from_info_dir(&objects.join("info"), kind).ok()?;
        let taken = Vec::new();
        Some(Self { graph, taken })
    }

    /// Adds an object, if it is a commit that is there.
    pub(super) fn insert(&mut self, id: &gix::hash::oid) {
        self.taken.extend(self.graph.lookup(id));
    }

    /// Writes a commit-graph of what was taken; none of nothing, nor where a parent was not taken.
    pub(super) fn write(mut self, path: &Path) -> Result<()> {
        let graph = &self.graph;
        self.taken.sort_unstable_by_key(|at| graph.id_at(*at));
        self.taken.dedup();
        let mut places = vec![NONE; graph.num_commits() as usize];
        for (at, place) in self.taken.iter().zip(0..) {
            places[at.0 as usize] = place;
        }
        let mut edges = 0;
        for at in &self.taken {
            match self.parents(*at, &places) {
                None => return Ok(()),
                Some(parents) if parents.len() > 2 => edges += parents.len() - 1,
                Some(_) => {}
            }
        }
        if self.taken.is_empty() {
            return Ok(());
        }
        let cannot = || format!("cannot write {}", path.display());
        let mut file = File::create(path).with_context(cannot)?;
        let mut wrote = Ok(());
        let mut give = |chunk: Vec<u8>| {
            wrote = file.write_all(&chunk);
            wrote.is_ok()
        };
        let mut out = HashingWriter::new(graph.object_hash(), &mut give);
        self.write_to(&mut out, &places, edges);
        out.finish();
        wrote.with_context(cannot)
    }

    /// The places of a commit's parents; `None` when one has none.
    fn parents(&self, at: Position, places: &[u32]) -> Option<Vec<u32>> {
        let place = |parent: Position| {
            let place = *places.get(parent.0 as usize)?;
            (place != NONE).then_some(place)
        };
        let parents = self.graph.commit_at(at).iter_parents();
        parents.map(|parent| place(parent.ok()?)).collect()
    }

    /// All but the hash of itself. `edges` is how many parents there are behind the first of commits that
    /// have more than two.
    fn write_to(&self, out: &mut HashingWriter<'_>, places: &[u32], edges: usize) {
        let hash = self.graph.object_hash().len_in_bytes();
        let ids = || self.taken.iter().map(|at| self.graph.id_at(*at).as_bytes());
        let count = self.taken.len();
        let mut chunks = vec![
            (b"OIDF", 4 * 256),
            (b"OIDL", count * hash),
            (b"CDAT", count * (hash + 16)),
        ];
        if edges > 0 {
            chunks.push((b"EDGE", edges * 4));
        }
        out.write(b"CGPH");
        let version = hash_version(self.graph.object_hash());
        out.write(&[1, version, chunks.len() as u8, 0]);
        let mut offset = (8 + (chunks.len() + 1) * 12) as u64;
        for (name, size) in chunks.iter().chain([&(b"\0\0\0\0", 0)]) {
            out.write(*name);
            out.write(&offset.to_be_bytes());
            offset += *size as u64;
        }
        out.fanout(ids());
        ids().for_each(|id| out.write(id));
        let mut more: Vec<u32> = Vec::with_capacity(edges);
        for at in &self.taken {
            let commit = self.graph.commit_at(*at);
            let parents = self.parents(*at, places).unwrap_or_default();
            out.write(commit.root_tree_id().as_bytes());
            out.number(parents.first().copied().unwrap_or(NONE));
            match parents.get(1..) {
                None | Some([]) => out.number(NONE),
                Some([second]) => out.number(*second),
                Some([middle @ .., last]) => {
                    out.number(MORE | more.len() as u32);
                    more.extend(middle);
                    more.push(MORE | last);
                }
            }
            let date = commit.committer_timestamp();
            let word = u64::from(commit.generation()) << 34 | date & 0x3_ffff_ffff;
            out.write(&word.to_be_bytes());
        }
        more.into_iter().for_each(|edge| out.number(edge));
    }
}
