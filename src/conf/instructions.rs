//! What may stand in the sections of raw Dockerfile lines.

use crate::grammar::{other_escape, split};
use crate::suggest::nearest;

const KNOWN: [&str; 16] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// What is wrong with raw lines that are to stand inside our Dockerfile: line and message.
pub(super) fn check(text: &str) -> Vec<(usize, String)> {
    if let Some(directive) = other_escape(text) {
        let message = "only a backslash continues a line here: take this directive out";
        return vec![(directive.line, message.to_owned())];
    }
    let mut problems = Vec::new();
    for instruction in split(text) {
        let name = instruction.keyword.as_str();
        let message = match name {
            "" => continue,
            "FROM" => Some("FROM would start another image; set base_image instead".to_owned()),
            "ENTRYPOINT" => {
                Some("ENTRYPOINT is git dkr's own; give start-image a command instead".to_owned())
            }
            _ if KNOWN.contains(&name) => instruction
                .unfinished
                .map(|reason| format!("this {name} {reason}")),
            _ => Some(match nearest(name, &KNOWN) {
                Some(near) => format!("`{name}` is not an instruction; did you mean {near}?"),
                None => format!("`{name}` is not an instruction of a Dockerfile"),
            }),
        };
        problems.extend(message.map(|message| (instruction.line, message)));
    }
    problems
}
