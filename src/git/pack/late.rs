//! What is made while the rest is on its way already, and goes last.

use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

use super::send::Part;

/// Parts that are being made.
#[derive(Debug)]
pub(super) struct Late {
    made: Receiver<Result<Vec<Part>>>,
    thread: Option<JoinHandle<()>>,
}

impl Late {
    /// Begins to make them.
    pub fn start(make: impl FnOnce() -> Result<Vec<Part>> + Send + 'static) -> Self {
        let (put, made) = channel();
        // Nobody takes them when the build is over.
        let thread = std::thread::spawn(move || drop(put.send(make())));
        let thread = Some(thread);
        Self { made, thread }
    }

    /// Their maker, for whoever must know when it is done.
    pub fn maker(&mut self) -> Option<JoinHandle<()>> {
        self.thread.take()
    }

    /// Waits for them.
    pub fn parts(self) -> Result<Vec<Part>> {
        self.made.recv().context("the commit-graph was not made")?
    }
}
