//! The uv shim: what it records, in real shells; what it leaves alone.

mod calls;
mod file;
mod lines;
mod real;

use std::path::PathBuf;
use std::process::Command;

use git_dkr::overlay::containerfile::{Containerfile, RunCommand, StepAction};

use crate::common::Sandbox;
use crate::common::dkr::outcome;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/uv-shim");
const IN_CONTAINERS: &str = include_str!("../../../../templates/shim");
/// What `sh` is, here and there.
const INTERPRETERS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// A directory with tools that do nothing but write down how they were called, and end with `$CODE`.
pub struct Shop(Sandbox);

impl Shop {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        for tool in ["uv", "pip", "pip3", "python3"] {
            sandbox.script(
                &format!("bin/{tool}"),
                "for a; do printf '%s\\0' \"$a\"; done >>\"${0%/*}/../calls\"\nexit ${CODE:-0}",
            );
        }
        std::fs::create_dir(sandbox.path("place")).unwrap();
        Self(sandbox)
    }

    /// A program that finds them first.
    fn command(&self, program: &str) -> Command {
        let mut command = self.0.command(program);
        command
            .env("PATH", self.0.bin_first())
            .current_dir(self.0.path("place"));
        command
    }

    /// The script itself, ready to run in the first of the shells.
    fn shim(&self, args: &[&str]) -> Command {
        self.shim_in(INTERPRETERS[0], args)
    }

    fn shim_in(&self, interpreter: &[&str], args: &[&str]) -> Command {
        let mut command = self.command(interpreter[0]);
        command.args(&interpreter[1..]).arg(SCRIPT).arg(self.file());
        command.args(args);
        command
    }

    fn file(&self) -> PathBuf {
        self.0.path("Containerfile")
    }

    fn recorded(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap_or_default()
    }

    /// The lines of the file without our directory, which is `[ROOT]`.
    fn lines(&self) -> Vec<String> {
        let text = self.0.steady(&self.recorded());
        text.lines().map(str::to_owned).collect()
    }

    /// With what the tools were called since the last question.
    fn calls(&self) -> Vec<String> {
        let path = self.0.path("calls");
        let text = std::fs::read(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        let mut calls: Vec<String> = text
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        calls.pop();
        calls
    }

    /// Runs what was recorded as a build would: `/bin/sh`, another directory, none of our variables.
    #[track_caller]
    fn replay(&self) {
        let recorded = self.recorded();
        let read = Containerfile::parse("recorded", recorded.as_bytes()).unwrap();
        for step in read.steps {
            match step.action {
                StepAction::Run(RunCommand::Shell(line)) => sh(&line),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[track_caller]
fn sh(script: &str) {
    let mut command = Command::new("/bin/sh");
    command.env_clear().current_dir("/").args(["-c", script]);
    outcome(&mut command).ok();
}

/// A shell that has read the functions and runs a script: those for users, or those for containers.
fn with_functions(shop: &Shop, shell: &[&str], script: &str) -> Command {
    let text = if ["bash", "zsh", "fish"].contains(&shell[0]) {
        let args = [
            "record",
            "shim",
            "--containerfile=../Containerfile",
            "--shell",
            shell[0],
        ];
        shop.0.dkr(&shop.0.path("place"), args).ok().stdout
    } else {
        IN_CONTAINERS
            .replace("/run/dkr/uv-shim", SCRIPT)
            .replace("/workspace/Containerfile.recorded", "\"$RECORDED\"")
    };
    let functions = shop.0.file("functions", text);
    let mut command = shop.command(shell[0]);
    command.env("RECORDED", shop.file()).args(&shell[1..]);
    let script = format!(". {}\n{script}", functions.display());
    command.args(["-c", &script]);
    command
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
