//! Overlays: environments rebuilt in place, their snapshots and the caches that hold them.

mod adopt;
mod caches;
mod commands;
mod fetches;
mod hostile;
mod http;
mod in_container;
mod machine;
mod rebuilt;
mod restore;
mod server;
mod shim;
mod small;
mod snapshot;
mod texts;
mod trees;
