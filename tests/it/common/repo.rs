//! A builder of repositories, on the real git. Identities and dates are fixed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Sandbox, run};

/// A repository in a sandbox.
pub struct Repo<'a> {
    pub sandbox: &'a Sandbox,
    pub path: PathBuf,
    /// The date of the next commit, in minutes.
    clock: Cell<u32>,
}

impl<'a> Repo<'a> {
    /// `git init` with these options.
    pub fn init(sandbox: &'a Sandbox, name: &str, options: &[&str]) -> Self {
        let path = sandbox.path(name);
        let mut command = sandbox.command("git");
        run(command.args(["init", "--quiet"]).args(options).arg(&path));
        Self::at(sandbox, path)
    }

    /// One that is there already.
    pub fn at(sandbox: &'a Sandbox, path: impl Into<PathBuf>) -> Self {
        Self {
            sandbox,
            path: path.into(),
            clock: Cell::new(0),
        }
    }

    /// `git clone` of this one, with these options, under a unique name.
    pub fn clone_with(&self, options: &[&str]) -> Repo<'a> {
        let path = self.sandbox.path(&super::unique());
        let mut command = self.sandbox.command("git");
        command.args(["clone", "--quiet"]).args(options);
        // As a URL, since git copies a path without asking upload-pack.
        command.arg(format!("file://{}", self.path.display()));
        run(command.arg(&path));
        Self::at(self.sandbox, path)
    }

    pub fn name(&self) -> String {
        self.path.file_name().unwrap().to_str().unwrap().to_owned()
    }

    pub fn command(&self) -> Command {
        let mut command = self.sandbox.command("git");
        command.current_dir(&self.path);
        command
    }

    /// Runs git here; what it printed.
    #[track_caller]
    pub fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        run(self.dated().args(args))
    }

    /// Runs git here when it must fail.
    #[track_caller]
    pub fn git_fails(&self, args: &[&str]) {
        let output = self.dated().args(args).output().unwrap();
        assert!(!output.status.success(), "git {args:?} did not fail");
    }

    fn dated(&self) -> Command {
        let minutes = self.clock.get();
        let date = format!("2026-01-01T{:02}:{:02}:00Z", minutes / 60, minutes % 60);
        let mut command = self.command();
        command.env("GIT_AUTHOR_DATE", &date);
        command.env("GIT_COMMITTER_DATE", &date);
        command
    }

    /// Writes files and commits them on the present branch; the commit's id. The repository's
    /// name goes into the message: engines cache what they cloned by the commit's id, and a test
    /// is to see its own clone, not another's.
    #[track_caller]
    pub fn commit(&self, subject: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            self.write(name, text);
            self.git(["add", "--", name]);
        }
        self.clock.set(self.clock.get() + 1);
        let message = format!("{subject}\n\nin {}", self.name());
        self.git(["commit", "--quiet", "--allow-empty", "-m", &message]);
        self.head()
    }

    /// Rewrites the last commit.
    #[track_caller]
    pub fn amend(&self, subject: &str) -> String {
        let message = format!("{subject}\n\nin {}", self.name());
        self.git([
            "commit",
            "--quiet",
            "--amend",
            "--allow-empty",
            "-m",
            &message,
        ]);
        self.head()
    }

    /// That many commits without a change.
    #[track_caller]
    pub fn commits(&self, count: usize) -> String {
        for number in 1..=count {
            self.commit(&format!("Commit {number}"), &[]);
        }
        self.head()
    }

    /// The same in one breath, for very many; the worktree stays as it is.
    #[track_caller]
    pub fn many_commits(&self, count: usize) -> String {
        use std::io::Write;
        let branch = self.git(["symbolic-ref", "HEAD"]);
        let mut stream = String::new();
        for number in 1..=count {
            let message = format!("Commit {number} in {}", self.name());
            let length = message.len();
            stream += &format!(
                "commit {branch}\ncommitter Ada <ada@example.com> {} +0000\ndata {length}\n{message}\n",
                1_770_000_000 + number
            );
            if number == 1 {
                stream += &format!("from {}\n", self.head());
            }
        }
        let mut command = self.command();
        command.args(["fast-import", "--quiet"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(stream.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
        self.head()
    }

    /// Makes `.dkr.conf` and commits it.
    #[track_caller]
    pub fn conf(&self, text: &str) -> String {
        self.commit("Set up git dkr", &[(".dkr.conf", text)])
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Makes a branch from this commit of that one (`main`, `main~2`), and stands on it.
    #[track_caller]
    pub fn branch(&self, name: &str, from: &str) -> &Self {
        self.git(["checkout", "--quiet", "--no-track", "-b", name, from]);
        self
    }

    #[track_caller]
    pub fn checkout(&self, name: &str) -> &Self {
        self.git(["checkout", "--quiet", name]);
        self
    }

    pub fn head(&self) -> String {
        self.id("HEAD")
    }

    #[track_caller]
    pub fn id(&self, revision: &str) -> String {
        self.git(["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
    }

    /// Deletes a loose object; its id.
    #[track_caller]
    pub fn lose(&self, revision: &str) -> String {
        let id = self.git(["rev-parse", revision]);
        let (directory, name) = id.split_at(2);
        std::fs::remove_file(self.path.join(format!(".git/objects/{directory}/{name}"))).unwrap();
        id
    }

    /// Whether there is a ref of this full name.
    pub fn has(&self, reference: &str) -> bool {
        let mut command = self.command();
        command.args(["show-ref", "--verify", "--quiet", reference]);
        command.status().unwrap().success()
    }

    /// Adds another repository as a remote, without a fetch.
    #[track_caller]
    pub fn remote(&self, name: &str, other: &Repo) -> &Self {
        let url = format!("file://{}", other.path.display());
        // `git remote add` refuses names that other tools make.
        self.git(["config", &format!("remote.{name}.url"), &url]);
        let refspec = format!("+refs/heads/*:refs/remotes/{name}/*");
        self.git(["config", &format!("remote.{name}.fetch"), &refspec]);
        self
    }

    /// A linked worktree on a new branch.
    pub fn worktree(&self, branch: &str) -> Repo<'a> {
        let path = self.sandbox.path(&super::unique());
        let shown = path.to_str().unwrap();
        self.git(["worktree", "add", "--quiet", "-b", branch, shown]);
        Self::at(self.sandbox, path)
    }

    /// Another repository as a submodule of this one; its worktree.
    pub fn submodule(&self, name: &str, other: &Repo) -> Repo<'a> {
        let url = format!("file://{}", other.path.display());
        self.git(["submodule", "--quiet", "add", &url, name]);
        self.commit("Add a submodule", &[]);
        Self::at(self.sandbox, self.path.join(name))
    }

    /// Stands in the middle of a rebase that met a conflict.
    pub fn rebasing(&self) -> &Self {
        self.branch("topic", "HEAD");
        self.commit("Theirs", &[("conflict", "theirs\n")]);
        self.branch("rebased", "HEAD~1");
        self.commit("Ours", &[("conflict", "ours\n")]);
        self.git_fails(&["rebase", "--quiet", "topic"]);
        self
    }

    /// All that must not change: the worktree, and the git directory but for objects, logs, what is
    /// known of remotes, and what is ours: records and the watch list.
    pub fn snapshot(&self) -> Snapshot {
        let mut files = BTreeMap::new();
        for option in ["--show-toplevel", "--git-dir", "--git-common-dir"] {
            let mut command = self.command();
            let output = command
                .args(["rev-parse", "--path-format=absolute", option])
                .output()
                .unwrap();
            // A bare repository has no worktree.
            if output.status.success() {
                let path = String::from_utf8(output.stdout).unwrap();
                collect(Path::new(path.trim_end_matches('\n')), &mut files);
            }
        }
        let refs = self.git(["for-each-ref", "refs/heads", "refs/tags", "refs/notes"]);
        let theirs = refs
            .lines()
            .filter(|line| !line.ends_with("refs/notes/dkr"));
        let refs = theirs.collect::<Vec<_>>().join("\n");
        Snapshot { files, refs }
    }

    /// The bytes of the note on a commit in `refs/notes/dkr`, if there is one.
    #[track_caller]
    pub fn note(&self, commit: &str) -> Option<Vec<u8>> {
        let mut list = self.command();
        let list = list.args(["notes", "--ref=dkr", "list", commit]);
        let listed = list.output().unwrap();
        if !listed.status.success() {
            return None;
        }
        let blob = String::from_utf8(listed.stdout).unwrap();
        let mut command = self.command();
        let shown = command.args(["cat-file", "blob", blob.trim()]).output();
        Some(shown.unwrap().stdout)
    }

    /// Puts these bytes there, with git's own means.
    #[track_caller]
    pub fn set_note(&self, commit: &str, bytes: impl AsRef<[u8]>) {
        let file = self.sandbox.file(&super::unique(), bytes);
        let blob = self.git(["hash-object", "-w", "--no-filters", file.to_str().unwrap()]);
        self.git([
            "notes",
            "--ref=dkr",
            "add",
            "-f",
            "--allow-empty",
            "-C",
            &blob,
            commit,
        ]);
    }

    /// The records on a commit, as they stand in its note.
    #[track_caller]
    pub fn records(&self, commit: &str) -> Vec<Value> {
        let note = self.note(commit).unwrap_or_default();
        let lines = String::from_utf8(note).unwrap();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn is_sha256(&self) -> bool {
        self.git(["rev-parse", "--show-object-format"]) == "sha256"
    }
}

/// The bytes of a repository's files at one moment.
#[derive(PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, Vec<u8>>,
    refs: String,
}

impl Snapshot {
    /// Fails, naming what differs, unless the repository is as it was.
    #[track_caller]
    pub fn assert_same(&self, repo: &Repo) {
        let now = repo.snapshot();
        let names = self.files.keys().chain(now.files.keys());
        let changed: Vec<_> = names
            .filter(|name| self.files.get(*name) != now.files.get(*name))
            .collect();
        assert!(changed.is_empty(), "changed: {changed:?}");
        assert_eq!(self.refs, now.refs, "branches or tags changed");
        assert!(!self.files.is_empty());
    }
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    const LEFT_OUT: [&str; 6] = ["objects", "logs", "refs", "packed-refs", "reftable", "dkr"];
    let is_git_dir = directory.join("HEAD").exists() && directory.join("objects").exists();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if is_git_dir && LEFT_OUT.contains(&name.as_ref()) {
            continue;
        }
        if path.is_symlink() {
            let target = std::fs::read_link(&path).unwrap();
            files.insert(path, target.into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.insert(path, bytes);
        }
    }
}
