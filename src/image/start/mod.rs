//! Starting containers: which image, for what, and how.

mod checks;
mod container;
mod fallback_image;
mod options;
mod prepare_user;
mod sandbox;
pub(crate) mod select_image;
mod trial;

pub(crate) use container::{StartPlan, StartRequest};
