//! A bare repository of a few files that shows one commit of another: what a build clones from.
//!
//! It borrows the objects (`objects/info/alternates`) and advertises one branch at exactly the
//! commit that is built, and the tags. So the clone gets that commit even when the branch moves on, it
//! is an ordinary `git clone` whatever the commit was named by, and it sees no other branch.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{ObjectId, Repo, command, run};
use crate::error::Failure;
use crate::proc::{CancelToken, Cmd};

/// The bare repository in a temporary directory of the caller's.
#[derive(Debug, Clone)]
pub struct View {
    /// Its git directory.
    pub git_dir: PathBuf,
    /// Its tags, as a file of packed refs has them.
    pub(super) tags: String,
}

impl View {
    /// Writes the view of `commit` into `directory`, which must be empty: on `branch`, or with a
    /// detached HEAD when there is none.
    pub fn create(
        repo: &Repo,
        commit: &ObjectId,
        branch: Option<&str>,
        directory: &Path,
    ) -> Result<Self> {
        Self::write(repo, commit, branch, directory, repo.git(LIST))
    }

    /// The same with no tag but those that lead into the history of the commit: nothing else can
    /// be reached from its refs.
    pub(super) fn of_history(
        repo: &Repo,
        commit: &ObjectId,
        branch: Option<&str>,
        directory: &Path,
        stop: &CancelToken,
    ) -> Result<Self> {
        let tags = repo.git(LIST).arg(format!("--merged={commit}")).until(stop);
        // The view itself replaces nothing.
        let tags = tags.env("GIT_NO_REPLACE_OBJECTS", "1");
        Self::write(repo, commit, branch, directory, tags)
    }

    fn write(
        repo: &Repo,
        commit: &ObjectId,
        branch: Option<&str>,
        directory: &Path,
        tags: Cmd,
    ) -> Result<Self> {
        let tags = run("for-each-ref", &tags.arg("refs/tags"))?;
        let tags = String::from_utf8_lossy(&tags).into_owned();
        let mut refs = tags.clone();
        if let Some(branch) = branch {
            refs.push_str(&format!("{commit} refs/heads/{branch}\n"));
        }
        let files = [
            ("HEAD", head(commit, branch)),
            ("config", config(&repo.object_format)),
            ("packed-refs", refs),
            ("objects/info/alternates", alternates(&repo.objects)?),
        ];
        let boundary = repo.shallow_boundary()?;
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(directory.join("refs"))?;
            std::fs::create_dir_all(directory.join("objects/info"))?;
            for (name, text) in files {
                std::fs::write(directory.join(name), text)?;
            }
            if let Some(boundary) = boundary {
                std::fs::write(directory.join("shallow"), boundary)?;
            }
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", directory.display()))?;
        Ok(Self {
            git_dir: directory.to_owned(),
            tags,
        })
    }

    /// A git command in it.
    pub(super) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        command(&self.git_dir).args(args)
    }
}

/// Lists refs, a line each.
const LIST: [&str; 2] = ["for-each-ref", "--format=%(objectname) %(refname)"];

fn head(commit: &ObjectId, branch: Option<&str>) -> String {
    match branch {
        Some(branch) => format!("ref: refs/heads/{branch}\n"),
        None => format!("{commit}\n"),
    }
}

/// A partial clone asks for single objects. Git's protocol of today lets it; over an sshd that does
/// not pass the protocol's version on, git goes by the config.
fn config(object_format: &str) -> String {
    format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\
         [extensions]\n\tobjectFormat = {object_format}\n\
         [uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n"
    )
}

/// One path a line; git reads a line that starts with `"` or `#` otherwise.
fn alternates(objects: &Path) -> Result<String> {
    let path = objects.to_str().unwrap_or_default();
    if !path.starts_with('/') || path.contains('\n') {
        bail!(
            Failure::new(format!("the path {} cannot be served", objects.display()))
                .hint("move the repository to a path of plain UTF-8 without line breaks")
        );
    }
    Ok(format!("{path}\n"))
}
