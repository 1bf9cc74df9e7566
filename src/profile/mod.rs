//! A deterministic image from a repository profile: a request as JSON in, an answer as JSON out.

mod archive;
mod attempt;
pub(crate) mod build;
mod cache;
mod canonical;
mod context;
pub mod detect;
mod dockerfile;
#[doc(hidden)]
pub mod fuzz;
mod json;
mod labels;
mod python_version;
mod record;
mod repo_profile;
pub mod request;
mod variant;

pub(crate) use build::{LoggedFailure, ProfileResponse};
