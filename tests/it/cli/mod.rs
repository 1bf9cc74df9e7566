//! The command line itself: help, completions, the manual, and what is said when the engine is in
//! trouble.

mod completions;
mod doctor;
mod engine_trouble;
mod engines;
mod folders;
mod help;
mod language;
mod pipes;
