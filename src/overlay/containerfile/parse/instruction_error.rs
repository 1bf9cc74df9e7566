//! What is wrong with an instruction.

/// What went wrong in an instruction: the byte of its logical line, and what.
pub(super) type InstructionError = (usize, String);
