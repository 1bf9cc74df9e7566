//! A repository with a profile, and an engine that knows a `python:3.11-slim`.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::common::dkr::{Outcome, Running, spawn};
use crate::common::engine::Lab as Engine;
use crate::common::repo::Repo;
use crate::common::{Sandbox, unique};

/// Runs git-dkr in this directory with this on standard input.
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

/// What stands for the image of a registry, in case there is none: a Debian with the packages that every
/// build installs. Compilers are most of them, and where nothing is compiled an empty package has their name.
const STAND_IN: &str = "\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl git python3 && rm -rf /var/lib/apt/lists/*
RUN ln -s /usr/bin/python3 /usr/local/bin/python
";
const WITH_COMPILERS: &str = "RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*\n";
const WITHOUT_COMPILERS: &str = r"RUN mkdir -p /tmp/empty/DEBIAN && printf 'Package: build-essential\nVersion: 99\nArchitecture: all\nMaintainer: nobody\nDescription: nothing\n' >/tmp/empty/DEBIAN/control && dpkg-deb --build /tmp/empty /tmp/empty.deb && dpkg -i /tmp/empty.deb && rm -r /tmp/empty /tmp/empty.deb
";

/// An image by the name of one in a registry, removed with the last test that uses it.
struct StandIn {
    engine: Engine,
    name: String,
}

impl StandIn {
    /// `None` where the image itself is here.
    fn get(version: &str, packages: &str) -> Option<Arc<Self>> {
        static ALL: Mutex<BTreeMap<String, Weak<StandIn>>> = Mutex::new(BTreeMap::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("python:{version}-slim");
        if let Some(made) = all.get(&name).and_then(Weak::upgrade) {
            return Some(made);
        }
        let engine = Engine::new()?;
        if has_image(&engine, &name) {
            return None;
        }
        let file = engine.file("python/Dockerfile", format!("{STAND_IN}{packages}"));
        let directory = file.parent().unwrap().to_str().unwrap();
        engine.docker(&["build", "--quiet", "--tag", &name, directory]);
        let made = Arc::new(Self {
            engine,
            name: name.clone(),
        });
        all.insert(name, Arc::downgrade(&made));
        Some(made)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let mut remove = self.engine.client();
        let _ = remove.args(["rmi", "--force", &self.name]).output();
    }
}

fn has_image(engine: &Engine, name: &str) -> bool {
    let mut inspect = engine.client();
    let inspected = inspect.args(["image", "inspect", name]).output();
    inspected.unwrap().status.success()
}

/// A place with an engine and a profile of a name that nobody else has.
pub struct Lab {
    engine: Engine,
    pub id: String,
    _base: Option<Arc<StandIn>>,
}

impl Lab {
    pub fn new() -> Option<Self> {
        Self::on("3.11", WITHOUT_COMPILERS)
    }

    /// For profiles of Python 3.10: their base image can compile.
    pub fn with_compilers() -> Option<Self> {
        Self::on("3.10", WITH_COMPILERS)
    }

    fn on(version: &str, packages: &str) -> Option<Self> {
        Some(Self {
            engine: Engine::new()?,
            id: unique(),
            _base: StandIn::get(version, packages),
        })
    }

    /// A repository with content that no other test has: two builds that come to the same step at the same
    /// time share it, and BuildKit tells only one of them.
    pub fn repo(&self) -> Repo<'_> {
        let repo = self.engine.repo();
        repo.commit("Own", &[("a", &self.id)]);
        repo
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

    /// The names of what is in the directory of archives.
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
        has_image(self, &self.tag())
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
        let mut remove = self.client();
        let _ = remove.args(["rmi", "--force", &self.tag()]).output();
    }
}
