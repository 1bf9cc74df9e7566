//! The hooks in real repositories: when git runs ours and what of others' still runs, and that an
//! uninstall puts back what was there. No engine.

mod command;
mod config;
mod events;
mod kept;
mod lab;
mod places;
mod tools;
mod trouble;
