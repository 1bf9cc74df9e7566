//! Questions on files of commits: their text at many, and which differ between two.
//!
//! Patterns come from users: each is an argument behind `--` and behind magic of our own, so that
//! what looks like an option, an exclusion or other magic is a name like any.

use std::collections::HashMap;
use std::ffi::OsStr;

use anyhow::{Context, Result, bail};

use super::{ObjectId, Repo, lines, run};
use crate::error::Failure;
use crate::fs;
use crate::proc::Cmd;

/// Variables that change what a pathspec means.
const PATHSPEC_VARIABLES: [&str; 4] = [
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

impl Repo {
    /// A file of the commit's tree, or `None` when there is none, or no such commit. Never reads
    /// the worktree.
    pub fn file_at(&self, commit: &ObjectId, path: &str) -> Result<Option<String>> {
        let found = self.files_at(std::slice::from_ref(commit), path)?;
        Ok(found.into_iter().next().flatten())
    }

    /// The same of many commits, in their order. Fails when one of the files is larger than
    /// what people write, or is no text.
    pub fn files_at(&self, commits: &[ObjectId], path: &str) -> Result<Vec<Option<String>>> {
        // What git would read as something else; but for line breaks no tree has such names.
        let none = path.contains(['\n', '\r', '\0'])
            || path.split('/').any(|part| matches!(part, "." | ".."));
        if commits.is_empty() || none {
            return Ok(vec![None; commits.len()]);
        }
        let quick = commits.iter().map(|commit| self.quick_file(commit, path));
        let blobs: Vec<Option<Vec<u8>>> = match quick.collect() {
            Some(blobs) => blobs,
            None => {
                let ask = |commit: &ObjectId| format!("{commit}:{path}\n");
                let input: String = commits.iter().map(ask).collect();
                let cmd = self.git(["cat-file", "--batch-check=%(objecttype) %(objectsize)"]);
                let sizes = run("cat-file", &cmd.stdin(input.clone()))?;
                for (line, commit) in lines(&sizes).iter().zip(commits) {
                    let size = line
                        .strip_prefix("blob ")
                        .and_then(|size| size.parse().ok());
                    check_size(path, commit, size.unwrap_or(0))?;
                }
                let cmd = self.git(["cat-file", "--batch=%(objecttype) %(objectsize)"]);
                let answer = run("cat-file", &cmd.stdin(input))?;
                let blobs =
                    parse_batch(&answer, commits.len()).context("git cat-file ended early")?;
                blobs.into_iter().map(|b| b.map(<[u8]>::to_vec)).collect()
            }
        };
        let text = |(blob, commit): (Option<Vec<u8>>, &ObjectId)| -> Result<Option<String>> {
            let Some(blob) = blob else { return Ok(None) };
            let no_text = format!("{path} at {} is not UTF-8", commit.short());
            let text = String::from_utf8(blob).map_err(|_| Failure::new(no_text))?;
            Ok(Some(text))
        };
        blobs.into_iter().zip(commits).map(text).collect()
    }

    /// For each pair of an old and a new commit the paths, sorted, that match a pattern and
    /// differ between their trees; added and deleted ones too. Patterns are git's globs from the
    /// top: `Cargo.lock` is the one there, `**/Cargo.lock` any. Nothing is fetched; where a commit is
    /// not here there is no answer.
    pub fn changed(
        &self,
        pairs: &[(ObjectId, ObjectId)],
        patterns: &[String],
    ) -> Result<Vec<Vec<String>>> {
        let Some(pathspecs) = pathspecs(patterns) else {
            return Ok(vec![Vec::new(); pairs.len()]);
        };
        let quick = pairs.iter().map(|pair| self.quick_changed(pair, patterns));
        if let Some(changed) = quick.collect() {
            return Ok(changed);
        }
        let trees = self.trees(pairs.iter().flat_map(|(old, new)| [old, new]))?;
        let ends = |(old, new): &(ObjectId, ObjectId)| match (trees.get(old), trees.get(new)) {
            (Some(old), Some(new)) => (old.as_str(), new.as_str()),
            _ => ("", ""),
        };
        // One line for each, in their order; equal trees need no asking.
        let asked: Vec<_> = pairs
            .iter()
            .map(ends)
            .filter(|(old, new)| old != new)
            .collect();
        let mut found = Vec::new();
        if !asked.is_empty() {
            let input: String = asked
                .iter()
                .map(|(old, new)| format!("{old} {new}\n"))
                .collect();
            let cmd = self.diff_tree(&["--stdin"], &pathspecs).stdin(input);
            let answer = run("diff-tree", &cmd)?;
            found = parse_raw(&answer).context("git diff-tree ended early")?;
            // It passes over a tree that it cannot read.
            let heads = found.iter().map(|(head, _)| head.as_str());
            if !heads.eq(asked.iter().map(|(old, new)| format!("{old} {new}"))) {
                bail!(
                    Failure::new("git diff-tree cannot read a tree")
                        .hint("git fsck --connectivity-only lists what is missing")
                );
            }
        }
        let mut found = found.into_iter().map(|(_, entries)| entries);
        let paths = |(old, new): (&str, &str)| {
            let entries = if old == new { None } else { found.next() };
            let entries = entries.unwrap_or_default().into_iter();
            entries.map(|entry| entry.path).collect()
        };
        Ok(pairs.iter().map(ends).map(paths).collect())
    }

    /// Path and blob of every file in the commit's tree that matches a pattern, sorted by path; a
    /// link's blob is where it leads to, a submodule has none. Directories that no pattern can match
    /// are not looked at.
    pub fn blobs_at(
        &self,
        commit: &ObjectId,
        patterns: &[String],
    ) -> Result<Vec<(String, String)>> {
        let Some(pathspecs) = pathspecs(patterns) else {
            return Ok(Vec::new());
        };
        // Known to git without being stored.
        let empty = match self.object_format.as_str() {
            "sha256" => "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
            _ => "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        };
        let answer = run(
            "diff-tree",
            &self.diff_tree(&[empty, commit.as_str()], &pathspecs),
        )?;
        let found = parse_raw(&answer).context("git diff-tree ended early")?;
        let entries = found.into_iter().flat_map(|(_, entries)| entries);
        let files = entries.filter(|entry| entry.mode != "160000");
        Ok(files.map(|entry| (entry.path, entry.blob)).collect())
    }

    /// How many commits that are in `new`'s history and not in `old`'s change this path, as
    /// `git log old..new -- path` lists them.
    pub fn commits_touching(&self, old: &ObjectId, new: &ObjectId, path: &str) -> Result<u64> {
        if path.is_empty() || path.contains('\0') {
            return Ok(0);
        }
        let range = format!("{old}..{new}");
        let cmd = self
            .git(["rev-list", "--count", &range, "--"])
            .arg(format!(":(top,literal){path}"));
        let answer = lines(&run("rev-list", &offline(cmd))?);
        let count = answer.first().and_then(|count| count.parse().ok());
        count.context("git rev-list --count gave no number")
    }

    /// Which files differ, as raw records.
    pub(super) fn diff_tree<S: AsRef<OsStr>>(&self, args: &[&str], pathspecs: &[S]) -> Cmd {
        let cmd = self
            // Raw, as each of its records begins with a colon, and no head does.
            .git([
                "diff-tree",
                "-r",
                "-z",
                "--raw",
                "--no-abbrev",
                "--no-renames",
            ])
            .arg("--ignore-submodules=none")
            .args(args)
            .arg("--")
            .args(pathspecs);
        offline(cmd)
    }

    /// The trees of those commits that are here.
    fn trees<'a>(
        &self,
        commits: impl Iterator<Item = &'a ObjectId>,
    ) -> Result<HashMap<&'a ObjectId, ObjectId>> {
        let mut commits: Vec<_> = commits.collect();
        commits.sort_unstable();
        commits.dedup();
        let mut trees = HashMap::new();
        if commits.is_empty() {
            return Ok(trees);
        }
        let ask = |commit: &&ObjectId| format!("{commit}^{{tree}}\n");
        let input: String = commits.iter().map(ask).collect();
        let cmd = self.git(["cat-file", "--batch-check=%(objectname)"]);
        let answer = lines(&run("cat-file", &offline(cmd).stdin(input))?);
        for (index, commit) in commits.into_iter().enumerate() {
            let tree = answer.get(index).and_then(|id| ObjectId::parse(id));
            trees.extend(tree.map(|tree| (commit, tree)));
        }
        Ok(trees)
    }
}

/// Keeps git from the network, and our pathspecs as they are meant.
pub(super) fn offline(mut cmd: Cmd) -> Cmd {
    for name in PATHSPEC_VARIABLES {
        cmd = cmd.env_remove(name);
    }
    cmd.env("GIT_NO_LAZY_FETCH", "1")
}

/// `None` when there is no pattern. An empty one would match all.
fn pathspecs(patterns: &[String]) -> Option<Vec<String>> {
    let patterns = patterns.iter().filter(|pattern| !pattern.is_empty());
    let pathspecs: Vec<_> = patterns
        .map(|pattern| format!(":(top,glob){pattern}"))
        .collect();
    (!pathspecs.is_empty()).then_some(pathspecs)
}

/// What `cat-file --batch='%(objecttype) %(objectsize)'` says to `count` questions: the content
/// of each blob. `None` when it says less.
pub(super) fn parse_batch(mut bytes: &[u8], count: usize) -> Option<Vec<Option<&[u8]>>> {
    let mut found = Vec::new();
    for _ in 0..count {
        let (head, rest) = split(bytes, b'\n')?;
        bytes = rest;
        let head = String::from_utf8_lossy(head);
        // Else `<question> missing`, which begins with an id.
        let (kind, size) = head.split_once(' ')?;
        if !matches!(kind, "blob" | "tree" | "commit" | "tag") {
            found.push(None);
            continue;
        }
        let size: usize = size.parse().ok()?;
        found.push(Some(bytes.get(..size)?).filter(|_| kind == "blob"));
        bytes = bytes.get(size..)?.strip_prefix(b"\n")?;
    }
    Some(found)
}

/// A record of `diff-tree --raw`: what the new tree has, and where.
#[derive(Debug, PartialEq, Eq)]
struct DiffEntry {
    mode: String,
    blob: String,
    path: String,
}

/// `diff-tree -z --raw`, sorted by path below each head: the line that `--stdin` prints for each
/// pair of trees, and an empty one for what stands before the first. `None` when it breaks off.
fn parse_raw(mut bytes: &[u8]) -> Option<Vec<(String, Vec<DiffEntry>)>> {
    let mut found: Vec<(String, Vec<DiffEntry>)> = Vec::new();
    while let Some(first) = bytes.first() {
        if *first != b':' {
            let (head, rest) = split(bytes, b'\n')?;
            bytes = rest;
            found.push((String::from_utf8_lossy(head).into_owned(), Vec::new()));
            continue;
        }
        // `:<mode> <mode> <id> <id> <status>\0<path>\0`, without renames.
        let (record, rest) = split(bytes, 0)?;
        let (path, rest) = split(rest, 0)?;
        bytes = rest;
        let record = String::from_utf8_lossy(record);
        let mut fields = record.split(' ').skip(1);
        let (mode, blob) = (fields.next()?.to_owned(), fields.nth(1)?.to_owned());
        let path = String::from_utf8_lossy(path).into_owned();
        if found.is_empty() {
            found.push(Default::default());
        }
        found.last_mut()?.1.push(DiffEntry { mode, blob, path });
    }
    for (_, entries) in &mut found {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
    }
    Some(found)
}

/// What stands before and after the first such byte.
fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// That a file of settings is not larger than what people write.
pub(super) fn check_size(path: &str, commit: &ObjectId, size: u64) -> Result<()> {
    fs::check_size(&format!("{path} at {}", commit.short()), size)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_blobs_among_what_is_missing() {
        let answer = b"blob 3\na\nb\nabc:x y missing\ntree 2\n\n\n\nblob 0\n\n";
        assert_eq!(
            parse_batch(answer, 4),
            Some(vec![Some(&b"a\nb"[..]), None, None, Some(&b""[..])])
        );
        for broken in [
            &b""[..],
            b"blob 3\na",
            b"blob x\n",
            b"blob 1\na",
            b"blob 1\nab",
        ] {
            assert_eq!(parse_batch(broken, 1), None, "{broken:?}");
        }
    }

    #[test]
    fn raw_differences_are_told_from_their_heads() {
        let answer =
            b"t1 t2\n:100644 000000 aa 00 D\0b\nt3 t4\n\0:000000 100755 00 bb A\0a\xff\0t3 t4\n";
        let entry = |mode: &str, blob: &str, path: &str| DiffEntry {
            mode: mode.to_owned(),
            blob: blob.to_owned(),
            path: path.to_owned(),
        };
        let first = vec![
            entry("100755", "bb", "a\u{fffd}"),
            entry("000000", "00", "b\nt3 t4\n"),
        ];
        assert_eq!(
            parse_raw(answer),
            Some(vec![("t1 t2".into(), first), ("t3 t4".into(), vec![])])
        );
        assert_eq!(parse_raw(b""), Some(vec![]));
        for broken in [&b"t1 t2"[..], b":1 2 3 4 M\0a", b":1 2 3 4 M", b":1\0a\0"] {
            assert_eq!(parse_raw(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn a_pattern_is_nothing_but_a_pattern() {
        let of = |patterns: &[&str]| {
            pathspecs(
                &patterns
                    .iter()
                    .map(|text| (*text).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[""]), None);
        assert_eq!(
            of(&["-x", "", ":(exclude)y"]),
            Some(vec![
                ":(top,glob)-x".into(),
                ":(top,glob):(exclude)y".into()
            ])
        );
    }
}
