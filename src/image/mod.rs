//! The main job: build an image of a branch, keep it fresh, find it, start it.
//!
//! [`model`] is pure. [`query`] asks git and the engine what there is, [`parent`] which image another can be
//! built on, and [`plan`] decides what a build comes to; none of them changes anything. [`build`] does what
//! was planned, over a [`transport`], and [`start`] starts containers. Each of them imports those before it.

pub(crate) mod build;
pub(crate) mod context;
pub mod model;
pub(crate) mod parent;
pub(crate) mod plan;
pub mod query;
pub(crate) mod settings;
pub(crate) mod start;
pub(crate) mod transport;

pub(crate) use model::Image;
pub use model::Target;
pub use model::labels::Labels;
