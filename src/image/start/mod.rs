//! Starting containers: which image, for what, and how.

mod checks;
mod container;
mod fallback_image;
mod files;
mod options;
pub(crate) mod select_image;
mod trial;

pub(crate) use container::{StartPlan, StartRequest};
