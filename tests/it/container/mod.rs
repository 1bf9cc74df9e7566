//! Containers that were started, and the work that is saved of them.

mod campaign;
mod detached;
mod enter;
mod kills;
mod lab;
mod list;
mod names;
mod resuming;
mod running;
mod saving;
mod watching;
mod work;
