//! Containers that were started, and the work that is saved of them.

mod enter;
mod lab;
mod list;
mod names;
mod work;
