//! The engine, which is a real one: `DKR_TEST_ENGINE` says whether docker (the default) or podman.
//! A test that needs it fails where there is none, unless `DKR_TEST_ENGINE=none` says that there
//! may be none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::dkr::Outcome;
use super::repo::Repo;
use super::{Sandbox, run, unique};

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
        Self::within("")
    }

    /// In a folder of this name.
    pub fn within(name: &str) -> Option<Self> {
        let docker = engine()?;
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

    /// For what is only so with one engine.
    pub fn of(engine: &str) -> Option<Self> {
        if name() != engine {
            eprintln!("skipped: it is about {engine}");
            return None;
        }
        Self::new()
    }

    #[track_caller]
    pub fn docker(&self, args: &[&str]) -> String {
        run(self.client().args(args))
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
        let folder = self.file("base/Dockerfile", file);
        let folder = folder.parent().unwrap().to_str().unwrap();
        self.docker(&["build", "--quiet", "--tag", name, folder]);
    }

    #[track_caller]
    pub fn tagged(&self, tag: &str) -> Image<'_> {
        let text = self.docker(&["image", "inspect", tag]);
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut value = value[0].clone();
        value["Id"] = full_id("image", value["Id"].as_str().unwrap()).into();
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
        self.ours("image", &["images", "--all", "--quiet", "--no-trunc"])
    }

    fn images_with_steps(&self) -> Vec<String> {
        let list = ["images", "--all", "--quiet", "--no-trunc"];
        let all = self.ours_with_steps("image", &list);
        all.into_iter().map(|(id, _)| id).collect()
    }

    /// The ids of the containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        self.ours("container", &["ps", "--all", "--quiet", "--no-trunc"])
    }

    fn ours(&self, kind: &str, list: &[&str]) -> Vec<String> {
        let all = self.ours_with_steps(kind, list);
        // Podman's cached steps are images too, and those on an image of ours inherit its labels.
        // What we have built has a time of its own.
        let mut times = BTreeSet::new();
        let mut named_first: Vec<&(String, String)> = all.iter().collect();
        named_first.sort_by_key(|(_, named)| named.ends_with(" []"));
        named_first.retain(|(_, named)| {
            let time = named.split(' ').next().unwrap_or_default();
            kind == "container" || !is_podman() || times.insert(time.to_owned())
        });
        let mut ours: Vec<String> = named_first.iter().map(|(id, _)| id.clone()).collect();
        ours.sort();
        ours
    }

    /// The ids, each with what tells a step from an image.
    fn ours_with_steps(&self, kind: &str, list: &[&str]) -> Vec<(String, String)> {
        let listed = self
            .client()
            .args(list)
            .args(["--filter", "label=dkr.repo_path"])
            .output()
            .unwrap();
        let ids = String::from_utf8(listed.stdout).unwrap();
        if ids.trim().is_empty() {
            return Vec::new();
        }
        // Other tests remove theirs meanwhile: what is gone is reported on stderr, the rest comes.
        let names = if kind == "image" {
            ".RepoTags"
        } else {
            ".Name"
        };
        let format = format!(
            "{{{{.ID}}}}\t{{{{index .Config.Labels \"dkr.repo_path\"}}}}\t{{{{index .Config.Labels \"dkr.created_at\"}}}} {{{{{names}}}}}"
        );
        let inspected = self
            .client()
            .args([kind, "inspect", "--format", &format])
            .args(ids.split_whitespace())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let mut ours: Vec<(String, String)> = String::from_utf8_lossy(&inspected.stdout)
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(id, rest)| Some((id, rest.rsplit_once('\t')?)))
            .filter(|(_, (path, _))| Path::new(path).starts_with(self.root()))
            .map(|(id, (_, rest))| (full_id(kind, id), rest.to_owned()))
            .collect();
        ours.sort();
        ours.dedup();
        ours
    }
}

impl Deref for Lab {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for (remove, ids) in [("rm", self.containers()), ("rmi", self.images_with_steps())] {
            if !ids.is_empty() {
                let _ = self.client().args([remove, "--force"]).args(ids).output();
            }
        }
    }
}

/// As docker writes it.
fn full_id(kind: &str, id: &str) -> String {
    if kind == "image" && !id.starts_with("sha256:") {
        format!("sha256:{id}")
    } else {
        id.to_owned()
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

    pub fn layers(&self) -> usize {
        self.value["RootFS"]["Layers"].as_array().unwrap().len()
    }

    /// Runs a script in it, without its entrypoint: the image as it was baked.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let sh = ["run", "--rm", "--network=host", "--entrypoint=sh"];
        self.lab
            .docker(&[&sh[..], &[&self.tag, "-ec", script]].concat())
    }

    /// All its layers and its description, each as a file of its own: what was removed by a later
    /// layer is there too.
    pub fn layers_unpacked(&self) -> Unpacked {
        let folder = tempfile::tempdir().unwrap();
        let script = r#""$0" save "$1" | tar -x -C "$2""#;
        let mut command = Command::new("sh");
        command.args(["-ec", script]).arg(self.lab.docker);
        if is_podman() {
            command.envs(podman_env());
        }
        run(command.arg(&self.tag).arg(folder.path()));
        Unpacked(folder)
    }
}

/// The layers of an image.
pub struct Unpacked(TempDir);

impl Unpacked {
    /// Whether this stands in any of them.
    pub fn hold(&self, text: &str) -> bool {
        // Newer engines save layers packed; gzip passes on what is not.
        let script = r#"find "$0" -type f -exec gzip -dcf {} + | grep -aF -- "$1" >/dev/null"#;
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(self.0.path()).arg(text);
        command.status().unwrap().success()
    }
}

/// Whether the tests run on podman.
pub fn is_podman() -> bool {
    std::env::var_os("DKR_TEST_ENGINE").is_some_and(|value| value == "podman")
}

/// The name of the engine that the tests run on.
pub fn name() -> &'static str {
    if is_podman() { "podman" } else { "docker" }
}

/// What `-v` shows of a build, and of nothing else.
pub fn echo_of_a_build() -> &'static str {
    if is_podman() {
        "+ nohup "
    } else {
        "+ DOCKER_BUILDKIT=1 "
    }
}

/// What leads podman to its settings and images when the home folder is another. `scripts/engine`
/// writes settings of the tests' own where podman does not work without.
fn podman_env() -> Vec<(&'static str, OsString)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let folder = |name: &str, below: &str| {
        std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from)
    };
    let own = folder("XDG_CACHE_HOME", ".cache").join("git-dkr-test-tools/containers.conf");
    let own = own.exists().then(|| own.into_os_string());
    let mut env = vec![(
        "XDG_DATA_HOME",
        folder("XDG_DATA_HOME", ".local/share").into(),
    )];
    for (name, value) in [
        (
            "CONTAINERS_CONF",
            std::env::var_os("CONTAINERS_CONF").or(own),
        ),
        ("XDG_RUNTIME_DIR", std::env::var_os("XDG_RUNTIME_DIR")),
    ] {
        env.extend(value.map(|value| (name, value)));
    }
    env
}

/// The client under test: podman, or the first docker on the PATH that builds with BuildKit.
fn engine() -> Option<&'static Path> {
    static ENGINE: OnceLock<Option<PathBuf>> = OnceLock::new();
    if std::env::var_os("DKR_TEST_ENGINE").is_some_and(|value| value == "none") {
        eprintln!("skipped: it needs an engine, and DKR_TEST_ENGINE=none");
        return None;
    }
    let name = name();
    let engine = ENGINE.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|client| client.exists() && (is_podman() || builds(client)))
    });
    match engine {
        Some(client) => Some(client),
        None => panic!(
            "no {name} on the PATH can build here; `make test` sees to one, and \
             DKR_TEST_ENGINE=none leaves these tests out"
        ),
    }
}

/// Only a build tells. This one needs no base image and leaves no image behind.
fn builds(client: &Path) -> bool {
    let child = Command::new(client)
        .args(["build", "--output=type=tar,dest=/dev/null", "-"])
        .env("DOCKER_BUILDKIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let mut stdin = child.stdin.take().unwrap();
    // A client that fails early does not read it.
    let _ = std::io::Write::write_all(&mut stdin, b"FROM scratch\nLABEL dkr.probe=1\n");
    drop(stdin);
    child.wait().unwrap().success()
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
