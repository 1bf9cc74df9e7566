//! Containers that were started, and the work in them.

pub(crate) mod find;
pub(crate) mod info;
pub(crate) mod inventory;
mod labels;
pub(crate) mod list;
pub(crate) mod newest;
pub(crate) mod saved;

pub(crate) use labels::ContainerLabels;
