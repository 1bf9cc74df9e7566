//! The main job: build an image of a branch, keep it fresh, find it, start it.
//!
//! [`model`] is pure. [`query`] asks git and the engine what there is, [`parent`] which image another can be
//! built on, and [`plan`] decides what a build comes to; none of them changes anything. [`build`] does what
//! was planned, over a [`transport`], and [`start`] starts containers. Each of them imports those before it.

pub mod build;
pub mod context;
pub mod model;
pub mod parent;
pub mod plan;
pub mod query;
pub mod settings;
pub mod start;
pub mod transport;

pub use model::labels::Labels;
pub use model::{Image, Target};
