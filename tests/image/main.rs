//! The main job, on a real engine: bake a branch, update it, find it, start it.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../common/mod.rs"]
mod common;

mod audit;
mod bad_input;
mod cache_key;
mod chains;
mod check;
mod conf;
mod create;
mod elsewhere;
mod explain;
mod hooks;
mod host_sshd;
mod hostile;
mod interrupted;
mod kinds;
mod lfs;
mod list;
mod modern;
mod nearest;
mod news;
mod owners;
mod packs;
mod partial;
mod podman;
mod push;
mod records;
mod sparse;
mod staleness;
mod start;
mod submodules;
mod update;
mod warm;
