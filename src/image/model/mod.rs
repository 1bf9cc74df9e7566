//! What is known of an image, and the texts it is told in: pure functions of values.

pub(crate) mod branch_from;
pub(crate) mod chain_base;
pub(crate) mod chain_limits;
pub(crate) mod dockerfile;
mod image;
pub(crate) mod input_table;
pub mod key_manifest;
pub(crate) mod labels;
pub(crate) mod names;
pub mod record;
pub(crate) mod staleness;
mod target;

pub(crate) use image::{Image, TrackedImage};
pub use target::Target;
