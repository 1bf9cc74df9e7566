//! Layers: built, tried, composed, given to shells and put under repositories, on a real engine; and
//! what asks for them.

mod bad_input;
mod build;
mod compose;
mod detect;
mod eight;
mod env;
mod fetch;
mod lab;
mod stacks;
mod toolchains;
mod try_them;
