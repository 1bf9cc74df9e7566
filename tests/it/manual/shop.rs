//! The repository of the examples, and a shell in it.

use std::os::unix::fs::symlink;

use regex::Regex;

use crate::common::dkr::binary;
use crate::common::engine::Lab;
use crate::common::{GITCONFIG, run, unique};

/// Names that the manual uses. In a run each has another that is nobody else's, as images and containers of
/// all tests are in one engine.
const NAMES: [&str; 3] = ["shop", "box", "greeter"];

/// A clone called `shop` of a repository beside it, `origin`, which has a branch `feature/x`, too.
pub struct Shop {
    lab: Lab,
    names: Vec<(Regex, &'static str, String)>,
}

/// A command of a session, what it printed, and its exit code.
pub struct Ran {
    pub output: String,
    pub code: i32,
}

impl Shop {
    pub fn new() -> Option<Self> {
        // The manual shows docker.
        let lab = Lab::of("docker")?;
        let names = NAMES.map(|name| {
            let word = Regex::new(&format!(r"\b{name}\b")).unwrap();
            (word, name, format!("{name}-{}", unique()))
        });
        let shop = Self {
            lab,
            names: names.into(),
        };
        shop.fill();
        Some(shop)
    }

    fn fill(&self) {
        // The manual shows hooks.
        let settings = GITCONFIG.replace("hooksPath = /dev/null", "");
        self.lab.file("gitconfig", settings);
        let origin = self.lab.repo_at("origin");
        origin.commit(
            "Fix the retry loop",
            &[
                (
                    ".dkr.conf",
                    "base_image = debian:bookworm-slim\ncaches = none\n",
                ),
                ("check", "#!/bin/sh\necho all tests passed\n"),
                ("notes.txt", "Run teh tests.\n"),
                (
                    "pyproject.toml",
                    "[project]\nname = \"shop\"\nrequires-python = \">=3.11\"\n",
                ),
                ("requirements.txt", "requests\n"),
            ],
        );
        origin.git(["update-index", "--chmod=+x", "check"]);
        origin.amend("Fix the retry loop");
        origin.branch("feature/x", "main");
        origin.commit("Count to ten", &[("count", "10\n")]);
        origin.commit("Count to eleven", &[("count", "11\n")]);
        origin.checkout("main");
        let clone = ["clone", "--quiet", "origin", &self.own("shop")];
        run(self.lab.command("git").args(clone));
        // Commands of the manual find what is under test.
        let bin = self.lab.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        symlink(binary(), bin.join("git-dkr")).unwrap();
        symlink(self.lab.docker, bin.join("docker")).unwrap();
    }

    /// The name that stands for one of the manual's in this run.
    fn own(&self, name: &str) -> String {
        self.names
            .iter()
            .find(|(_, of, _)| *of == name)
            .unwrap()
            .2
            .clone()
    }

    /// Runs commands in one shell, in the clone.
    pub fn run(&self, commands: &[String], env: &[(&str, &str)]) -> Vec<Ran> {
        // Each ends with a mark and its exit code, which the next one finds in `$?`.
        let mut script = "exec 2>&1 </dev/null\n".to_owned();
        for command in commands {
            let mut command = command.clone();
            for (word, _, own) in &self.names {
                command = word.replace_all(&command, own).into_owned();
            }
            script += &format!("{command}\ncode=$?; printf '\\001%d\\001' $code; (exit $code)\n");
        }
        let file = self.lab.file("session", script);
        let mut shell = self.lab.command("bash");
        shell
            .arg(file)
            .env("PATH", self.lab.bin_first())
            .envs(env.iter().copied())
            .current_dir(self.lab.path(&self.own("shop")));
        let output = shell.output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        for (_, name, own) in &self.names {
            text = text.replace(own, name);
        }
        text = text.replace(&self.lab.root().display().to_string(), "/src");
        let parts: Vec<&str> = text.split('\u{1}').collect();
        parts
            .chunks_exact(2)
            .map(|pair| Ran {
                output: pair[0].to_owned(),
                code: pair[1].parse().unwrap(),
            })
            .collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Images of layers are not among those of the lab.
        let name = format!("dkr-layer/{}", self.own("greeter"));
        let list = [
            "images",
            "--quiet",
            "--filter",
            &format!("reference={name}*"),
        ];
        let listed = self.lab.client().args(list).output().unwrap();
        for id in String::from_utf8_lossy(&listed.stdout).lines() {
            let _ = self.lab.client().args(["rmi", "--force", id]).output();
        }
    }
}
