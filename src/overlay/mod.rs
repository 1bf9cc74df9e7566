//! Rebuilds an environment in place, without an engine: what a `Containerfile` adds to the machine
//! that it runs on, kept as a snapshot.
//!
//! | | |
//! |---|---|
//! | pure | `containerfile` reads the text, `key` names what comes of it, `environment` is what it sets; `shim` is what shells read to record, `adopt` takes that into `.dkr.conf` |

pub mod adopt;
pub mod containerfile;
pub mod environment;
pub mod inside;
pub mod key;
pub mod parts;
pub mod shim;
pub mod steps;
