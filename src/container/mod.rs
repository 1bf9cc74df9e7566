//! Containers that were started, and the work in them.

mod labels;

pub(crate) use labels::ContainerLabels;
