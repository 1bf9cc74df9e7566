//! Starting containers: which image, for what, and how.

mod container;
mod fallback_image;
pub mod select_image;

pub use container::{StartPlan, StartRequest};
