//! The engine, which is a real one: `DKR_TEST_ENGINE` says whether docker (the default) or podman.
//! A test that needs it fails where there is none, unless `DKR_TEST_ENGINE=none` says that there
//! may be none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;

use serde_json::Value;
use tempfile::TempDir;

use super::client::{self, is_podman, name, podman_env};
use super::dkr::Outcome;
use super::repo::Repo;
use super::{Sandbox, run, unique};

/// Lists the files of packages that are not as they came, but for documentation, which slim images leave out.
pub const VERIFY_PACKAGES: &str = r"{ dpkg --verify | grep -v ' /usr/share/\(doc\|groff\|info\|linda\|lintian\|locale\|man\)\(/\|$\)' || :; }";

/// The image that keeps podman's cache of the usual steps.
const STEPS: &str = "localhost/dkr-test-steps:latest";

/// What limits an engine's list to what git dkr made.
const OF_REPOSITORIES: [&str; 2] = ["--filter", "label=dkr.repo_path"];

/// A sandbox with an engine. All images and containers of repositories in it are removed with it.
pub struct Lab {
    sandbox: Sandbox,
    /// The engine's client: docker, or podman.
    pub docker: &'static Path,
    /// A host name that no other container has.
    pub host: String,
}

impl Lab {
    /// `None` where a machine without an engine is fine.
    pub fn new() -> Option<Self> {
        let lab = Self::within("")?;
        if is_podman() {
            keep_steps();
        }
        Some(lab)
    }

    /// In a directory of this name.
    pub fn within(name: &str) -> Option<Self> {
        let docker = client::client()?;
        let mut sandbox = Sandbox::within(name);
        if is_podman() {
            sandbox.env = podman_env();
            sandbox.env.push(("DKR_ENGINE", "podman".into()));
        }
        Some(Self {
            docker,
            sandbox,
            host: format!("{}-box", unique()),
        })
    }

    /// With an engine that makes images of nothing but labels, names and sizes, in no time: for what is said of
    /// images. Podman has none such, and its tests are on the real one.
    pub fn with_fake_engine() -> Option<Self> {
        if is_podman() {
            return Self::new();
        }
        let mut sandbox = Sandbox::new();
        let base = format!("images/{}", "ba".repeat(32));
        for (file, text) in [
            ("names", "debian:bookworm-slim\n".to_owned()),
            ("labels", String::new()),
            ("digests", format!("debian@sha256:{}\n", "d1".repeat(32))),
            ("layers", format!("sha256:{}\n", "1a".repeat(32))),
            ("size", "74000000\n".to_owned()),
            ("created", "2026-01-01T00:00:00Z\n".to_owned()),
        ] {
            sandbox.file(&format!("{base}/{file}"), text);
        }
        let store = sandbox.path("images");
        let text = format!(
            "store='{}'\n{}",
            store.display(),
            include_str!("fake-docker")
        );
        let docker: &'static Path = sandbox.script("bin/docker", &text).leak();
        sandbox.env.push(("PATH", sandbox.bin_first().into()));
        Some(Self {
            docker,
            sandbox,
            host: format!("{}-box", unique()),
        })
    }

    /// For what is only so with one engine.
    pub fn of(engine: &str) -> Option<Self> {
        if name() != engine {
            eprintln!("skipped: it is about {engine}");
            return None;
        }
        Self::new()
    }

    /// Runs a command of the engine. What starts containers uses the host's network: the engine may
    /// have no other.
    #[track_caller]
    pub fn docker(&self, args: &[&str]) -> String {
        let starts = matches!(args[0], "build" | "run");
        let (verb, rest) = args.split_at(1);
        let network = starts.then_some("--network=host");
        run(self.client().args(verb).args(network).args(rest))
    }

    /// A command of the engine, in this process's own environment.
    pub fn client(&self) -> Command {
        let mut command = Command::new(self.docker);
        // Older clients have another builder too, which is not the one under test.
        command.env("DOCKER_BUILDKIT", "1");
        if is_podman() {
            command.envs(podman_env());
        }
        command
    }

    /// `git dkr create-image` in the repository; what it made.
    #[track_caller]
    pub fn create(&self, repo: &Repo, args: &[&str]) -> Image<'_> {
        let args = [&["create-image"], args].concat();
        self.image(&self.dkr(&repo.path, args).ok())
    }

    /// `git dkr update-image` in the repository; what it made.
    #[track_caller]
    pub fn update(&self, repo: &Repo, args: &[&str]) -> Image<'_> {
        let args = [&["update-image"], args].concat();
        self.image(&self.dkr(&repo.path, args).ok())
    }

    /// The image that a command named as its result.
    #[track_caller]
    pub fn image(&self, outcome: &Outcome) -> Image<'_> {
        self.tagged(outcome.stdout.trim_end())
    }

    /// Makes a base image of this name, another with each number; removed with the lab.
    #[track_caller]
    pub fn base(&self, name: &str, number: usize) {
        let file = format!(
            "FROM debian:bookworm-slim\nLABEL number={number} dkr.repo_path=\"{}\"\n",
            self.path("base").display()
        );
        let directory = self.file("base/Dockerfile", file);
        let directory = directory.parent().unwrap().to_str().unwrap();
        self.docker(&["build", "--quiet", "--tag", name, directory]);
    }

    /// Takes the records from a repository, and from an image what they could be made of again: as of an
    /// earlier git dkr.
    #[track_caller]
    pub fn forget_records(&self, repo: &Repo, image: &Image) {
        let file = format!("FROM {}\nLABEL dkr.manifest=\"\"\n", image.tag);
        let directory = self.file("forgotten/Dockerfile", file);
        let directory = directory.parent().unwrap().to_str().unwrap();
        self.docker(&["build", "--quiet", "--tag", &image.tag, directory]);
        // From here on nobody who looks at the image can write it.
        repo.git(["update-ref", "-d", "refs/notes/dkr"]);
    }

    #[track_caller]
    pub fn tagged(&self, tag: &str) -> Image<'_> {
        let text = self.docker(&["image", "inspect", tag]);
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut value = value[0].clone();
        value["Id"] = full_id(value["Id"].as_str().unwrap()).into();
        Image {
            lab: self,
            tag: tag.to_owned(),
            value,
        }
    }

    /// `git dkr start-image` of the repository's newest image, with a script for `sh`.
    pub fn start(&self, repo: &Repo, options: &[&str], script: &str) -> Outcome {
        let command = ["--", "sh", "-c", script];
        self.dkr(
            &repo.path,
            [&["start-image"], options, &command[..]].concat(),
        )
    }

    /// The same on the branch `work`, in a container called [`Lab::host`].
    pub fn start_work(&self, repo: &Repo, script: &str) -> Outcome {
        let host = format!("--hostname={}", self.host);
        self.start(repo, &["--name=work", &host], script)
    }

    /// The commit that such a container has pushed.
    #[track_caller]
    pub fn pushed_work(&self, repo: &Repo) -> String {
        repo.id(&format!("refs/heads/{}/work", self.host))
    }

    /// `git dkr list-images` of the repository.
    #[track_caller]
    pub fn list(&self, repo: &Repo, args: &[&str]) -> Vec<Value> {
        let all = [&["list-images", ".", "--format=json"], args].concat();
        serde_json::from_str(&self.dkr(&repo.path, all).ok().stdout).unwrap()
    }

    /// The ids of the images of repositories in this sandbox, those without a name too.
    pub fn images(&self) -> Vec<String> {
        self.ours("image", &["images", "--all"])
    }

    /// The same with podman's cached steps that carry our labels.
    pub fn images_with_steps(&self) -> Vec<String> {
        if is_podman() {
            let all = self.podman_ours(&["images", "--all"]);
            all.iter()
                .map(|one| full_id(one["Id"].as_str().unwrap()))
                .collect()
        } else {
            self.images()
        }
    }

    /// The ids of the containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        self.ours("container", &["ps", "--all"])
    }

    /// The containers in which podman runs the steps of builds on images of this sandbox.
    pub fn working_containers(&self) -> Vec<Value> {
        let images = self.images_with_steps();
        let listed = self.listed(&["ps", "--all", "--external", "--format=json"]);
        let mut all: Vec<Value> = serde_json::from_str(&listed.unwrap()).unwrap();
        all.retain(|one| images.contains(&full_id(one["ImageID"].as_str().unwrap())));
        all
    }

    fn ours(&self, kind: &str, list: &[&str]) -> Vec<String> {
        let mut ours = if is_podman() {
            without_steps(self.podman_ours(list))
        } else {
            self.docker_ours(kind, list)
        };
        ours.sort();
        ours.dedup();
        ours
    }

    fn docker_ours(&self, kind: &str, list: &[&str]) -> Vec<String> {
        let list = [list, &["--quiet", "--no-trunc"], &OF_REPOSITORIES].concat();
        let ids = self.listed(&list).unwrap_or_default();
        if ids.trim().is_empty() {
            return Vec::new();
        }
        // Other tests remove theirs meanwhile: what is gone is reported on stderr, the rest comes.
        let format = "{{.ID}} {{index .Config.Labels \"dkr.repo_path\"}}";
        let inspected = self
            .client()
            .args([kind, "inspect", "--format", format])
            .args(ids.split_whitespace())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&inspected.stdout)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, path)| Path::new(path).starts_with(self.root()))
            .map(|(id, _)| id.to_owned())
            .collect()
    }

    /// What podman lists of repositories in this sandbox; steps that are cached are images too.
    fn podman_ours(&self, list: &[&str]) -> Vec<Value> {
        let text = self.listed(&[list, &["--format=json"], &OF_REPOSITORIES].concat());
        // An engine that does not answer has nothing to remove: this is asked while a test fails, too.
        let mut all: Vec<Value> = serde_json::from_str(text.as_deref().unwrap_or("[]")).unwrap();
        all.retain(|one| {
            let path = one["Labels"]["dkr.repo_path"].as_str();
            let ours = path.is_some_and(|path| Path::new(path).starts_with(self.root()));
            ours && one["Names"][0] != STEPS
        });
        all
    }

    /// Podman's lists fail when an image or a container is removed meanwhile, by another test.
    fn listed(&self, list: &[&str]) -> Option<String> {
        let mut command = self.client();
        command.args(list);
        let listed = (0..20)
            .map(|_| command.output().unwrap())
            .find(|listed| listed.status.success() || !is_podman())?;
        Some(String::from_utf8(listed.stdout).unwrap())
    }
}

/// The ids of images, as docker writes them, or of containers. Podman's cached steps are images,
/// and those that stand on one of ours inherit its labels: other images stand on them, or one with
/// the same labels has a name.
fn without_steps(mut listed: Vec<Value>) -> Vec<String> {
    let parents: BTreeSet<String> = listed
        .iter()
        .map(|one| one["ParentId"].to_string())
        .collect();
    let mut times = BTreeSet::new();
    listed.sort_by_key(|one| one["Names"].is_null());
    listed.retain(|one| {
        let named = !one["Names"].is_null();
        let top = named || !parents.contains(&one["Id"].to_string());
        let first = times.insert(one["Labels"]["dkr.created_at"].to_string());
        named || (top && first)
    });
    let id = |one: &Value| full_id(one["Id"].as_str().unwrap());
    listed.iter().map(id).collect()
}

impl Deref for Lab {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Podman takes an image's cached steps away with it, but for those of `keep_steps`.
        for (remove, ids) in [("rm", self.containers()), ("rmi", self.images())] {
            if !ids.is_empty() {
                let _ = self.client().args([remove, "--force"]).args(ids).output();
            }
        }
    }
}

/// Podman's cache of steps is in images: without one of the usual steps that stays, each test
/// would install the packages again.
fn keep_steps() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        let Some(lab) = Lab::within("") else { return };
        let inspect = ["image", "inspect", "--format={{.Id}}", STEPS];
        let id = || lab.client().args(inspect).output().unwrap().stdout;
        let before = id();
        let image = lab.create(&lab.repo(), &[]);
        lab.docker(&["tag", &image.tag, STEPS]);
        lab.docker(&["rmi", &image.tag]);
        if before != id() && !before.is_empty() {
            let old = String::from_utf8(before).unwrap();
            let _ = lab.client().args(["rmi", old.trim()]).output();
        }
    });
}

/// As docker writes it.
fn full_id(id: &str) -> String {
    if id.starts_with("sha256:") {
        id.to_owned()
    } else {
        format!("sha256:{id}")
    }
}

/// An image as the engine describes it.
pub struct Image<'a> {
    lab: &'a Lab,
    pub tag: String,
    pub value: Value,
}

impl Image<'_> {
    pub fn id(&self) -> &str {
        self.value["Id"].as_str().unwrap()
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        serde_json::from_value(self.value["Config"]["Labels"].clone()).unwrap()
    }

    /// The label `dkr.<name>`.
    #[track_caller]
    pub fn label(&self, name: &str) -> String {
        self.labels()[&format!("dkr.{name}")].clone()
    }

    /// Bytes, all layers together, unpacked: the one size that every store of an engine tells.
    pub fn size(&self) -> u64 {
        if is_podman() {
            return self.value["Size"].as_u64().unwrap();
        }
        let form = ["history", "--human=false", "--format={{.Size}}", &self.tag];
        let sizes = self.lab.docker(&form);
        sizes.lines().map(|size| size.parse::<u64>().unwrap()).sum()
    }

    pub fn layers(&self) -> usize {
        self.value["RootFS"]["Layers"].as_array().unwrap().len()
    }

    /// Runs a script in it, without its entrypoint: the image as it was baked.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let sh = ["run", "--rm", "--entrypoint=sh"];
        self.lab
            .docker(&[&sh[..], &[&self.tag, "-ec", script]].concat())
    }

    /// All its layers and its description, each as a file of its own: what was removed by a later
    /// layer is there too.
    pub fn layers_unpacked(&self) -> Unpacked {
        let directory = tempfile::tempdir().unwrap();
        let script = r#""$0" save "$1" | tar -x -C "$2""#;
        let mut command = Command::new("sh");
        command.args(["-ec", script]).arg(self.lab.docker);
        if is_podman() {
            command.envs(podman_env());
        }
        run(command.arg(&self.tag).arg(directory.path()));
        Unpacked(directory)
    }
}

/// The layers of an image.
pub struct Unpacked(TempDir);

impl Unpacked {
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether this stands in any of them.
    pub fn hold(&self, text: &str) -> bool {
        // Newer engines save layers packed; gzip passes on what is not.
        let script = r#"find "$0" -type f -exec gzip -dcf {} + | grep -aF -- "$1" >/dev/null"#;
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(self.0.path()).arg(text);
        command.status().unwrap().success()
    }
}

/// A door that a step of a build runs into, and waits at until it is opened: so that a test can
/// do something in the middle of a build, at no particular time.
pub struct Gate(TcpListener);

impl Gate {
    pub fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// The step. It succeeds once the gate was opened.
    pub fn step(&self) -> String {
        let port = self.0.local_addr().unwrap().port();
        format!(
            "RUN bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; read -r go <&3; test \"$go\" = go'\n"
        )
    }

    /// Waits until a step stands before it. Drop what it gives to let the step fail.
    #[track_caller]
    pub fn reached(&self) -> Waiting {
        let mut stream = None;
        self.0.set_nonblocking(true).unwrap();
        super::wait_until("a step before the gate", || {
            stream = self.0.accept().ok();
            stream.is_some()
        });
        let (stream, _) = stream.unwrap();
        stream.set_nonblocking(false).unwrap();
        Waiting(stream)
    }
}

/// A step that waits.
pub struct Waiting(TcpStream);

impl Waiting {
    pub fn open(mut self) {
        std::io::Write::write_all(&mut self.0, b"go\n").unwrap();
    }

    /// Waits until the step has been ended by somebody else.
    pub fn wait_for_end(mut self) {
        let limit = std::time::Duration::from_secs(120);
        self.0.set_read_timeout(Some(limit)).unwrap();
        let mut byte = [0];
        match std::io::Read::read(&mut self.0, &mut byte) {
            Ok(0) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("the step still runs: {other:?}"),
        }
    }
}
