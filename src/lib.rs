//! `git dkr`: throw-away containers that hold a full clone of a large repository.
//!
//! The map of the house. Imports go downwards only, and no two files refer to each other
//! (`tests/it/house/` reads the sources). From the top floor down:
//!
//! - commands: `cli` and `commands` read arguments, then gather facts, decide, act and print; `report` says
//!   how an error and its hint are printed.
//! - jobs, what the tool is for: `image` builds, updates, finds and starts images; `hooks` tells when one
//!   is stale; `container` knows what was started and keeps its work; `layers` builds and composes tools;
//!   `audit` looks for keys; `profile` builds a profile; `overlay` rebuilds a machine in place; `recording`
//!   records installs.
//! - settings: `conf` reads `.dkr.conf`, git config and environment, each value with its origin.
//! - edges, one for each thing outside the process: `git`, `engine`, `ssh` (which may use `git`), `net`,
//!   `proxy` (which may use `net`).
//! - helpers: `proc` for processes, `fs` for files, `ui` for the terminal, `error`, `digest` for hashes,
//!   `suggest` for the name that was meant, `grammar` for how Dockerfiles are written.
//!
//! What runs in images and containers is not Rust: `templates/` has it, embedded in the binary.
//!
//! Deciding and doing are apart: parsing, planning, Dockerfile text, staleness and names are pure
//! functions, tested by value; only `proc` starts processes, only `ui` prints, only `conf` and
//! `main` read the environment (clippy's `disallowed_methods` holds this).

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]
// Its documentation is for those who work on it, who see all of it.
#![allow(rustdoc::private_intra_doc_links)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod audit;
pub mod cli;
mod commands;
pub mod conf;
mod container;
pub mod digest;
pub mod engine;
pub mod error;
mod fs;
pub mod git;
pub mod grammar;
mod hooks;
pub mod image;
pub mod layers;
pub mod net;
pub mod overlay;
pub mod proc;
pub mod profile;
pub mod proxy;
pub mod recording;
pub mod report;
pub mod ssh;
mod suggest;
pub mod ui;
