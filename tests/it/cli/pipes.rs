//! Where results go, and readers that go away.

use std::process::Stdio;

use crate::common::Sandbox;

#[test]
fn a_reader_that_hangs_up_is_nobody_s_fault() {
    let sandbox = Sandbox::new();
    for args in [&["completions", "bash"][..], &["man"], &["--help"]] {
        let mut command = sandbox.dkr_command(sandbox.root(), args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As `| head -0` does.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn a_full_disk_under_the_result_is_an_error() {
    let sandbox = Sandbox::new();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = sandbox.dkr_command(sandbox.root(), ["completions", "bash"]);
    let output = command.stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
}

#[test]
fn colour_is_for_terminals() {
    let sandbox = Sandbox::new();
    let args = ["create-image"];
    let plain = sandbox.dkr(sandbox.root(), args).exits(1).stderr;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let mut terminal = sandbox.dkr_terminal(sandbox.root(), &args);
    terminal.shows("\u{1b}[").shows("error:");
    terminal.ends();
}

#[test]
fn no_color_is_honoured() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.dkr_command(sandbox.root(), ["create-image"]);
    command.env("NO_COLOR", "1");
    let shown = crate::common::dkr::terminal(command).shows_in_all();
    assert!(
        shown.contains("error:") && !shown.contains('\u{1b}'),
        "{shown:?}"
    );
}
