//! Layers of a test's own: a directory of them and a prefix that nobody else has. Their images, and
//! all whose names begin with the prefix, go with it.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::dkr::{Outcome, Running};
use crate::common::engine::Lab;
use crate::common::unique;

pub struct Layers {
    lab: Lab,
    pub prefix: String,
    pub directory: PathBuf,
}

impl Layers {
    /// Without a layer yet. `None` where a machine without an engine is fine.
    pub fn new() -> Option<Self> {
        let lab = Lab::new()?;
        let directory = lab.path("layers");
        std::fs::create_dir_all(&directory).unwrap();
        Some(Self {
            lab,
            prefix: unique(),
            directory,
        })
    }

    /// With a base and two layers on it that do not stand on each other; nothing to download.
    pub fn small() -> Option<Self> {
        let layers = Self::new()?;
        layers.write(
            "base",
            "FROM debian:bookworm-slim\nRUN echo 1 > /base\n",
            "[provides]\npaths = [\"/base\"]\n",
        );
        for name in ["left", "right"] {
            let dockerfile = format!(
                "FROM {}/base:1\nRUN printf '#!/bin/sh\\necho {name} $0 $@\\n' > /usr/local/bin/{name} && chmod +x /usr/local/bin/{name}\n",
                layers.prefix
            );
            layers.write(
                name,
                &dockerfile,
                &format!("[requires]\nlayers = [\"base\"]\n[provides]\nbinaries = [\"{name}\"]\n"),
            );
        }
        Some(layers)
    }

    /// The eight layers beside this file.
    pub fn eight() -> Option<Self> {
        let layers = Self::new()?;
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/layers/eight");
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            for file in ["Dockerfile", "layer.toml"] {
                let text = std::fs::read_to_string(path.join(file)).unwrap();
                let text = text.replace("PREFIX", &layers.prefix);
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                layers.file(&format!("layers/{name}/{file}"), text);
            }
        }
        Some(layers)
    }

    /// Writes a layer of version 1.
    pub fn write(&self, name: &str, dockerfile: &str, more: &str) {
        let toml = format!("[layer]\nname = \"{name}\"\nversion = \"1\"\n{more}");
        self.file(&format!("layers/{name}/Dockerfile"), dockerfile);
        self.file(&format!("layers/{name}/layer.toml"), toml);
    }

    fn args(&self, args: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        all.push(format!("--dir={}", self.directory.display()));
        all.push(format!("--prefix={}", self.prefix));
        all
    }

    /// `git dkr layer …` on these layers.
    pub fn layer(&self, args: &[&str]) -> Outcome {
        self.run(&[&["layer"], args].concat())
    }

    /// `git dkr …` on these layers.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.dkr(self.root(), self.args(args))
    }

    pub fn dkr_ready(&self, args: &[&str]) -> Command {
        self.dkr_command(self.root(), self.args(args))
    }

    /// The same in the background.
    pub fn spawn(&self, args: &[&str]) -> Running {
        let args = self.args(args);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.dkr_spawn(self.root(), &args)
    }

    pub fn tag(&self, name: &str) -> String {
        format!("{}/{name}:1", self.prefix)
    }

    /// The id of a layer's image; `None` when it is not built.
    pub fn id(&self, name: &str) -> Option<String> {
        let tag = self.tag(name);
        let images = self.named();
        let found = images.into_iter().find(|(other, _)| *other == tag);
        found.map(|(_, id)| id)
    }

    /// Names and ids of the images whose names begin with the prefix, sorted.
    pub fn named(&self) -> Vec<(String, String)> {
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let all = self.docker(&["images", "--no-trunc", "--format", format]);
        let mut found: Vec<(String, String)> = all
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(name, _)| name.starts_with(&format!("{}/", self.prefix)))
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .collect();
        found.sort();
        found
    }

    /// Runs a script in an image; what it printed on both streams.
    #[track_caller]
    pub fn sh(&self, image: &str, script: &str) -> String {
        let script = format!("exec 2>&1; {script}");
        let run = ["run", "--rm", "--entrypoint=sh"];
        self.docker(&[&run[..], &[image, "-ec", &script]].concat())
    }

    /// What was said without what differs from run to run.
    pub fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.prefix, "PREFIX");
        self.steady(&text)
    }
}

impl Deref for Layers {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Drop for Layers {
    fn drop(&mut self) {
        // Whatever goes wrong here must not hide what a test has to say.
        let list = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
        let listed = self.lab.client().args(list).output();
        let listed = listed.map(|output| output.stdout).unwrap_or_default();
        let names = String::from_utf8_lossy(&listed);
        // Podman says where an image without a registry is; and the prefix of another test may go on with a
        // digit.
        let is_ours = |name: &&str| {
            let name = name.strip_prefix("localhost/").unwrap_or(name);
            let rest = name.strip_prefix(&self.prefix);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
        };
        let ours = names.lines().filter(is_ours);
        let remove = ["rmi", "--force"];
        let _ = self.lab.client().args(remove).args(ours).output();
    }
}
