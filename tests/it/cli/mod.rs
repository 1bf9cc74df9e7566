//! The command line itself: help, completions, the manual, and what is said when the engine is in
//! trouble.

mod completions;
mod directories;
mod doctor;
mod engine_trouble;
mod engines;
mod help;
mod language;
mod pipes;
