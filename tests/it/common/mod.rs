//! What the tests share: a place that is theirs alone, repositories, the engine, the binary.
//!
//! ```text
//! let Some(lab) = Lab::new() else { return };      // a place, with an engine
//! let repo = lab.repo();                           // on main, with one commit
//! repo.commit("Add b", &[("b", "2")]);
//! let image = lab.create(&repo, &["main"]);        // git dkr create-image main, in the repository
//! assert_eq!(image.label("branch"), "main");
//! ```

// Each test program uses a part of it.
#![allow(dead_code)]

pub mod client;
pub mod dkr;
pub mod engine;
pub mod repo;
pub mod sshd;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use repo::Repo;

/// A name that no other test has, in this run or another.
pub fn unique() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("t{}-{count}", std::process::id())
}

/// A directory with a home, settings, a cache and a directory for temporary files of its own. Programs
/// that run in it see nothing of the user's.
pub struct Sandbox {
    _directory: TempDir,
    root: PathBuf,
    /// What else is in the environment of programs here.
    env: Vec<(&'static str, OsString)>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::within("")
    }

    /// The same below a directory of this name, which may be any.
    pub fn within(name: &str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("dkr-test-")
            .tempdir()
            .unwrap();
        // What git prints is resolved, and is compared to what we have.
        let mut root = directory.path().canonicalize().unwrap();
        root.extend((!name.is_empty()).then_some(name));
        for name in ["home", "cache", "tmp"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("gitconfig"), GITCONFIG).unwrap();
        Self {
            _directory: directory,
            root,
            env: Vec::new(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file; its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a program for `sh`; its path.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.file(name, format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    /// A repository of a unique name, on `main` with one commit.
    pub fn repo(&self) -> Repo<'_> {
        self.repo_at(&unique())
    }

    pub fn repo_at(&self, name: &str) -> Repo<'_> {
        let repo = Repo::init(self, name, &[]);
        repo.commit("Begin", &[("a", "1\n")]);
        repo
    }

    /// A program with the environment of this place and of nothing else, but for what leads to
    /// the engine and to the network.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        const KEPT: [&str; 14] = [
            "PATH",
            "USER",
            "LOGNAME",
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "DOCKER_TLS_VERIFY",
            "DOCKER_CERT_PATH",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "no_proxy",
            "LLVM_PROFILE_FILE",
        ];
        let mut command = Command::new(program);
        command.env_clear();
        for name in KEPT {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        // The client's contexts and plugins are there. Podman takes logins from it, and fails where
        // there are none.
        let docker = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let docker =
            docker.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
        command.envs(
            docker
                .filter(|path| path.exists() && !client::is_podman())
                .map(|path| ("DOCKER_CONFIG", path)),
        );
        command
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("TMPDIR", self.path("tmp"))
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .env("TERM", "xterm")
            .env("DKR_BASE_IMAGE", "debian:bookworm-slim")
            // A shared cache is a volume, which would outlive the test.
            .env("DKR_CACHES", "none")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.root);
        command
    }

    /// The PATH, with what [`Sandbox::script`] writes to `bin/` before all else.
    pub fn bin_first(&self) -> String {
        let path = std::env::var("PATH").unwrap();
        format!("{}:{path}", self.path("bin").display())
    }

    /// A directory for the PATH with git in it, and what [`Sandbox::script`] writes to `bin/`; so
    /// that no engine of this machine is found.
    pub fn bin(&self) -> PathBuf {
        let bin = self.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let git = std::env::split_paths(&path)
            .map(|directory| directory.join("git"))
            .find(|git| git.exists())
            .unwrap();
        if !bin.join("git").exists() {
            std::os::unix::fs::symlink(git, bin.join("git")).unwrap();
        }
        bin
    }

    /// What was left in the directory for temporary files.
    pub fn leftovers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("tmp")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            // Podman of a user without a session leaves these wherever it is asked for anything.
            .filter(|name| {
                !name.starts_with("podman-run-") && !name.starts_with("containers-user-")
            })
            .collect()
    }

    /// A text without what differs from run to run: our directory's path and object ids.
    pub fn steady(&self, text: &str) -> String {
        let text = text.replace(&self.root.display().to_string(), "[ROOT]");
        let ids = regex::Regex::new(r"\b[0-9a-f]{7,64}\b").unwrap();
        let names = regex::Regex::new(r"\bt\d+-\d+").unwrap();
        let text = names.replace_all(&text, "[REPO]");
        ids.replace_all(&text, "[ID]").into_owned()
    }
}

/// An identity, and nothing that depends on git's version or asks questions.
pub const GITCONFIG: &str = "
[user]
	name = Ada
	email = ada@example.com
[init]
	defaultBranch = main
[core]
	hooksPath = /dev/null
[gc]
	auto = 0
[pull]
	rebase = false
[advice]
	detachedHead = false
[protocol \"file\"]
	allow = always
";

/// Runs a program that must succeed; what it printed, without the last line break.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?} failed ({})\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\n').to_owned()
}

/// Asks again until it holds. The limit is for a test that fails, and no claim about speed.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
