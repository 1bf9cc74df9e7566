//! Rebuilds an environment in place, without an engine: what a `Containerfile` adds to the machine
//! that it runs on, kept as a snapshot.
//!
//! - pure: `containerfile` reads the text, `key` names what comes of it, `environment` is what it sets,
//!   `inspect` what came of it.
//! - ask: `parts` reads the files, `github` speaks with its API.
//! - act: `steps` carries a text out, `fetch` its downloads, `downloads` being those not done yet; `snapshot`
//!   keeps what they changed, `restore` brings it back; `cache` has it meanwhile; `build` and `rebuild` are all
//!   of it.

pub(crate) mod build;
pub mod cache;
pub(crate) mod caches;
pub mod containerfile;
mod downloads;
pub mod environment;
pub mod fetch;
pub mod github;
pub(crate) mod inside;
pub(crate) mod inspect;
pub(crate) mod key;
mod parallel;
pub(crate) mod parts;
mod profile;
pub(crate) mod rebuild;
pub mod restore;
pub(crate) mod root;
pub mod snapshot;
pub mod steps;
