//! The `Containerfile` of an overlay: a Dockerfile without an image. Pure functions.

mod parse;
mod source;

pub use source::{DownloadSource, GitHubRepo};

use crate::grammar::Word;

/// What a `Containerfile` asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Containerfile {
    /// What is done, in order.
    pub steps: Vec<OverlayStep>,
    /// What is read and ignored, a line each, for the user.
    pub remarks: Vec<String>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayStep {
    /// Its first line, counted from 1.
    pub line: usize,
    /// Its text in one line, for people: `RUN apt-get update && …`.
    pub text: String,
    /// What it does.
    pub action: StepAction,
}

/// What an instruction does. Words that a Dockerfile expands are kept as [`Word`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepAction {
    /// Sets variables of the environment, all at once.
    Env(Vec<(String, Word)>),
    /// Goes to a directory, and makes it.
    Workdir(Word),
    /// Runs a command.
    Run(RunCommand),
    /// Downloads something.
    Fetch(FetchStep),
    /// Takes paths into the snapshot, changed or not, also where they are left out otherwise.
    Snapshot(Vec<Word>),
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunCommand {
    /// A line for `/bin/sh -c`, here-documents included.
    Shell(String),
    /// A program and its arguments.
    Exec(Vec<String>),
    /// A text with a first line `#!`, to be run as a program.
    Script(String),
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchStep {
    /// What, as [`DownloadSource::parse`](source::DownloadSource::parse) reads it.
    pub source: Word,
    /// Where it goes: a directory for an archive; a directory too when it ends in `/` or is one.
    pub dest: Word,
    /// The SHA-256 that it must have, 64 hexadecimal digits in lower case.
    pub sha256: Option<String>,
    /// The mode of a file that is placed.
    pub chmod: Option<u32>,
}
