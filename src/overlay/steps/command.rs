//! `RUN`: starts a command where it is to run, shows what it says, and tells how it failed.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use super::super::containerfile::RunCommand;
use super::super::inside::inside;
use super::state::{HIDDEN, StepState, machine};
use crate::conf;
use crate::error::Failure;
use crate::proc::Cmd;
use crate::ui::{self, Printer};

/// How many of its last lines a failed command is shown with, and how much of each.
const LAST_LINES: usize = 20;
const SHOWN: usize = 300;
/// Where many tools look for a time that does not depend on when they run.
pub(super) const SOURCE_DATE: &str = "SOURCE_DATE_EPOCH";
/// The first second of 1980, before which a zip file knows no time.
const SOURCE_DATE_DEFAULT: &str = "315532800";
/// What the steps find set where nobody says otherwise.
const DEFAULTS: [(&str, &str); 3] = [
    (SOURCE_DATE, SOURCE_DATE_DEFAULT),
    // A distribution's Python refuses `pip install` without them (PEP 668): here the whole machine is
    // the environment, and nobody else's.
    ("PIP_BREAK_SYSTEM_PACKAGES", "1"),
    ("UV_BREAK_SYSTEM_PACKAGES", "1"),
];
/// Goes to a directory before a program starts, in another root.
const IN_DIRECTORY: &str = r#"cd "$1" && shift && exec "$@""#;

/// Runs it in this root; fails unless it succeeds.
pub(super) fn run(
    run: &RunCommand,
    root: &Path,
    state: &StepState,
    printer: Printer,
) -> Result<()> {
    // Removed when we are done with it.
    let script;
    let words = match run {
        RunCommand::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        RunCommand::Exec(words) => words.clone(),
        RunCommand::Script(text) => {
            script = write_script(root, text).context("cannot write the script of this step")?;
            let name = script.file_name().unwrap_or_default();
            vec![format!("/tmp/{}", name.to_string_lossy())]
        }
    };
    let mut cmd = in_root(root, &state.workdir, &words);
    for name in HIDDEN {
        cmd = cmd.env_remove(name);
    }
    if let Some(path) = machine("PATH") {
        cmd = cmd.masked_env("PATH", path);
    }
    for (name, value) in DEFAULTS {
        if conf::variable(name).is_none() {
            cmd = cmd.env(name, value);
        }
    }
    let values = state.environment.values(&machine);
    for (name, value) in values.map_err(Failure::new)? {
        cmd = cmd.masked_env(&name, value);
    }
    let mut last = VecDeque::with_capacity(LAST_LINES);
    let status = cmd.lines_of_all(|line| {
        // Some tools end each line by both of its ends.
        if line.trim().is_empty() {
            return;
        }
        if !printer.quiet() {
            printer.quoted(line);
        }
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(ui::shortened(line, SHOWN));
    })?;
    if status.success() {
        return Ok(());
    }
    let last: Vec<String> = last.into();
    Err(Failure::new(failure(status, &last))
        .hint("fix it and build again; what the steps have done stays, and the next build includes it")
        .into())
}

/// A command whose program and directory are those of another root; needs `chroot` for that.
fn in_root(root: &Path, directory: &Path, words: &[String]) -> Cmd {
    if root == Path::new("/") {
        let (program, args) = words
            .split_first()
            .map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        Cmd::new(program).args(args).directory(directory)
    } else {
        Cmd::new("chroot")
            .arg(root)
            .args(["/bin/sh", "-c", IN_DIRECTORY, "sh"])
            .arg(directory)
            .args(words)
    }
}

/// A program in the root's directory for temporary files.
fn write_script(root: &Path, text: &str) -> Result<tempfile::TempPath> {
    use std::io::Write;
    let directory = inside(root, Path::new("/tmp"))?;
    std::fs::create_dir_all(&directory)?;
    let mut file = NamedTempFile::with_prefix_in("git-dkr-step-", directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(PermissionsExt::from_mode(0o700))?;
    // A file that is open for writing cannot be run.
    Ok(file.into_temp_path())
}

/// How it ended, and what it said at the end.
fn failure(status: ExitStatus, last: &[String]) -> String {
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("ended by signal {}", signal.unwrap_or(0)),
    };
    if last.is_empty() {
        return format!("{ended}, without any output");
    }
    format!("{ended}; the end of its output:\n{}", last.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_another_root_goes_to_its_directory_there() {
        let words = ["/bin/sh", "-c", "make x"].map(str::to_owned);
        let cmd = |root: &str| in_root(Path::new(root), Path::new("/srv/a b"), &words).to_string();
        assert_eq!(cmd("/"), "cd '/srv/a b' && /bin/sh -c 'make x'");
        insta::assert_snapshot!(cmd("/mnt"), @r##"chroot /mnt /bin/sh -c 'cd "$1" && shift && exec "$@"' sh '/srv/a b' /bin/sh -c 'make x'"##);
    }
}
