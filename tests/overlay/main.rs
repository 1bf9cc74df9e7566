//! Overlays: environments rebuilt in place, their snapshots and the caches that hold them.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod restore;
mod snapshot;
mod trees;
