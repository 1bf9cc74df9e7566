//! The hooks in real repositories: when git runs ours and what of others' still runs, and that an
//! uninstall puts back what was there. No engine.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;

mod command;
mod config;
mod events;
mod kept;
mod lab;
mod places;
mod tools;
mod trouble;
