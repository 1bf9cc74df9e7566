//! The main job: bake a branch into an image, keep it fresh, find it, start it.
//!
//! Pure: [`branch_from`], [`labels`], [`manifest`], [`record`], [`names`], [`dockerfile`],
//! [`staleness`], [`over`].
//! Effects: [`target`] and [`tracking`] ask git, [`find`] the engine, [`plan`], [`nearest`], [`scope`],
//! [`choose`] and [`elsewhere`] both; [`reach`], [`bake`] and [`start`] do the work.

pub mod bake;
pub mod below;
pub mod branch_from;
pub mod choose;
mod deliver;
pub mod dockerfile;
pub mod elsewhere;
pub mod explain;
pub mod find;
mod inputs;
pub mod labels;
pub mod manifest;
pub mod names;
pub mod nearest;
pub mod over;
pub mod plan;
pub mod reach;
pub mod record;
pub mod records;
pub mod remember;
mod report;
pub mod scope;
pub mod settings;
pub mod stack;
pub mod staleness;
pub mod start;
pub mod survey;
pub mod target;
pub mod tracking;
mod turn;
pub mod watch;

pub use find::Image;
pub use labels::Labels;
pub use target::Target;
