//! Which branches containers have pushed, by the names of the containers: what else lies below such a name is
//! somebody else's. A file for each name in the repository's own directory, a full name of a ref a line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::file_ownership::settle;
use super::{ObjectId, lines, run, without_worktree};
use crate::fs;

/// What containers of one name have pushed.
#[derive(Debug)]
pub(crate) struct PushedBranches {
    git_dir: PathBuf,
    file: PathBuf,
}

impl PushedBranches {
    /// By containers of this host name, to the repository whose common directory this is.
    pub(crate) fn by(common_dir: &Path, container: &str) -> Self {
        Self {
            git_dir: common_dir.to_owned(),
            file: common_dir.join("dkr/pushed").join(container),
        }
    }

    /// The full names of the branches, also of those that are gone.
    pub(crate) fn branches(&self) -> BTreeSet<String> {
        let text = fs::read_text(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Adds some, by their full names.
    pub(crate) fn add<'a>(&self, branches: impl Iterator<Item = &'a str>) -> Result<()> {
        let before = self.branches();
        let mut all = before.clone();
        all.extend(branches.map(str::to_owned));
        if all == before {
            return Ok(());
        }
        let text: String = all.iter().map(|name| format!("{name}\n")).collect();
        fs::write_by_umask(&self.file, text.as_bytes())?;
        settle(&self.git_dir, &self.file);
        Ok(())
    }
}

/// The refs with these full names, or below them, that are there, each with its value.
pub(crate) fn values_of(git_dir: &Path, names: &[&str]) -> Result<Vec<(String, ObjectId)>> {
    let list = ["for-each-ref", "--format=%(objectname) %(refname)"];
    let cmd = without_worktree(git_dir).args(list).args(names);
    let found = run("for-each-ref", &cmd)?;
    let pair = |line: String| {
        let (id, name) = line.split_once(' ')?;
        Some((name.to_owned(), ObjectId::parse(id)?))
    };
    Ok(lines(&found).into_iter().filter_map(pair).collect())
}
