//! Images of repository profiles: JSON in, JSON out.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;

mod archives;
mod asked;
mod builds;
mod detect;
mod files;
mod lab;
mod retries;
