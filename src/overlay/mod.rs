//! Rebuilds an environment in place, without an engine: what a `Containerfile` adds to the machine
//! that it runs on, kept as a snapshot.
//!
//! | | |
//! |---|---|
//! | pure | `containerfile` reads the text; `shim` is what shells read to record, `adopt` takes it into `.dkr.conf` |

pub mod adopt;
pub mod containerfile;
pub mod shim;
