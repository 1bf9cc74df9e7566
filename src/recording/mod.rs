//! Records what `uv` and `pip` install as `RUN` lines, on hosts and in containers, and takes what was recorded
//! into `[post_clone]` of `.dkr.conf`.
//!
//! | | |
//! |---|---|
//! | pure | `shim` is what shells read to record, `adopt` takes the lines into `.dkr.conf` |

pub mod adopt;
pub(crate) mod shim;
