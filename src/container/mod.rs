//! Containers that were started, and the work in them.

mod background;
mod conflicts;
mod connection;
mod directory;
mod end;
pub(crate) mod find;
pub(crate) mod info;
pub(crate) mod inventory;
mod keep;
mod labels;
pub(crate) mod list;
pub(crate) mod newest;
pub(crate) mod prepare_user;
mod resumed;
pub(crate) mod sandbox;
pub(crate) mod saved;
mod summary;

pub(crate) use background::Keeping;
pub(crate) use connection::{ConnectionSettings, SandboxSettings};
pub(crate) use directory::{ContainerDirectory, RUN};
pub(crate) use end::{ContainerEnd, await_keeper, is_at_work};
pub(crate) use keep::{keep, save};
pub(crate) use labels::ContainerLabels;
pub(crate) use resumed::ResumedWork;
pub(crate) use summary::WorkSummary;
