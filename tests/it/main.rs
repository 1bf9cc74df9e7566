//! All tests but those of pure functions, which stand beside the code: a module for each job. One program, so
//! that they share one pool of threads, and linking takes place once.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod cli;
mod common;
mod container;
mod git;
mod hooks;
mod house;
mod image;
mod layers;
mod manual;
mod messages;
mod overlay;
mod profile;
mod recording;
