//! The command line itself: help, completions, the manual, and what is said when the engine is in
//! trouble.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;

mod completions;
mod doctor;
mod engine_trouble;
mod engines;
mod folders;
mod help;
mod language;
mod pipes;
