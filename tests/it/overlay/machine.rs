//! Throw-away machines: containers that hold this program and nothing of the host's.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::common::dkr::{Outcome, binary, outcome};
use crate::common::engine::Lab;
use crate::common::unique;

/// An image with what the steps of the tests call. The engine keeps its steps.
const DOCKERFILE: &str = "FROM debian:bookworm-slim\n\
    RUN apt-get update && apt-get install -y --no-install-recommends python3-venv npm zstd && rm -rf /var/lib/apt/lists/*\n\
    RUN python3 -m venv /opt/uv && echo keep >/etc/old.conf && ln /etc/old.conf /etc/old.hard && mkdir /srv/gone && echo x >/srv/gone/x\n";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A running container, removed when dropped.
pub struct Machine<'a> {
    lab: &'a Lab,
    name: String,
}

/// Builds the image that machines are made of; its id.
pub fn image(lab: &Lab) -> String {
    let directory = lab.file("machine/Dockerfile", DOCKERFILE);
    let directory = directory.parent().unwrap().to_str().unwrap().to_owned();
    let label = format!("--label=dkr.repo_path={}", lab.path("machine").display());
    let built = lab.docker(&["build", "--quiet", &label, &directory]);
    built.trim().to_owned()
}

impl<'a> Machine<'a> {
    /// A fresh one, whose `/cache` is that directory of the host.
    pub fn start(lab: &'a Lab, image: &str) -> Self {
        let name = unique();
        let cache = lab.path("shared-cache");
        std::fs::create_dir_all(&cache).unwrap();
        let mut command = lab.client();
        command.args(["run", "--detach", "--network=host", "--name", &name]);
        command.arg(format!("--volume={}:/dkr/git-dkr:ro", binary()));
        command.arg(format!("--volume={}:/cache", cache.display()));
        if Path::new(BUNDLE).exists() {
            command.arg(format!("--volume={BUNDLE}:/ca.pem:ro"));
            for variable in ["SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"] {
                command.arg(format!("--env={variable}=/ca.pem"));
            }
        }
        outcome(command.args([
            "--env=DKR_OVERLAY_CACHE_DIR=/cache",
            image,
            "sleep",
            "infinity",
        ]))
        .ok();
        let machine = Self { lab, name };
        // The engine has just mounted files there.
        machine.sh("touch -d @1000000000 /etc").ok();
        machine
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let file = self.lab.file(&format!("{}-file", self.name), text);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let opened = std::fs::File::options().write(true).open(&file);
        opened.unwrap().set_modified(time).unwrap();
        let to = format!("{}:{path}", self.name);
        self.lab.docker(&["cp", file.to_str().unwrap(), &to]);
    }

    /// Runs a script.
    pub fn sh(&self, script: &str) -> Outcome {
        outcome(
            self.lab
                .client()
                .args(["exec", &self.name, "sh", "-c", script]),
        )
    }

    /// `git dkr overlay …` in `/`.
    pub fn overlay(&self, args: &[&str]) -> Outcome {
        let mut command = self.lab.client();
        command
            .args(["exec", &self.name, "/dkr/git-dkr", "overlay"])
            .args(args);
        outcome(&mut command)
    }

    /// All that is in it, but for what no snapshot holds: by path, what it is.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let shown = self
            .overlay(&["inspect", "-f", "/Containerfile", "--format=json"])
            .ok();
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        // What was mounted, and where, is the engine's affair.
        let mounts = ["dkr", "ca.pem", "cache"].map(str::to_owned);
        let left_out: Vec<String> = shown["left_out"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap().split(" - ").next().unwrap()[1..].to_owned())
            .collect();
        let exported = self.lab.path(&format!("{}.tar", self.name));
        self.lab
            .docker(&["export", "--output", exported.to_str().unwrap(), &self.name]);
        let mut tree = read(std::fs::File::open(&exported).unwrap());
        std::fs::remove_file(exported).unwrap();
        tree.retain(|path, _| {
            let below = |place: &String| path == place || path.starts_with(&format!("{place}/"));
            !left_out.iter().chain(&mounts).any(below)
        });
        name_groups(&mut tree);
        tree.into_iter()
            .map(|(path, what)| (path, what.text))
            .collect()
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        let _ = self
            .lab
            .client()
            .args(["rm", "--force", &self.name])
            .output();
    }
}

struct What {
    text: String,
    /// The name under which the archive holds its content.
    first: String,
}

fn read(tar: impl Read) -> BTreeMap<String, What> {
    let mut tree: BTreeMap<String, What> = BTreeMap::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name =
            |path: std::borrow::Cow<Path>| path.to_string_lossy().trim_end_matches('/').to_owned();
        let path = name(entry.path().unwrap());
        let link = entry.link_name().unwrap().map(name);
        let kind = entry.header().entry_type();
        if let (tar::EntryType::Link, Some(first)) = (kind, &link) {
            let text = tree[first].text.clone();
            let first = first.clone();
            tree.insert(path, What { text, first });
            continue;
        }
        let attributes: Vec<String> = entry
            .pax_extensions()
            .unwrap()
            .into_iter()
            .flatten()
            .map(|pair| pair.unwrap())
            .filter(|pair| pair.key().unwrap().starts_with("SCHILY.xattr."))
            .map(|pair| format!("{:?}={:?}", pair.key(), pair.value_bytes()))
            .collect();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        let digest = Sha256::digest(&content);
        let text = format!(
            "{kind:?} {:o} {}:{} {} {link:?} {} {attributes:?}",
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
            digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        );
        let first = path.clone();
        tree.insert(path, What { text, first });
    }
    assert!(tree.len() > 1000, "{}", tree.len());
    tree
}

/// Writes to each that has several names which they are.
fn name_groups(tree: &mut BTreeMap<String, What>) {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, what) in tree.iter() {
        groups
            .entry(what.first.clone())
            .or_default()
            .push(path.clone());
    }
    for what in tree.values_mut() {
        let names = &groups[&what.first];
        if names.len() > 1 {
            what.text.push_str(&format!(" {names:?}"));
        }
    }
}

/// What differs, a line each.
#[track_caller]
pub fn assert_same(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) {
    let paths: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differing: Vec<String> = paths
        .into_iter()
        .filter(|path| one.get(*path) != other.get(*path))
        .map(|path| format!("{path}\n  {:?}\n  {:?}", one.get(path), other.get(path)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
