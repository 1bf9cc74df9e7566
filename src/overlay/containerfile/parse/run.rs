//! `RUN`, in its forms.

use super::super::RunCommand;
use super::instruction_error::InstructionError;
use crate::grammar::Heredoc;

/// Reads what stands behind `RUN`; the command, and the options that do not count here.
pub(super) fn run(
    rest: &str,
    heredocs: &[Heredoc],
) -> Result<(RunCommand, Vec<&'static str>), InstructionError> {
    let (command, ignored) = options(rest)?;
    let trimmed = command.trim();
    let at = rest.len() - command.trim_start().len();
    if trimmed.is_empty() {
        return Err((at, "RUN takes a command".to_owned()));
    }
    if let Some(words) = exec(trimmed, at)? {
        return Ok((RunCommand::Exec(words), ignored));
    }
    if trimmed.contains('\0') {
        return Err((at, "a command cannot hold a NUL".to_owned()));
    }
    let only = trimmed.starts_with("<<") && !trimmed.contains(char::is_whitespace);
    let run = match heredocs {
        [one] if only => script(one),
        _ => {
            let mut text = trimmed.to_owned();
            for heredoc in heredocs {
                text.push('\n');
                text.push_str(&lines(&heredoc.text));
                text.push_str(&heredoc.end);
            }
            RunCommand::Shell(text)
        }
    };
    Ok((run, ignored))
}

/// A here-document alone is a program, or lines for the shell.
fn script(heredoc: &Heredoc) -> RunCommand {
    let mut text = lines(&heredoc.text);
    if heredoc.chomp {
        let line = |line: &str| line.trim_start_matches('\t').to_owned();
        text = text.split_inclusive('\n').map(line).collect();
    }
    if text.starts_with("#!") {
        RunCommand::Script(text)
    } else {
        RunCommand::Shell(text)
    }
}

/// A file with line ends of Windows has none for the shell.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Takes options off. What cannot be done without is an error; what is only faster with it is not.
fn options(rest: &str) -> Result<(&str, Vec<&'static str>), InstructionError> {
    let mut left = rest;
    let mut ignored = Vec::new();
    loop {
        let trimmed = left.trim_start();
        if !trimmed.starts_with("--") {
            return Ok((left, ignored));
        }
        let at = rest.len() - trimmed.len();
        let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
        let (option, after) = trimmed.split_at(end);
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "--mount" if value.split(',').any(|part| part == "type=cache") => {
                ignored.push("--mount=type=cache");
            }
            "--network" => ignored.push("--network"),
            "--security" => ignored.push("--security"),
            _ => {
                let message = format!("`{option}` needs a container engine; a step runs here");
                return Err((at, message));
            }
        }
        left = after;
    }
}

/// `["program", "argument"]`. A `[` may as well be the command of that name.
fn exec(text: &str, at: usize) -> Result<Option<Vec<String>>, InstructionError> {
    if !text.starts_with('[') {
        return Ok(None);
    }
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) if words.first().is_none_or(String::is_empty) => {
            Err((at, "this names no program".to_owned()))
        }
        Ok(words) if words.iter().any(|word| word.contains('\0')) => {
            Err((at, "an argument cannot hold a NUL".to_owned()))
        }
        Ok(words) => Ok(Some(words)),
        Err(_)
            if ["['", "[\""].iter().any(|open| text.starts_with(open)) && text.ends_with(']') =>
        {
            Err((
                at,
                "arguments in brackets are quoted by \", as in JSON".to_owned(),
            ))
        }
        Err(_) => Ok(None),
    }
}
