//! How a build goes, whichever engine prints it.

use std::collections::VecDeque;

/// How many lines of a step's output are kept for the case that it fails.
const KEPT: usize = 30;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step of the Dockerfile began: `[4/7] RUN …`.
    Started {
        /// Its number in the Dockerfile.
        number: u32,
        of: u32,
        instruction: String,
    },
    /// A step printed a line.
    Output(String),
    /// A step is done, or was there already.
    Done {
        /// Its number in the Dockerfile.
        number: u32,
        of: u32,
        instruction: String,
        /// Whether it came from the cache.
        cached: bool,
    },
    /// The layers are being written.
    Exporting,
}

impl BuildEvent {
    /// A step that began, in a line: `[4/7] RUN …`.
    pub fn started(&self) -> Option<String> {
        match self {
            Self::Started {
                number,
                of,
                instruction,
            } => Some(format!("[{number}/{of}] {instruction}")),
            _ => None,
        }
    }
}

/// The step that ended a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FailedStep {
    /// `[4/7] RUN …`, or the name of something internal.
    pub step: String,
    /// The end of its output.
    pub tail: Vec<String>,
    /// What the engine says of it.
    pub reason: String,
}

/// All that a build printed so far, as far as it matters.
pub(super) trait Transcript {
    fn read(&mut self, line: &str) -> Option<BuildEvent>;
    /// The step that failed, if one did.
    fn failure(&self) -> Option<FailedStep>;
    /// The lines that belong to no step: an error before the first one, for example.
    fn loose(&self) -> String;
}

/// Adds a line to the last ones.
pub(super) fn keep(tail: &mut VecDeque<String>, line: &str) {
    if tail.len() == KEPT {
        tail.pop_front();
    }
    tail.push_back(line.to_owned());
}
