//! Rebuilds an environment in place, without an engine: what a `Containerfile` adds to the machine
//! that it runs on, kept as a snapshot.
//!
//! | | |
//! |---|---|
//! | pure | `containerfile` reads the text |

pub mod cache;
pub mod containerfile;
mod downloads;
pub mod github;
