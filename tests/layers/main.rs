//! Layers, and what asks for them.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;

mod detect;
mod fetch;
