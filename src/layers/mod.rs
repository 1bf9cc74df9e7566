//! Layers: images of tools that stand on each other, and the languages that ask for them.

pub mod detect;
