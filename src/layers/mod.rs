//! Layers: images of tools that stand on each other, and the languages that ask for them.
//!
//! A layer is a directory with a `Dockerfile` and a [`layer.toml`](definition). They are found in the
//! repository, in the user's directory and in this binary ([`catalog`]); [`graph`] orders them, [`plan`]
//! says which images they come to and which of these are there, [`build`] makes the others.
//! [`detect`] and [`stack`] say which of them a repository asks for. [`check`] tries what they
//! provide, [`compose`] puts that into one image, [`mod@env`] gives it to a shell.

pub(crate) mod build;
pub mod catalog;
pub(crate) mod check;
pub(crate) mod compose;
pub mod definition;
pub mod detect;
pub mod dockerfile;
pub(crate) mod env;
pub(crate) mod files;
pub(crate) mod graph;
pub(crate) mod layer;
mod npm_agents;
pub(crate) mod plan;
pub(crate) mod report;
pub mod sources;
pub(crate) mod stack;
pub(crate) mod toolchains;
