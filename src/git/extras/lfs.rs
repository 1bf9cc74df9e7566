//! Files that git-lfs keeps: in the commit there are pointers to them
//! (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::super::{ObjectId, Repo, lines, run};

/// No pointer is longer, in bytes.
const LONGEST: u64 = 1024;
/// So many blobs are read at once.
const BATCH: usize = 10_000;

/// What a pointer points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    /// The SHA-256 of the content, in hexadecimal digits.
    pub oid: String,
    /// The bytes of the content.
    pub size: u64,
}

/// A pointer and the first path at which it stands.
pub(super) type Standing = (Pointer, String);

/// The pointers in the tree of a commit at `wanted` paths, each once, in the order of their ids.
pub(super) fn pointers(
    repo: &Repo,
    commit: &ObjectId,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Standing>> {
    let list = ["ls-tree", "-r", "-l", "-z", "--full-tree", commit.as_str()];
    let listed = run("ls-tree", &repo.git(list))?;
    let small = small_files(&listed, wanted);
    let mut found: Vec<Standing> = Vec::new();
    for batch in small.chunks(BATCH) {
        let ids: String = batch.iter().map(|(id, _)| format!("{id}\n")).collect();
        let cmd = repo.git(["cat-file", "--batch=%(objectsize)"]).stdin(ids);
        let blobs = run("cat-file", &cmd)?;
        let blobs = super::super::tree::parse_blobs(&blobs, batch.len())
            .context("git cat-file broke off")?;
        for (blob, (_, path)) in blobs.into_iter().zip(batch) {
            found.extend(parse(blob).map(|pointer| (pointer, path.clone())));
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    Ok(found)
}

/// Id and path of each file that is short enough.
fn small_files(listed: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in listed.split(|byte| *byte == 0) {
        let line = String::from_utf8_lossy(line);
        let Some((head, path)) = line.split_once('\t') else {
            continue;
        };
        let words: Vec<&str> = head.split_whitespace().collect();
        if let ["100644" | "100755", "blob", id, size] = words[..]
            && size
                .parse()
                .is_ok_and(|size: u64| (1..=LONGEST).contains(&size))
            && wanted(path)
        {
            found.push((id.to_owned(), path.to_owned()));
        }
    }
    found
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
    let oid = value("oid sha256:")?;
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let size = value("size ")?.parse().ok().filter(|size| *size > 0)?;
    (oid.len() == 64 && oid.bytes().all(hex)).then(|| Pointer {
        oid: oid.to_owned(),
        size,
    })
}

impl Pointer {
    /// Where its content lies below a folder of git-lfs.
    pub(super) fn place(&self) -> String {
        let (a, b) = (self.oid.get(..2), self.oid.get(2..4));
        format!(
            "objects/{}/{}/{}",
            a.unwrap_or_default(),
            b.unwrap_or_default(),
            self.oid
        )
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
    let folder = said.filter(|_| output.status.success());
    Ok(repo.common_dir.join(folder.as_deref().unwrap_or("lfs")))
}

/// Those of the paths that git-lfs is to fill, by `.gitattributes` of the commit: a text that only
/// looks like a pointer is a text.
pub(super) fn kept_by_lfs(
    repo: &Repo,
    commit: &ObjectId,
    paths: &[&str],
    folder: &Path,
) -> Result<Vec<String>> {
    let index = folder.join("index");
    let read = repo
        .git(["read-tree", commit.as_str()])
        .env("GIT_INDEX_FILE", &index);
    run("read-tree", &read)?;
    let cmd = repo
        .git(["check-attr", "--cached", "--stdin", "-z", "filter"])
        .env("GIT_INDEX_FILE", &index)
        .stdin(
            paths
                .iter()
                .map(|path| format!("{path}\0"))
                .collect::<String>(),
        );
    let said = run("check-attr", &cmd)?;
    let words: Vec<String> = said
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let kept = words.chunks(3).filter_map(|said| match said {
        [path, _, filter] if filter == "lfs" => Some(path.clone()),
        _ => None,
    });
    Ok(kept.collect())
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
        assert_eq!((pointer.oid.as_str(), pointer.size), (oid.as_str(), 12345));
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

    #[test]
    fn links_and_long_files_are_no_pointers() {
        let listed = b"100644 blob a1     130\tone\x00120000 blob b2 130\tlink\x00100755 blob c3 1025\tlong\x00160000 commit d4 -\tsub\x00100644 blob e5 7\tother/x\x00";
        let found = small_files(listed, |path| !path.starts_with("other"));
        assert_eq!(found, [("a1".to_owned(), "one".to_owned())]);
    }
}
