//! Small roots, in which busybox runs the steps: as fast as a test likes it.

use std::ops::Deref;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::Sandbox;
use crate::common::dkr::{Outcome, Running, outcome, spawn};
use crate::overlay::server::{Server, TOKEN};

const APPLETS: [&str; 15] = [
    "sh", "cat", "cp", "chmod", "echo", "env", "false", "ln", "mkdir", "rm", "seq", "sleep",
    "test", "touch", "true",
];

/// A place with a Containerfile, and roots to carry it out on.
pub struct Small {
    place: Sandbox,
    /// Where shared snapshots are.
    pub server: Server,
}

impl Deref for Small {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.place
    }
}

impl Small {
    pub fn new(containerfile: &str) -> Self {
        let small = Self {
            place: Sandbox::new(),
            server: Server::start(),
        };
        small.server.repo("ada/env");
        small.file("Containerfile", containerfile);
        small
    }

    /// A root with nothing but a shell.
    pub fn root(&self, name: &str) -> PathBuf {
        let root = self.path(name);
        std::fs::create_dir_all(root.join("bin")).unwrap();
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        for library in libraries() {
            let to = root.join(library.strip_prefix("/").unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(library, to).unwrap();
        }
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        root
    }

    /// `git dkr overlay …` on a root, with a cache of that machine.
    pub fn command(&self, root: &Path, args: &[&str]) -> Command {
        let cache = self.path(&format!(
            "{}-cache",
            root.file_name().unwrap().to_string_lossy()
        ));
        let args = [&["overlay"], args].concat();
        let mut command = self.place.dkr_command(self.place.root(), args);
        command
            .arg(format!("--root={}", root.display()))
            .env("DKR_OVERLAY_CACHE_DIR", cache)
            .env("DKR_GITHUB_API", self.server.api())
            .env("DKR_HTTP_WAIT", "1")
            .env("GH_TOKEN", TOKEN);
        command
    }

    pub fn run(&self, root: &Path, args: &[&str]) -> Outcome {
        let outcome = outcome(&mut self.command(root, args));
        let said = [&*outcome.stdout, &*outcome.stderr].concat();
        assert!(!said.contains(TOKEN), "{said}");
        outcome
    }

    pub fn spawn(&self, root: &Path, args: &[&str]) -> Running {
        spawn(self.command(root, args))
    }

    /// The files of a machine's own cache.
    pub fn cached(&self, root: &Path) -> Vec<PathBuf> {
        let name = root.file_name().unwrap().to_string_lossy().into_owned();
        let directory = self.path(&format!("{name}-cache"));
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.file_name().unwrap() != ".lock");
        files.sort();
        files
    }
}

/// What busybox is linked to.
fn libraries() -> Vec<PathBuf> {
    let told = Command::new("ldd").arg("/bin/busybox").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let words = told.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}
