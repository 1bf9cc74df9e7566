//! Submodules of a commit, and the host's own copies of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gix::url::Scheme;

use super::super::pack_objects::pack_into;
use super::super::repo::parse_settings;
use super::super::{ObjectId, Repo, command, lines, run};
use crate::error::Failure;
use crate::proc::{CancelToken, Cmd};

/// A submodule as a commit has it, of which the host has a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submodule {
    /// Where its worktree is: from the top of the outermost repository.
    pub path: String,
    /// Where its git directory is below `.git` of a clone: `modules/<name>`, and below that for one
    /// of a submodule.
    pub directory: String,
    /// Whether it is a submodule's own.
    pub nested: bool,
    /// The commit that it is at.
    pub commit: ObjectId,
    /// Where its remote is, when `.gitmodules` tells that from where the repository came from: an image comes
    /// from elsewhere.
    pub url: Option<String>,
    /// The host's git directory.
    git_dir: PathBuf,
}

/// Submodules: those that are here, and what is to be said of the others.
#[derive(Debug, Default)]
pub(super) struct FoundSubmodules {
    pub modules: Vec<Submodule>,
    pub lacking: Vec<String>,
}

/// A repository that may be a submodule's: its git directory, and where its worktree should be.
struct SubmoduleCandidate {
    git_dirs: Vec<PathBuf>,
    worktree: PathBuf,
    path: String,
    directory: String,
}

/// An entry of `.gitmodules`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct GitmodulesEntry {
    path: String,
    /// What `git submodule update` is to do, unless it is told.
    update: String,
    url: String,
}

/// The submodules of a commit whose paths are `wanted`; theirs too when `recursive`.
pub(super) fn find(
    repo: &Repo,
    commit: &ObjectId,
    recursive: bool,
    wanted: impl Fn(&str) -> bool,
) -> Result<FoundSubmodules> {
    let mut found = FoundSubmodules::default();
    let mut git_dirs = vec![repo.git_dir.clone(), repo.common_dir.clone()];
    git_dirs.dedup();
    let top = SubmoduleCandidate {
        git_dirs,
        worktree: repo.path.clone(),
        path: String::new(),
        directory: String::new(),
    };
    let mut open = vec![(top, commit.clone())];
    while let Some((place, commit)) = open.pop() {
        let nested = !place.directory.is_empty();
        let entries = place.entries(&commit)?;
        check(&entries)?;
        let entries = entries
            .into_iter()
            .filter(|(_, entry)| entry.update != "none");
        for (name, commit, GitmodulesEntry { path, url, .. }) in
            place.linked(&commit, entries.collect())?
        {
            let full = format!("{}{path}", place.path);
            if !nested && !wanted(&full) {
                continue;
            }
            let directory = format!("{}modules/{name}", place.directory);
            let copies = place.copies(&name, &path);
            let Some(git_dir) = copies.iter().find(|copy| has(copy, &commit)) else {
                let why = match copies.first() {
                    None => "there is no copy of it",
                    Some(_) => "its copy does not have that commit",
                };
                found
                    .lacking
                    .push(format!("{full} at {}: {why}", commit.short()));
                continue;
            };
            if recursive {
                let inner = SubmoduleCandidate {
                    git_dirs: vec![git_dir.clone()],
                    worktree: place.worktree.join(&path),
                    path: format!("{full}/"),
                    directory: format!("{directory}/"),
                };
                open.push((inner, commit.clone()));
            }
            found.modules.push(Submodule {
                path: full,
                directory,
                nested,
                commit,
                url: is_relative(&url).then(|| origin(git_dir)).flatten(),
                git_dir: git_dir.clone(),
            });
        }
    }
    // The outer ones first: what is in them needs their directories.
    found.modules.sort_by(|a, b| a.path.cmp(&b.path));
    found.lacking.sort();
    let mut directories: Vec<&str> = found
        .modules
        .iter()
        .map(|module| &*module.directory)
        .collect();
    directories.sort_unstable();
    if let Some(twice) = directories.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!(refused(&format!(
            "two submodules would share .git/{}",
            twice[0]
        )));
    }
    Ok(found)
}

impl SubmoduleCandidate {
    fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        let git_dir = self
            .git_dirs
            .first()
            .map_or(Path::new(""), PathBuf::as_path);
        at(git_dir).args(args)
    }

    /// What `.gitmodules` says at a commit, by name.
    fn entries(&self, commit: &ObjectId) -> Result<Vec<(String, GitmodulesEntry)>> {
        let list = [
            "ls-tree",
            "-z",
            "--full-tree",
            commit.as_str(),
            "--",
            ".gitmodules",
        ];
        // Git reads no link.
        if !run("ls-tree", &self.git(list))?.starts_with(b"100") {
            return Ok(Vec::new());
        }
        let blob = format!("{commit}:.gitmodules");
        let listed = run(
            "config",
            &self.git(["config", "-z", "--blob", &blob, "--list"]),
        )
        .with_context(|| format!("cannot read {}.gitmodules at {}", self.path, commit.short()))?;
        Ok(entries(parse_settings(&listed)))
    }

    /// The entries that are submodules at the commit: name, commit, entry.
    fn linked(
        &self,
        commit: &ObjectId,
        entries: Vec<(String, GitmodulesEntry)>,
    ) -> Result<Vec<(String, ObjectId, GitmodulesEntry)>> {
        let mut linked = Vec::new();
        for entries in entries.chunks(500) {
            let cmd = self
                .git(["ls-tree", "-z", "--full-tree", commit.as_str(), "--"])
                .args(entries.iter().map(|(_, entry)| &entry.path))
                .env("GIT_LITERAL_PATHSPECS", "1");
            let listed = run("ls-tree", &cmd)?;
            for line in listed.split(|byte| *byte == 0) {
                let line = String::from_utf8_lossy(line);
                let Some((head, path)) = line.split_once('\t') else {
                    continue;
                };
                let id = head
                    .strip_prefix("160000 commit ")
                    .and_then(ObjectId::parse);
                let entry = entries.iter().find(|(_, entry)| entry.path == path);
                if let (Some(id), Some((name, entry))) = (id, entry) {
                    linked.push((name.clone(), id, entry.clone()));
                }
            }
        }
        Ok(linked)
    }

    /// The git directories that may be the submodule's: absorbed ones, and one in the worktree.
    fn copies(&self, name: &str, path: &str) -> Vec<PathBuf> {
        let absorbed = self
            .git_dirs
            .iter()
            .map(|dir| dir.join("modules").join(name));
        let link = self.worktree.join(path).join(".git");
        let linked = crate::fs::read_text(&link).ok().and_then(|text| {
            let target = text.strip_prefix("gitdir: ")?.trim_end_matches('\n');
            Some(self.worktree.join(path).join(target))
        });
        absorbed
            .chain([linked.unwrap_or(link)])
            .filter(|copy| copy.join("HEAD").exists())
            .collect()
    }
}

/// A git command in a git directory whose worktree may be gone: git would look for it.
fn at(git_dir: &Path) -> Cmd {
    command(git_dir)
        .env("GIT_WORK_TREE", git_dir)
        // What a copy lacks is said, not fetched.
        .env("GIT_NO_LAZY_FETCH", "1")
}

/// Whether git takes a URL to begin where the repository itself came from.
fn is_relative(url: &str) -> bool {
    url.starts_with("./") || url.starts_with("../")
}

/// Where a copy comes from, if that is no place on this machine. What may be a password or a token is not
/// told.
fn origin(git_dir: &Path) -> Option<String> {
    let asked = at(git_dir).args(["config", "--get", "remote.origin.url"]);
    let answer = lines(&asked.output().ok()?.stdout);
    let mut url = gix::url::parse(answer.first()?.as_str()).ok()?;
    url.set_password(None);
    match url.scheme {
        Scheme::File => return None,
        Scheme::Http | Scheme::Https => drop(url.set_user(None)),
        _ => {}
    }
    let url = url.to_bstring().to_string();
    (!url.contains(|c: char| c == '?' || c.is_control())).then_some(url)
}

fn has(git_dir: &Path, commit: &ObjectId) -> bool {
    let ask = at(git_dir).args(["cat-file", "-e", &format!("{commit}^{{tree}}")]);
    ask.output().is_ok_and(|output| output.status.success())
}

impl Submodule {
    /// Packs what its commit leads to, and `below` does not, into `directory`.
    pub(in crate::git) fn pack(
        &self,
        below: Option<&ObjectId>,
        directory: &Path,
        stop: &CancelToken,
    ) -> Result<()> {
        let mut revisions = format!("{}\n", self.commit);
        if let Some(below) = below.filter(|below| has(&self.git_dir, below)) {
            revisions += &format!("^{below}\n");
        }
        let cmd = pack_into(at(&self.git_dir), directory)
            .args(["--revs", "--use-bitmap-index"])
            .stdin(revisions)
            .until(stop);
        run("pack-objects", &cmd)
            .with_context(|| format!("cannot pack the submodule {}", self.path))?;
        Ok(())
    }

    /// Where its history is cut off, as its shallow file says it.
    pub(in crate::git) fn boundary(&self) -> Result<String> {
        let cut = crate::fs::read_text(self.git_dir.join("shallow")).unwrap_or_default();
        if cut.is_empty() {
            return Ok(cut);
        }
        let cmd = at(&self.git_dir).args(["rev-list", "--max-parents=0", self.commit.as_str()]);
        let roots = lines(&run("rev-list", &cmd)?);
        let kept = cut.lines().filter(|id| roots.iter().any(|root| root == id));
        Ok(kept.map(|id| format!("{id}\n")).collect())
    }
}

/// The entries among the settings of a `.gitmodules`.
fn entries(settings: Vec<(String, String)>) -> Vec<(String, GitmodulesEntry)> {
    let mut found: BTreeMap<String, GitmodulesEntry> = BTreeMap::new();
    for (key, value) in settings {
        let Some((name, key)) = key
            .strip_prefix("submodule.")
            .and_then(|rest| rest.rsplit_once('.'))
        else {
            continue;
        };
        let entry = found.entry(name.to_owned()).or_default();
        match key {
            "path" => entry.path = value,
            "update" => entry.update = value,
            "url" => entry.url = value,
            _ => {}
        }
    }
    // As git does: what looks like an option is none.
    found.retain(|_, entry| !entry.path.is_empty() && !entry.path.starts_with('-'));
    found.into_iter().collect()
}

/// Names become directories below `.git/modules`, here and in the image: none may leave it, or lie in
/// another. Nor may a path leave the worktree.
fn check(entries: &[(String, GitmodulesEntry)]) -> Result<()> {
    for (name, entry) in entries {
        // What was read there is not what git has.
        if [name, &entry.path]
            .iter()
            .any(|text| text.contains(char::REPLACEMENT_CHARACTER))
        {
            bail!(
                Failure::new(format!(
                    "the submodule {name:?} at {:?} is not named in UTF-8",
                    entry.path
                ))
                .hint("give it another name and path, or leave submodules out: submodules = no")
            );
        }
        if !stays(name) {
            bail!(refused(&format!(
                "{name:?} cannot be the name of a submodule"
            )));
        }
        if !stays(&entry.path) {
            bail!(refused(&format!(
                "{:?} cannot be the path of a submodule",
                entry.path
            )));
        }
        let outer = |(other, _): &&(String, GitmodulesEntry)| {
            name.strip_prefix(other.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some((other, _)) = entries.iter().find(outer) {
            bail!(refused(&format!(
                "the submodule {name:?} would lie in the git directory of {other:?}"
            )));
        }
    }
    Ok(())
}

/// Whether a path leads from a directory to what is in it, and not to git's own.
pub(super) fn stays(path: &str) -> bool {
    let tame = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    path.split(['/', '\\']).all(tame) && !path.chars().any(char::is_control)
}

fn refused(message: &str) -> Failure {
    Failure::new(format!("{message} (in .gitmodules)"))
        .hint("do not trust this repository, or leave its submodules out: submodules = no")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_names_of_any_kind() {
        let settings = [
            ("submodule.a.b/c.path", "libs/c"),
            ("submodule.a.b/c.url", "../c"),
            ("submodule.off.path", "off"),
            ("submodule.off.update", "none"),
            ("submodule.dash.path", "-x"),
            ("submodule.url-only.url", "x"),
            ("core.path", "x"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let entry = |path: &str, update: &str, url: &str| GitmodulesEntry {
            path: path.to_owned(),
            update: update.to_owned(),
            url: url.to_owned(),
        };
        assert_eq!(
            entries(settings.to_vec()),
            [
                ("a.b/c".to_owned(), entry("libs/c", "", "../c")),
                ("off".to_owned(), entry("off", "none", ""))
            ]
        );
    }

    #[test]
    fn names_and_paths_stay_where_they_belong() {
        let check = |of: &[(&str, &str)]| {
            let entry = |(name, path): &(&str, &str)| {
                let path = path.to_string();
                let entry = GitmodulesEntry {
                    path,
                    ..GitmodulesEntry::default()
                };
                (name.to_string(), entry)
            };
            super::check(&of.iter().map(entry).collect::<Vec<_>>())
        };
        let fine = [("a", "a"), ("a b/c", "x y/z"), ("ab", "b"), ("é..x", "c..")];
        assert!(check(&fine).is_ok());
        let bad = [
            "",
            "..",
            "a/../../x",
            "/etc",
            "a//b",
            "a\\..\\b",
            "./a",
            "a\nb",
            "a/.GIT",
        ];
        for bad in bad {
            assert!(check(&[(bad, "x")]).is_err(), "{bad:?}");
            assert!(check(&[("x", bad)]).is_err(), "{bad:?}");
        }
        assert!(check(&[("a/hooks", "x"), ("a", "y")]).is_err());
    }
}
