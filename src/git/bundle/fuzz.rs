//! The door of fuzz targets: nobody else comes this way.

use std::path::Path;

use anyhow::{Context, Result};
use gix::commitgraph::Graph;
use gix::hash::Kind;
use gix::odb::pack::index;

use super::graph::GraphSubset;
use super::subset_pack::PackSelection;

/// Copies what is in a pack, all of it and then some, with its index and its bitmap.
pub fn subset(pack: &Path) -> Result<()> {
    for left_out in [usize::MAX, 3] {
        let choice = PackSelection::from(pack, Kind::Sha1, "")?;
        let mut choice = choice.context("an index of another version")?;
        let index = index::File::at(pack.with_extension("idx"), Kind::Sha1);
        let index = index.ok().context("no index")?;
        for position in 0..index.num_objects() {
            if position as usize % left_out != left_out - 1 {
                choice.select(index.oid_at_index(position));
            }
        }
        if let Some(subset) = choice.settle(true, |_| Ok(pack.to_owned()))? {
            subset.size();
            subset.send(&mut |_| true)?;
        }
    }
    Ok(())
}

/// Makes a commit-graph at `made` of all that is in that of a directory of objects.
pub fn commit_graph(objects: &Path, made: &Path) -> Result<()> {
    let commits = GraphSubset::of(objects, Kind::Sha1);
    let mut commits = commits.context("no commit-graph")?;
    let graph = Graph::from_info_dir(&objects.join("info"), Kind::Sha1).ok();
    for id in graph.context("no commit-graph")?.iter_ids() {
        commits.insert(id);
    }
    commits.write(made)
}
