//! Starting containers: which image, for what, and how.

mod checks;
mod container;
mod fallback_image;
mod options;
pub(crate) mod prepare_user;
pub(crate) mod sandbox;
pub(crate) mod select_image;
mod trial;

pub(crate) use container::{StartPlan, StartRequest};
