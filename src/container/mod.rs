//! Containers that were started, and the work in them.

pub(crate) mod info;
mod labels;
pub(crate) mod saved;

pub(crate) use labels::ContainerLabels;
