//! The main job: bake a branch into an image, keep it fresh, find it, start it.
//!
//! Pure: [`branch_from`], [`labels`], [`names`], [`dockerfile`], [`staleness`].
//! Effects: [`target`] and [`tracking`] ask git, [`find`] the engine, [`plan`] and [`choose`]
//! both; [`reach`], [`bake`] and [`start`] do the work.

pub mod bake;
pub mod branch_from;
mod ca;
pub mod choose;
pub mod dockerfile;
pub mod find;
pub mod labels;
pub mod names;
pub mod plan;
pub mod reach;
mod report;
pub mod settings;
pub mod staleness;
pub mod start;
pub mod target;
pub mod tracking;

pub use find::Image;
pub use labels::Labels;
pub use target::Target;
