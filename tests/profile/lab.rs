//! A repository with a profile, and an engine that knows a `python:3.11-slim`.

use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::common::dkr::{Outcome, Running, spawn};
use crate::common::engine::Lab as Engine;
use crate::common::repo::Repo;
use crate::common::{Sandbox, run, unique};

/// Runs git-dkr in this folder with this on standard input.
pub fn ask(sandbox: &Sandbox, request: &str, settings: &[(&str, &str)]) -> Outcome {
    begin(sandbox, request, settings).finish()
}

/// The same in the background.
pub fn begin(sandbox: &Sandbox, request: &str, settings: &[(&str, &str)]) -> Running {
    let mut command = sandbox.dkr_command(sandbox.root(), ["build-profile"]);
    let mut running = spawn({
        command.envs(settings.iter().copied());
        command
    });
    running.reads(request);
    running.closes();
    running
}

/// The object on the last line of standard error, of a failure as a program sees it.
#[track_caller]
pub fn told(outcome: &Outcome) -> Value {
    assert_eq!(outcome.stdout, "", "{}", outcome.stderr);
    let last = outcome.stderr.lines().last().unwrap_or_default();
    let told: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["build_log_path", "error", "hint"]);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    told
}

/// One at a time: each keeps an image of some hundred megabytes for a moment.
static TURN: Mutex<()> = Mutex::new(());

/// What stands for the image of a registry, in case there is none.
const PYTHON: &str = "python:3.11-slim";
const STAND_IN: &str = "\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends build-essential python3 python3-pip python3-venv && rm -rf /var/lib/apt/lists/*
RUN ln -s /usr/bin/python3 /usr/local/bin/python
ENV PIP_BREAK_SYSTEM_PACKAGES=1
";

/// A place with an engine and a profile of a name that nobody else has.
pub struct Lab {
    engine: Engine,
    pub id: String,
    /// Whether the base image is ours.
    made: bool,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    pub fn new() -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = Engine::new()?;
        let mut there = Command::new(engine.docker);
        there.args(["image", "inspect", PYTHON]);
        let made = !there
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success();
        if made {
            engine.file("python/Dockerfile", STAND_IN);
            let folder = engine.path("python");
            let mut build = Command::new(engine.docker);
            build.env("DOCKER_BUILDKIT", "1").args([
                "build",
                "--network=host",
                "--quiet",
                "--tag",
                PYTHON,
            ]);
            run(build.arg(folder));
        }
        let id = unique();
        Some(Self {
            engine,
            id,
            made,
            _turn: turn,
        })
    }

    pub fn tag(&self) -> String {
        format!("patchfoundry/{}:latest", self.id)
    }

    /// Writes a profile beside the repository; its path.
    pub fn profile(&self, profile: Value) -> PathBuf {
        let text = json!({ "profile_id": self.id, "profile": profile }).to_string();
        self.file("profile.json", text)
    }

    /// A request for the profile that was written last.
    pub fn request(&self, repo: &Repo, force: bool) -> String {
        json!({
            "repo_dir": repo.path,
            "profile_path": self.path("profile.json"),
            "image_cache_dir": self.path("images"),
            "force_rebuild": force,
        })
        .to_string()
    }

    /// Builds, which must succeed; the answer, after what must hold of every answer.
    #[track_caller]
    pub fn build(&self, repo: &Repo, force: bool) -> Value {
        self.answer(repo, &ask(self, &self.request(repo, force), &[]).ok())
    }

    #[track_caller]
    pub fn answer(&self, repo: &Repo, outcome: &Outcome) -> Value {
        assert_eq!(outcome.stdout.lines().count(), 1, "{}", outcome.stdout);
        let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(answer["image_tag"], self.tag());
        assert_eq!(answer["profile_id"], self.id);
        let log = repo.path.join(".pf_manifest/image_build/build.log");
        assert_eq!(answer["build_log_path"], log.to_str().unwrap());
        assert!(log.is_file());
        let manifest = manifest(repo);
        assert_eq!(manifest["image_id"], self.tagged(&self.tag()).id());
        assert_eq!(manifest["reused_cache"], answer["reused_cache"]);
        assert_eq!(self.leftovers(), [""; 0]);
        answer
    }

    pub fn archive(&self) -> PathBuf {
        self.path(&format!("images/{}.tar", self.id))
    }

    /// The names of what is in the folder of archives.
    pub fn archives(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path("images")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub fn has_image(&self) -> bool {
        let mut inspect = Command::new(self.docker);
        inspect.args(["image", "inspect", &self.tag()]);
        inspect
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }
}

/// What is left of the last run.
#[track_caller]
pub fn manifest(repo: &Repo) -> Value {
    let text = record(repo, "manifest.json");
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
pub fn record(repo: &Repo, name: &str) -> String {
    std::fs::read_to_string(repo.path.join(".pf_manifest/image_build").join(name)).unwrap()
}

impl Deref for Lab {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let tag = self.tag();
        let names = [tag.as_str(), PYTHON];
        for name in &names[..if self.made { 2 } else { 1 }] {
            let _ = Command::new(self.docker)
                .args(["rmi", "--force", name])
                .output();
        }
    }
}
