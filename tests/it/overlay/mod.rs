//! Overlays: environments rebuilt in place, their snapshots and the caches that hold them.

mod caches;
mod commands;
mod fetches;
mod hostile;
mod http;
mod machine;
mod rebuilt;
mod restore;
mod server;
mod small;
mod snapshot;
mod texts;
mod trees;
