//! How Dockerfiles are written: where an instruction ends, what a word stands for. Pure functions;
//! the grammar is that of BuildKit's `frontend/dockerfile/parser` and `shell`.

mod directives;
mod env_value;
mod instructions;
mod words;

pub use directives::{BACKSLASH, directives, escape, other_escape};
pub use env_value::env_value;
pub use instructions::{Heredoc, Instruction, split, with_run_option};
pub use words::{Condition, Lexed, Piece, Word, is_name, value, words};
