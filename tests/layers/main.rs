//! Layers: built, tried, composed and given to shells, on a real engine.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod build;
mod compose;
mod eight;
mod env;
mod lab;
mod try_them;
