//! Rebuilds an environment in place, without an engine: what a `Containerfile` adds to the machine
//! that it runs on, kept as a snapshot.
//!
//! | | |
//! |---|---|
//! | pure | `containerfile` reads the text |
//! | ask | `github` speaks with its API |
//! | act | `cache` keeps snapshots, `fetch` carries out `FETCH`; `downloads` are those not done yet |

pub mod cache;
pub mod containerfile;
mod downloads;
pub mod fetch;
pub mod github;
