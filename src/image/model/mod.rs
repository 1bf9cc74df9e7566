//! What is known of an image, and the texts it is told in: pure functions of values.

pub mod branch_from;
pub mod chain_base;
pub mod chain_limits;
pub mod dockerfile;
mod image;
pub mod input_table;
pub mod key_manifest;
pub mod labels;
pub mod names;
pub mod record;
pub mod staleness;
mod target;

pub use image::{Image, TrackedImage};
pub use target::Target;
