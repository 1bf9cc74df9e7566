//! Directories of a commit, with the content of their files.

use anyhow::{Context, Result};

use super::{ObjectId, Repo, run};

/// A file of a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path from the directory that was asked for.
    pub path: String,
    /// As git writes it: `100644`, `100755`, `120000` for a symbolic link.
    pub mode: String,
    /// Its content, or where the link leads.
    pub bytes: Vec<u8>,
}

impl Repo {
    /// All files below a directory of a commit, in the order of their paths; none when there is no
    /// such directory. Submodules are left out. For directories of modest size: all is held in memory.
    /// `check` may refuse a file by its path and size before it is read.
    pub fn directory_at(
        &self,
        commit: &ObjectId,
        directory: &str,
        check: &dyn Fn(&str, u64) -> Result<()>,
    ) -> Result<Vec<TreeFile>> {
        let root = format!("{commit}:{directory}");
        let exists = self.git(["cat-file", "-e", &root]).output()?;
        if !exists.status.success() {
            return Ok(Vec::new());
        }
        let listed = run("ls-tree", &self.git(["ls-tree", "-r", "-l", "-z", &root]))?;
        let entries = parse_list(&listed).context("git ls-tree ended early")?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        for entry in &entries {
            check(&entry.path, entry.size)?;
        }
        let ids: String = entries
            .iter()
            .map(|entry| format!("{}\n", entry.id))
            .collect();
        let cmd = self.git(["cat-file", "--batch=%(objectsize)"]).stdin(ids);
        let blobs = run("cat-file", &cmd)?;
        let blobs = parse_blobs(&blobs, entries.len()).context("git cat-file ended early")?;
        let file = |(entry, bytes): (LsTreeEntry, &[u8])| TreeFile {
            path: entry.path,
            mode: entry.mode.to_owned(),
            bytes: bytes.to_vec(),
        };
        Ok(entries.into_iter().zip(blobs).map(file).collect())
    }
}

/// A blob in what `git ls-tree -r -l -z` prints.
#[derive(Debug, PartialEq, Eq)]
struct LsTreeEntry<'a> {
    mode: &'a str,
    id: &'a str,
    size: u64,
    path: String,
}

fn parse_list(answer: &[u8]) -> Option<Vec<LsTreeEntry<'_>>> {
    let mut found = Vec::new();
    for line in answer.split(|byte| *byte == 0).filter(|l| !l.is_empty()) {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let (head, path) = line.split_at(tab);
        let mut words = std::str::from_utf8(head).ok()?.split_whitespace();
        let (mode, kind, id) = (words.next()?, words.next()?, words.next()?);
        if kind == "blob" {
            let path = String::from_utf8_lossy(path.get(1..)?).into_owned();
            let size = words.next()?.parse().ok()?;
            found.push(LsTreeEntry {
                mode,
                id,
                size,
                path,
            });
        }
    }
    Some(found)
}

/// The blobs of `--batch=%(objectsize)`: a size, a newline, the content, a newline.
pub(super) fn parse_blobs(mut answer: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let end = answer.iter().position(|byte| *byte == b'\n')?;
        let (size, rest) = answer.split_at(end);
        let size: usize = std::str::from_utf8(size).ok()?.parse().ok()?;
        let rest = rest.get(1..)?;
        found.push(rest.get(..size)?);
        answer = rest.get(size + 1..)?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_blobs_are_read_as_bytes() {
        let list =
            b"100644 blob a1     12\tone\x00120000 blob b2 3\ta\tb\n\x00160000 commit c3 -\tsub\0";
        let listed = |mode, id, size, path: &str| LsTreeEntry {
            mode,
            id,
            size,
            path: path.to_owned(),
        };
        assert_eq!(
            parse_list(list).unwrap(),
            [
                listed("100644", "a1", 12, "one"),
                listed("120000", "b2", 3, "a\tb\n")
            ]
        );
        assert_eq!(parse_list(b"100644 blob"), None);
        let blobs: [&[u8]; 2] = [b"a\nb", b""];
        assert_eq!(parse_blobs(b"3\na\nb\n0\n\n", 2).unwrap(), blobs);
        assert_eq!(parse_blobs(b"9\nshort\n", 1), None);
        assert_eq!(parse_blobs(b"a1 missing\n", 1), None);
    }
}
