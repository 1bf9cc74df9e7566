//! Files that git-lfs keeps: in the commit there are pointers to them
//! (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::super::changes::offline;
use super::super::tree::parse_blobs;
use super::super::{ObjectId, Repo, lines, run, run_records};
use crate::error::Failure;
use crate::fs::TempDir;

/// No pointer is longer, in bytes.
const LONGEST: u64 = 1024;
/// So many files are looked into at once.
const BATCH: usize = 8192;

/// What a pointer points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    /// The SHA-256 of the content.
    pub oid: gix::ObjectId,
    /// The bytes of the content.
    pub size: u64,
}

/// A pointer and the path at which it stands, as bytes.
pub(super) type LfsFile = (Pointer, Vec<u8>);

/// Hands out the pointers at `wanted` paths of a commit, or of its files that are not in `below`. A tree
/// may be larger than memory: only few files of it are held at a time.
pub(super) fn pointers(
    repo: &Repo,
    commit: &ObjectId,
    below: Option<&ObjectId>,
    wanted: impl Fn(&[u8]) -> bool,
    mut on_pointer: impl FnMut(LfsFile) -> Result<()>,
) -> Result<()> {
    let mut batch = Vec::new();
    files(repo, commit, below, |id, path| {
        if wanted(path) {
            batch.push((id.to_owned(), path.to_owned()));
        }
        if batch.len() < BATCH {
            return Ok(());
        }
        look_into(repo, std::mem::take(&mut batch), &mut on_pointer)
    })?;
    look_into(repo, batch, &mut on_pointer)
}

/// Id and path of each file of a commit, or of those that are not in `below`.
fn files(
    repo: &Repo,
    commit: &ObjectId,
    below: Option<&ObjectId>,
    mut on_file: impl FnMut(&str, &[u8]) -> Result<()>,
) -> Result<()> {
    let Some(below) = below else {
        return entries(repo, commit, |entry| {
            let (head, path) = split(entry)?;
            match words(head)?[..] {
                ["100644" | "100755", _, id] => on_file(id, path),
                _ => Ok(()),
            }
        });
    };
    // Its path is a record of its own.
    let mut head: Option<Vec<u8>> = None;
    let cmd = repo.diff_tree::<&str>(&[below.as_str(), commit.as_str()], &[]);
    run_records("diff-tree", &cmd, 0, |record| {
        let Some(head) = head.take() else {
            head = Some(record.to_owned());
            return Ok(());
        };
        match words(&head)?[..] {
            [_, "100644" | "100755", _, id, _] => on_file(id, record),
            _ => Ok(()),
        }
    })
}

/// Hands out what is in the tree of a commit: mode, kind and id, a tab, the path.
fn entries(
    repo: &Repo,
    commit: &ObjectId,
    on_entry: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let list = ["ls-tree", "-r", "-z", "--full-tree", commit.as_str()];
    run_records("ls-tree", &repo.git(list), 0, on_entry)
}

fn split(entry: &[u8]) -> Result<(&[u8], &[u8])> {
    let tab = entry.iter().position(|byte| *byte == b'\t');
    let tab = tab.context("git ls-tree does not answer as expected")?;
    Ok((&entry[..tab], &entry[tab + 1..]))
}

fn words(head: &[u8]) -> Result<Vec<&str>> {
    let head = std::str::from_utf8(head).context("git does not answer as expected")?;
    Ok(head.split(' ').collect())
}

/// Which of these blobs are pointers.
fn look_into(
    repo: &Repo,
    mut batch: Vec<(String, Vec<u8>)>,
    on_pointer: &mut impl FnMut(LfsFile) -> Result<()>,
) -> Result<()> {
    let ask = |how: &str, batch: &[(String, Vec<u8>)]| {
        let ids: String = batch.iter().map(|(id, _)| format!("{id}\n")).collect();
        // Else it says each by itself.
        let cmd = repo.git(["cat-file", "--buffer", how]);
        run("cat-file", &offline(cmd).stdin(ids))
    };
    if batch.is_empty() {
        return Ok(());
    }
    // What is too long is not even read.
    let sizes = lines(&ask("--batch-check=%(objectsize)", &batch)?);
    let sizes: Vec<u64> = sizes.iter().filter_map(|size| size.parse().ok()).collect();
    if sizes.len() != batch.len() {
        bail!(
            Failure::new("this repository lacks files of the commit")
                .hint("git fsck --connectivity-only lists what is missing")
        );
    }
    let mut sizes = sizes.into_iter();
    batch.retain(|_| {
        sizes
            .next()
            .is_some_and(|size| (1..=LONGEST).contains(&size))
    });
    let blobs = ask("--batch=%(objectsize)", &batch)?;
    let blobs = parse_blobs(&blobs, batch.len()).context("git cat-file ended early")?;
    for (blob, (_, path)) in blobs.into_iter().zip(batch) {
        if let Some(pointer) = parse(blob) {
            on_pointer((pointer, path))?;
        }
    }
    Ok(())
}

/// Reads a pointer, if it is one. An empty file has none, and needs no object.
fn parse(blob: &[u8]) -> Option<Pointer> {
    let text = std::str::from_utf8(blob).ok()?;
    let version = text.strip_prefix("version https://")?;
    if ![
        "git-lfs.github.com/spec/v1\n",
        "hawser.github.com/spec/v1\n",
    ]
    .iter()
    .any(|known| version.starts_with(known))
    {
        return None;
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let size = value("size ")?.parse().ok();
    Pointer::new(value("oid sha256:")?, size?)
}

impl Pointer {
    /// To a content of this SHA-256 and size, if these can be such. An empty one is none.
    pub fn new(oid: &str, size: u64) -> Option<Self> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = oid.len() == 64 && oid.bytes().all(hex) && size > 0;
        let oid = gix::ObjectId::from_hex(fits.then_some(oid)?.as_bytes()).ok()?;
        Some(Self { oid, size })
    }

    /// Where its content lies below a directory of git-lfs.
    pub(super) fn place(&self) -> String {
        let oid = self.oid.to_string();
        format!("objects/{}/{}/{oid}", &oid[..2], &oid[2..4])
    }

    /// Whether the content is there, and as long as it should be.
    pub(super) fn is_in(&self, storage: &Path) -> bool {
        std::fs::metadata(storage.join(self.place())).is_ok_and(|file| file.len() == self.size)
    }
}

/// Where git-lfs keeps contents: `lfs` in the git directory, or what `lfs.storage` says.
pub(super) fn storage(repo: &Repo) -> Result<PathBuf> {
    let output = repo.git(["config", "--get", "lfs.storage"]).output()?;
    let said = lines(&output.stdout).into_iter().next();
    let directory = said.filter(|_| output.status.success());
    Ok(repo.common_dir.join(directory.as_deref().unwrap_or("lfs")))
}

/// Whether no `.gitattributes` differs between two commits; not so when one of them is not here.
pub(super) fn same_attributes(repo: &Repo, one: &ObjectId, other: &ObjectId) -> Result<bool> {
    let ask = ["--quiet", one.as_str(), other.as_str()];
    let output = repo
        .diff_tree(&ask, &[":(top,glob)**/.gitattributes"])
        .output()?;
    Ok(output.status.success())
}

/// Those that git-lfs is to fill, by `.gitattributes` of the commit: a text that only looks like a
/// pointer is a text.
pub(super) fn kept_by_lfs(
    repo: &Repo,
    commit: &ObjectId,
    standing: Vec<LfsFile>,
) -> Result<Vec<LfsFile>> {
    if standing.is_empty() {
        return Ok(standing);
    }
    let temp_dir = TempDir::new()?;
    let git = |args: &[&str]| {
        repo.git(args)
            .env("GIT_INDEX_FILE", temp_dir.path().join("index"))
            // So that no path is one from the current directory.
            .env("GIT_WORK_TREE", temp_dir.path())
    };
    // An index of nothing else is quickly made.
    let mut attributes = Vec::new();
    entries(repo, commit, |entry| {
        let (_, path) = split(entry)?;
        if path.rsplit(|byte| *byte == b'/').next() == Some(b".gitattributes") {
            attributes.extend_from_slice(entry);
            attributes.push(0);
        }
        Ok(())
    })?;
    let write = git(&["update-index", "-z", "--index-info"]).stdin(attributes);
    run("update-index", &write)?;
    let mut paths: Vec<u8> = Vec::new();
    for (_, path) in &standing {
        paths.extend_from_slice(path);
        paths.push(0);
    }
    let ask = git(&["check-attr", "--cached", "--stdin", "-z", "filter"]).stdin(paths);
    let said = run("check-attr", &ask)?;
    // Path, attribute and value of each.
    let words: Vec<&[u8]> = said.split(|byte| *byte == 0).collect();
    ensure!(
        words.len() == 3 * standing.len() + 1,
        "git check-attr ended early"
    );
    let filters = words.chunks_exact(3).map(|said| said[2] == b"lfs");
    let kept = standing.into_iter().zip(filters);
    Ok(kept
        .filter_map(|(standing, lfs)| lfs.then_some(standing))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_as_the_spec_says() {
        let oid = "4d".repeat(32);
        let text = |oid: &str, size: &str| {
            format!(
                "version https://git-lfs.github.com/spec/v1\next-0-x sha256:1\noid sha256:{oid}\nsize {size}\n"
            )
        };
        let pointer = parse(text(&oid, "12345").as_bytes()).unwrap();
        assert_eq!(
            (pointer.oid.to_string(), pointer.size),
            (oid.clone(), 12345)
        );
        assert_eq!(pointer.place(), format!("objects/4d/4d/{oid}"));
        for (oid, size) in [
            (&*oid, "0"),
            (&*oid, "-1"),
            ("../../etc", "1"),
            ("4D4D", "1"),
        ] {
            assert_eq!(parse(text(oid, size).as_bytes()), None, "{oid} {size}");
        }
        for other in [
            "",
            "version https://git-lfs.github.com/spec/v1\n",
            "version 1\n",
        ] {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }
}
