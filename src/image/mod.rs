//! The main job: bake a branch into an image, keep it fresh, find it, start it.
//!
//! Pure: [`branch_from`], [`labels`], [`manifest`], [`record`], [`names`], [`dockerfile`],
//! [`staleness`], [`over`].
//! Effects: [`target`] and [`tracking`] ask git, [`find`] the engine, [`plan`], [`nearest`], [`scope`],
//! [`choose`] and [`elsewhere`] both; [`reach`], [`bake`] and [`start`] do the work.

pub mod bake;
pub mod parent_info;
pub mod branch_from;
pub mod select_image;
mod object_delivery;
pub mod dockerfile;
pub mod fallback_image;
pub mod explain;
pub mod find;
mod inputs;
pub mod labels;
pub mod manifest;
pub mod names;
pub mod parent;
pub mod chain_limits;
pub mod plan;
pub mod transport;
pub mod record;
pub mod records;
pub mod record_build;
mod build_progress;
pub mod scope;
pub mod settings;
pub mod tool_layers;
pub mod staleness;
pub mod start;
pub mod staleness_report;
pub mod target;
pub mod tracking;
mod build_lock;
pub mod watch_list;

pub use find::Image;
pub use labels::Labels;
pub use target::Target;
