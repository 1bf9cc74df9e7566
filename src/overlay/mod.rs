//! Rebuilds an environment in place, without an engine: what a `Containerfile` adds to the machine
//! that it runs on, kept as a snapshot.
//!
//! | | |
//! |---|---|
//! | pure | `containerfile` reads the text; `snapshot::left_out`, `snapshot::manifest` |
//! | ask | `snapshot::scan`, `snapshot::changes`: what a run changed; `restore::plan`: what is to be done |
//! | act | `snapshot` writes the archive, `restore` brings it back |

pub mod containerfile;
mod parallel;
pub mod restore;
pub mod snapshot;
