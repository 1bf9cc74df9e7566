//! How Dockerfiles are written: where an instruction ends, what a word stands for. Pure functions;
//! the grammar is that of BuildKit's `frontend/dockerfile/parser` and `shell`.

mod directives;
mod env_value;
mod instructions;
mod words;

pub(crate) use directives::{BACKSLASH, directives, escape, other_escape};
pub(crate) use env_value::env_value;
pub(crate) use instructions::{Heredoc, Instruction};
pub use instructions::{split, with_run_option};
pub(crate) use words::{Lexed, Piece, Word, is_name};
pub use words::{value, words};
