//! A sandbox where hooks are on, and a `git-dkr` that writes down how hooks call it.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::dkr::{Outcome, binary, outcome};
use crate::common::repo::Repo;
use crate::common::{GITCONFIG, Sandbox, run};

/// A sandbox with hooks in it.
pub struct Lab {
    pub sandbox: Sandbox,
    path: OsString,
}

pub const NAMES: [&str; 4] = [
    "reference-transaction",
    "post-merge",
    "post-rewrite",
    "post-checkout",
];

impl Lab {
    pub fn new() -> Self {
        Self::within("")
    }

    pub fn within(name: &str) -> Self {
        Self::with(name, None)
    }

    /// One with a git that has hooks by config: the machine's own, or that of `DKR_TEST_GIT`.
    pub fn newer() -> Option<Self> {
        Self::newer_within("")
    }

    pub fn newer_within(name: &str) -> Option<Self> {
        let named = std::env::var_os("DKR_TEST_GIT").map(PathBuf::from);
        let Some(git) = named.or_else(|| Some(own_git()).filter(|git| is_new(git))) else {
            eprintln!("skipped: git is older than 2.54, and DKR_TEST_GIT names no other");
            return None;
        };
        Some(Self::with(name, Some(git.parent().unwrap().to_owned())))
    }

    fn with(name: &str, git: Option<PathBuf>) -> Self {
        let sandbox = Sandbox::within(name);
        // As everywhere, but with hooks.
        let config = GITCONFIG.replace("[core]\n\thooksPath = /dev/null\n", "");
        sandbox.file("gitconfig", config);
        let bin = sandbox.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        if git.is_none() && is_new(&own_git()) {
            // To us it is an older one, that has files only; and those it runs as ever.
            let text = format!(
                "[ \"$1\" = version ] && echo git version 2.53.0 && exit\nexec {} \"$@\"",
                own_git().display()
            );
            sandbox.script("bin/git", &text);
        }
        let path = std::env::var_os("PATH").unwrap();
        // A `:` in the name of the directory cannot be said on a PATH.
        let directories = git.into_iter().chain([bin]);
        let path = std::env::join_paths(directories.chain(std::env::split_paths(&path))).unwrap();
        let lab = Self { sandbox, path };
        lab.real();
        lab
    }

    pub fn program(&self) -> PathBuf {
        self.sandbox.path("bin/git-dkr")
    }

    /// `git-dkr` is the one that was built.
    pub fn real(&self) {
        let _ = std::fs::remove_file(self.program());
        symlink(binary(), self.program()).unwrap();
    }

    /// `git-dkr` is this script.
    pub fn fake(&self, script: &str) {
        let _ = std::fs::remove_file(self.program());
        self.sandbox.script("bin/git-dkr", script);
    }

    /// `git-dkr` writes down how it is called, says `said` to both, and does nothing.
    pub fn record(&self) {
        let log = self.sandbox.path("log");
        let text = format!(
            "read -r line && echo \"read $line\" >>'{0}'\n\
             echo \"$@\" >>'{0}'\necho said; echo complained >&2",
            log.display().to_string().replace('\'', r"'\''"),
        );
        self.fake(&text);
    }

    /// How hooks have called it since the last time.
    pub fn calls(&self) -> Vec<String> {
        let log = self.sandbox.path("log");
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let _ = std::fs::remove_file(&log);
        text.lines()
            .map(|line| line.strip_prefix("hooks run ").unwrap_or(line).to_owned())
            .collect()
    }

    pub fn command(&self, program: impl AsRef<OsStr>, directory: &Path) -> Command {
        let mut command = self.sandbox.command(program);
        command.env("PATH", &self.path).current_dir(directory);
        command
    }

    pub fn git_command(&self, directory: &Path, args: &[&str]) -> Command {
        let mut command = self.command("git", directory);
        command.args(args);
        command
    }

    pub fn git(&self, directory: &Path, args: &[&str]) -> Outcome {
        outcome(&mut self.git_command(directory, args))
    }

    #[track_caller]
    pub fn git_ok(&self, directory: &Path, args: &[&str]) -> String {
        self.git(directory, args).ok().stdout.trim_end().to_owned()
    }

    /// `git-dkr hooks …` of the built binary; it records from then on.
    pub fn hooks(&self, directory: &Path, args: &[&str]) -> Outcome {
        self.real();
        let mut command = self.command(self.program(), directory);
        let outcome = outcome(command.arg("hooks").args(args));
        self.record();
        outcome
    }

    #[track_caller]
    pub fn install(&self, directory: &Path) -> Outcome {
        self.hooks(directory, &["install"]).ok()
    }

    #[track_caller]
    pub fn uninstall(&self, directory: &Path) -> Outcome {
        self.hooks(directory, &["uninstall"]).ok()
    }

    #[track_caller]
    pub fn status(&self, directory: &Path) -> String {
        self.hooks(directory, &["status"]).ok().stdout
    }

    /// The refs that images were built from.
    #[track_caller]
    pub fn watch(&self, directory: &Path, refs: &[&str]) {
        let dkr = self.dkr_directory(directory);
        std::fs::create_dir_all(&dkr).unwrap();
        let lines: Vec<_> = refs.iter().map(|name| format!("{name} x y\n")).collect();
        std::fs::write(dkr.join("watch"), lines.concat()).unwrap();
    }

    pub fn dkr_directory(&self, directory: &Path) -> PathBuf {
        let options = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
        PathBuf::from(self.git_ok(directory, &options)).join("dkr")
    }

    pub fn commit(&self, directory: &Path, file: &str, text: &str) -> String {
        std::fs::write(directory.join(file), text).unwrap();
        self.git_ok(directory, &["add", "--all"]);
        self.git_ok(directory, &["commit", "--quiet", "-m", file]);
        self.git_ok(directory, &["rev-parse", "HEAD"])
    }

    /// A repository with one commit.
    pub fn repo(&self) -> PathBuf {
        self.sandbox.repo().path
    }

    /// A repository, and a clone of it with hooks in it, where `main` of both is watched.
    pub fn pair(&self) -> (PathBuf, PathBuf) {
        let (up, clone) = self.cloned(&[]);
        self.install(&clone);
        self.watch(&clone, &["refs/heads/main", "refs/remotes/origin/main"]);
        (up, clone)
    }

    pub fn cloned(&self, options: &[&str]) -> (PathBuf, PathBuf) {
        let up: Repo = self.sandbox.repo();
        let clone = up.clone_with(options).path;
        (up.path, clone)
    }
}

/// The git of this machine.
fn own_git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|directory| directory.join("git"))
        .find(|git| git.exists())
        .unwrap()
}

/// Whether a git has hooks by config.
fn is_new(git: &Path) -> bool {
    let said = run(Command::new(git).arg("version"));
    let numbers = said.trim_start_matches("git version ");
    let mut numbers = numbers.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(54))
}

/// Writes an executable hook.
pub fn hook(path: &Path, shebang: &str, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("{shebang}\n{text}\n")).unwrap();
    mode(path, 0o755);
}

pub fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// The names, modes, times and bytes of the files in a directory that matter, and the config.
pub fn state(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push(format!("{}/", path.display()));
            continue;
        }
        let meta = path.symlink_metadata().unwrap();
        found.push(format!(
            "{} {:o} {:?} {:?} {:?}",
            path.display(),
            meta.permissions().mode(),
            meta.modified().unwrap(),
            std::fs::read_link(&path).ok(),
            std::fs::read(&path).unwrap_or_default(),
        ));
    }
    found.sort();
    found
}
