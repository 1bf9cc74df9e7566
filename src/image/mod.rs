//! The main job: bake a branch into an image, keep it fresh, find it, start it.
//!
//! Pure: [`branch_from`], [`labels`], [`manifest`], [`record`], [`names`], [`dockerfile`],
//! [`staleness`], [`chain_limits`].
//! Effects: [`target`] and [`tracking`] ask git, [`find`] the engine, [`plan`], [`parent`], [`scope`],
//! [`select_image`] and [`fallback_image`] both; [`transport`], [`bake`] and [`start`] do the work.

pub mod bake;
pub mod branch_from;
mod build_lock;
mod build_progress;
pub mod chain_limits;
pub mod dockerfile;
pub mod explain;
pub mod fallback_image;
pub mod find;
mod inputs;
pub mod labels;
pub mod manifest;
pub mod names;
mod object_delivery;
pub mod parent;
pub mod parent_info;
pub mod plan;
pub mod record;
pub mod record_build;
pub mod records;
pub mod scope;
pub mod select_image;
pub mod settings;
pub mod staleness;
pub mod staleness_report;
pub mod start;
pub mod target;
pub mod tool_layers;
pub mod tracking;
pub mod transport;
pub mod watch_list;

pub use find::Image;
pub use labels::Labels;
pub use target::Target;
