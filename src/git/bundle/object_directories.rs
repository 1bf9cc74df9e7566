//! The files in which a repository keeps its objects.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::graph::GraphSubset;
use super::send;
use crate::digest;
use crate::error::Failure;
use crate::git::Repo;

/// More are not opened at a time: a process may have 1024 on many machines.
const MOST: usize = 800;
/// How often we look again, when packs come and go.
pub(super) const TRIES: usize = 20;

/// A file that is open: its name below `objects`, where it lies, and itself.
pub(super) type OpenFile = (String, PathBuf, File);

/// The directories of one repository: its own, and those that it borrows from.
#[derive(Debug, Clone)]
pub(in crate::git) struct ObjectDirectories {
    directories: Vec<PathBuf>,
    /// Whether there are files in them that speak of other files.
    tells: bool,
}

impl Repo {
    /// Where its objects are.
    pub(in crate::git) fn object_directories(&self) -> Result<ObjectDirectories> {
        let borrowed = gix::odb::alternate::resolve(self.objects.clone(), Path::new("/"));
        let borrowed = borrowed
            .map_err(|error| Failure::new(error.to_string()))
            .context("cannot read objects/info/alternates")?;
        let own = std::iter::once(self.objects.clone());
        Ok(ObjectDirectories::of(
            &own.chain(borrowed).collect::<Vec<_>>(),
        ))
    }

    /// Whether git has a reachability bitmap: packing a history without one takes several times
    /// longer.
    pub fn has_bitmap(&self) -> Result<bool> {
        let files = self.object_directories()?.listing()?;
        Ok(files.keys().any(|name| name.ends_with(".bitmap")))
    }

    /// Words for what is handed over of a commit beside what the commit says: which objects these are when
    /// they are all, and what makes reading them faster.
    pub fn marks(&self, objects: super::Objects) -> Result<Vec<String>> {
        let directories = self.object_directories()?;
        let mut names: Vec<String> = directories.files()?.into_keys().collect();
        if objects == super::Objects::All {
            names.extend(directories.loose()?);
            return Ok(vec![format!(
                "packs-{}",
                &digest::of(names.join("\n"))[..16]
            )]);
        }
        let parts = [("graph", "commit-graph"), ("bitmap", ".bitmap")];
        Ok(parts
            .into_iter()
            .filter(|(_, part)| names.iter().any(|name| name.contains(part)))
            .map(|(word, _)| word.to_owned())
            .collect())
    }

    /// The command that makes one, without packing anything again.
    pub fn bitmap_command(&self) -> String {
        self.command_line(&["multi-pack-index", "write", "--bitmap"])
    }

    /// A git command here, as one would type it.
    pub(in crate::git) fn command_line(&self, args: &[&str]) -> String {
        let path = self.path.to_string_lossy();
        let words = ["git", "-C", &*path]
            .into_iter()
            .chain(args.iter().copied());
        shlex::try_join(words).unwrap_or_else(|_| format!("git {}", args.join(" ")))
    }
}

impl ObjectDirectories {
    pub(crate) fn of(directories: &[PathBuf]) -> Self {
        Self {
            directories: directories.to_vec(),
            tells: directories.len() == 1,
        }
    }

    /// With the packs of others, which nothing here speaks of.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.directories.extend(others.directories);
        self
    }

    /// The commit-graph, where there is one and it is whole.
    pub(in crate::git::bundle) fn graph(&self, kind: gix::hash::Kind) -> Option<GraphSubset> {
        let files = self.listing().ok()?;
        let is_graph = |name: &str| name == "info/commit-graph" || name.ends_with(".graph");
        let mut graphs = files.iter().filter(|(name, _)| is_graph(name));
        if !graphs.all(|(_, path)| send::is_whole(path, kind)) {
            return None;
        }
        let mut directories = self.directories.iter();
        directories.find_map(|directory| GraphSubset::of(directory, kind))
    }

    /// Opens all files of packs, and what speeds up reading them. What is open is complete: it is
    /// what there was at one moment.
    pub(crate) fn open(&self) -> Result<Vec<OpenFile>> {
        for _ in 0..TRIES {
            let before = self.files()?;
            if before.len() > MOST {
                bail!(
                    Failure::new(format!(
                        "the objects are in {} files, too many to be sent as they are",
                        before.len()
                    ))
                    .hint("git gc packs them into fewer; --objects exact packs what is needed")
                );
            }
            let opened = before.iter().map(|(name, path)| {
                let file = crate::fs::open(path)?;
                Ok((name.clone(), path.clone(), file))
            });
            match opened.collect::<std::io::Result<Vec<_>>>() {
                Ok(opened) if self.files()? == before => return Ok(opened),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).context("cannot read the packs"),
            }
        }
        bail!(
            Failure::new("the packs of the repository keep changing")
                .hint("try again when git gc, or whatever else runs there, has ended")
        )
    }

    /// The pack that has most of the objects: the one with a bitmap, or else the largest.
    pub(crate) fn main_pack(&self) -> Result<Option<PathBuf>> {
        let all = self.listing()?;
        let has = |name: &str| all.contains_key(name);
        let packs = all.iter().filter_map(|(name, path)| {
            let stem = name.strip_suffix(".pack")?;
            // What is about to be thrown away is in a pack, too.
            let whole = is_sent(name, false, has) && !has(&format!("{stem}.mtimes"));
            let size = path.metadata().ok()?.len();
            whole.then(|| (has(&format!("{stem}.bitmap")), size, path.clone()))
        });
        Ok(packs.max().map(|(_, _, path)| path))
    }

    /// The ids of all loose objects.
    pub(crate) fn loose(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for directory in &self.directories {
            for start in names(directory)?
                .into_iter()
                .filter(|name| is_hex(name, &[2]))
            {
                let rest = names(&directory.join(&start))?;
                let ids = rest.iter().filter(|rest| is_hex(rest, &[38, 62]));
                found.extend(ids.map(|rest| format!("{start}{rest}")));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// What is to be sent of all that is there.
    fn files(&self) -> Result<BTreeMap<String, PathBuf>> {
        let all = self.listing()?;
        let sent = all
            .iter()
            .filter(|(name, _)| is_sent(name, self.tells, |name| all.contains_key(name)));
        Ok(sent
            .map(|(name, path)| (name.clone(), path.clone()))
            .collect())
    }

    /// All files beside loose objects; the first of a name.
    fn listing(&self) -> Result<BTreeMap<String, PathBuf>> {
        let mut found = BTreeMap::new();
        for directory in &self.directories {
            for below in ["pack", "info", "info/commit-graphs"] {
                let path = directory.join(below);
                for name in names(&path)? {
                    let place = path.join(&name);
                    found.entry(format!("{below}/{name}")).or_insert(place);
                }
            }
        }
        Ok(found)
    }
}

/// Whether a file of this name is sent: packs that have an index, and what makes reading faster.
/// What names other files (`tells`) would be wrong where there are files of several directories.
fn is_sent(name: &str, tells: bool, has: impl Fn(&str) -> bool) -> bool {
    if let Some((stem, kind)) = name.rsplit_once('.')
        && stem.starts_with("pack/pack-")
    {
        // The index comes last, when a pack is complete.
        let whole = has(&format!("{stem}.pack")) && has(&format!("{stem}.idx"));
        return whole && (matches!(kind, "pack" | "idx" | "rev") || (kind == "bitmap" && tells));
    }
    let known = [
        ("pack/multi-pack-index", ""),
        ("pack/multi-pack-index-", ".bitmap"),
        ("pack/multi-pack-index-", ".rev"),
        ("info/commit-graph", ""),
        ("info/commit-graphs/commit-graph-chain", ""),
        ("info/commit-graphs/graph-", ".graph"),
    ];
    let fits = |(start, end): &(&str, &str)| {
        let middle = name
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        middle.is_some_and(|middle| middle.is_empty() == end.is_empty())
    };
    tells && known.iter().any(fits)
}

fn is_hex(name: &str, lengths: &[usize]) -> bool {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    lengths.contains(&name.len()) && name.bytes().all(hex)
}

/// The names in a directory; none when there is no such directory.
fn names(directory: &Path) -> Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<String>> {
        let names = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<std::io::Result<Vec<_>>>()?;
        // Git's own names are all ASCII.
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    };
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.with_context(|| format!("cannot read {}", directory.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_with_an_index_and_what_speeds_them_up() {
        let all = |name: &str| !name.starts_with("pack/pack-2.");
        for name in ["pack/pack-1.pack", "pack/pack-1.idx", "pack/pack-1.rev"] {
            assert!(
                is_sent(name, true, all) && is_sent(name, false, all),
                "{name}"
            );
        }
        for name in [
            "pack/pack-1.bitmap",
            "pack/multi-pack-index",
            "pack/multi-pack-index-0a.bitmap",
            "pack/multi-pack-index-0a.rev",
            "info/commit-graph",
            "info/commit-graphs/commit-graph-chain",
            "info/commit-graphs/graph-0a.graph",
        ] {
            assert!(
                is_sent(name, true, all) && !is_sent(name, false, all),
                "{name}"
            );
        }
        for name in [
            "pack/pack-2.pack",
            "pack/pack-1.keep",
            "pack/pack-1.promisor",
            "pack/pack-1.mtimes",
            "pack/tmp_pack_1",
            "pack/.tmp-1-pack-1.pack",
            "pack/multi-pack-index.lock",
            "info/commit-graph.lock",
            "info/commit-graphs/tmp_graph_1",
            "info/alternates",
            "info/packs",
        ] {
            assert!(!is_sent(name, true, all), "{name}");
        }
    }
}
