//! Objects: their ids, and what a partial clone lacks.

use std::fmt;

use anyhow::Result;

use super::{GitError, Repo, lines, run};
use crate::error::Failure;
use crate::ui::Printer;

/// A full object id: 40 or 64 lower-case hexadecimal digits, and nothing else ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(String);

impl ObjectId {
    /// Checks and takes a full id.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (matches!(text.len(), 40 | 64) && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of no object, as long as this one.
    pub fn null(&self) -> Self {
        Self("0".repeat(self.0.len()))
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is shown of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSummary {
    pub id: ObjectId,
    /// The id as short as git makes it.
    pub short: String,
    /// The first line of its message.
    pub subject: String,
}

/// What is directly in directories of a tree: paths from its top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Files, and links of any kind.
    pub files: Vec<String>,
    /// Directories.
    pub directories: Vec<String>,
    pub submodules: Vec<String>,
}

impl Repo {
    /// What is directly in these directories of the commit's tree, or at its top when none is given.
    /// Reads their trees alone, however large the others are.
    pub fn list(&self, commit: &ObjectId, directories: &[String]) -> Result<Listing> {
        let inside: Vec<String> = directories.iter().map(|path| format!("{path}/")).collect();
        self.which(commit, &inside)
    }

    /// Which of these paths the commit's tree has, and as what; none may lie below another. What
    /// is at its top when no path is given.
    pub fn which(&self, commit: &ObjectId, paths: &[String]) -> Result<Listing> {
        let mut listing = Listing::default();
        let asked: Vec<&[String]> = match paths {
            [] => vec![&[]],
            // A command line has an end.
            _ => paths.chunks(500).collect(),
        };
        for paths in asked {
            let cmd = self
                .git(["ls-tree", "-z", "--full-tree", commit.as_str(), "--"])
                .args(paths)
                .env("GIT_LITERAL_PATHSPECS", "1");
            parse_tree(&run("ls-tree", &cmd)?, &mut listing);
        }
        Ok(listing)
    }

    /// The bytes that all packs and loose objects take: what a full clone is at most.
    pub fn size(&self) -> Result<u64> {
        let answer = lines(&run("count-objects", &self.git(["count-objects", "-v"]))?);
        let kib = |name: &str| -> u64 {
            answer
                .iter()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok())
                .unwrap_or(0)
        };
        Ok((kib("size") + kib("size-pack")) * 1024)
    }

    /// In a partial clone, fetches the objects under `commit` that are not here yet and that the
    /// image is to hold: all but those that `filter` leaves out, and all of the commit's own tree.
    /// How many they were. Does nothing in any other repository.
    pub fn complete(
        &self,
        commit: &ObjectId,
        filter: Option<&str>,
        printer: Printer,
    ) -> Result<usize> {
        let Some(remote) = self.promisor()? else {
            return Ok(0);
        };
        let mut missing = match filter {
            None => self.missing(commit, &[])?,
            Some(filter) => self.missing(commit, &[&format!("--filter={filter}")])?,
        };
        if filter.is_some() {
            missing.extend(self.missing(commit, &["--no-walk"])?);
        }
        let Some(first) = missing.first() else {
            return Ok(0);
        };
        let count = missing.len();
        let text = format!("{count} objects that this partial clone lacks, from {remote}");
        printer.status("fetch", &text);
        let fetch = self
            .git([
                "-c",
                "fetch.negotiationAlgorithm=noop",
                "fetch",
                "--quiet",
                &remote,
            ])
            .args(["--no-tags", "--no-write-fetch-head", "--no-auto-gc"])
            .args(["--recurse-submodules=no", "--filter=blob:none", "--stdin"])
            .stdin(missing.join("\n") + "\n")
            .foreground();
        run("fetch", &fetch).map_err(|error| {
            let said = error
                .downcast_ref::<GitError>()
                .map_or_else(|| error.to_string(), |error| error.message.clone());
            Failure::new(format!(
                "this partial clone lacks {} objects ({}, …), and cannot fetch them from {remote}: {said}",
                count,
                first.get(..7).unwrap_or(first)
            ))
            .hint(format!(
                "check that {remote} can be reached, or make the clone whole: git fetch --refetch --no-filter {remote}"
            ))
        })?;
        Ok(count)
    }

    /// The objects under `commit` that are not here.
    fn missing(&self, commit: &ObjectId, options: &[&str]) -> Result<Vec<String>> {
        let cmd = self
            .git(["rev-list", "--objects", "--missing=print"])
            .arg("--no-object-names")
            .args(options)
            .arg(commit.as_str())
            .env("GIT_NO_LAZY_FETCH", "1");
        let listed = lines(&run("rev-list", &cmd)?);
        let missing = listed.iter().filter_map(|line| line.strip_prefix('?'));
        Ok(missing.map(str::to_owned).collect())
    }

    /// Whether it is a partial clone.
    pub fn is_partial(&self) -> Result<bool> {
        Ok(self.promisor()?.is_some())
    }

    /// The remote that a partial clone fetches missing objects from.
    fn promisor(&self) -> Result<Option<String>> {
        let pattern = r"^(extensions\.partialclone|remote\..*\.promisor)$";
        let output = self.git(["config", "--get-regexp", pattern]).output()?;
        Ok(lines(&output.stdout).iter().find_map(|line| {
            let (key, value) = line.split_once(' ')?;
            if key == "extensions.partialclone" {
                return Some(value.to_owned());
            }
            let remote = key.strip_prefix("remote.")?.strip_suffix(".promisor")?;
            (value == "true").then(|| remote.to_owned())
        }))
    }
}

/// `<mode> <type> <id>\t<path>\0` for each entry.
fn parse_tree(answer: &[u8], listing: &mut Listing) {
    for entry in answer.split(|byte| *byte == 0) {
        let text = String::from_utf8_lossy(entry);
        let Some((head, path)) = text.split_once('\t') else {
            continue;
        };
        match head.split(' ').nth(1) {
            Some("blob") => listing.files.push(path.to_owned()),
            Some("tree") => listing.directories.push(path.to_owned()),
            Some("commit") => listing.submodules.push(path.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_ids_are_ids() {
        assert!(ObjectId::parse(&"a1".repeat(20)).is_some());
        assert!(ObjectId::parse(&"0f".repeat(32)).is_some());
        for text in [
            "",
            "abc",
            &"A1".repeat(20),
            &"g1".repeat(20),
            &"a ".repeat(20),
        ] {
            assert!(ObjectId::parse(text).is_none(), "{text}");
        }
    }
}
