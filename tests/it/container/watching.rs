//! `git dkr list-containers --watch`, at a real terminal.

use expectrl::ControlCode;

use super::lab::{container, info, save, save_info, without_engine};
use crate::common::Sandbox;
use crate::common::dkr::terminal;
use crate::common::engine::Lab;
use crate::common::unique;

/// What ends a program's use of the whole terminal.
const LEAVES: &str = "\x1b[?1049l";

#[test]
fn the_table_follows_what_there_is() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let (running, old) = (unique(), unique());
    let mut terminal = lab.dkr_terminal(&repo.path, &["list-containers", "--watch"]);
    // Of what is drawn over blanks, the words come one by one.
    terminal.shows("start-image");
    container(&lab, &repo, &running, &["sleep", "1000"]);
    terminal.shows(&running).shows("running");
    lab.docker(&["kill", &running]);
    terminal.shows("137");
    save_info(&repo, &old, info(&repo, &old));
    terminal.shows(&old);
    terminal.presses_text("q").shows(LEAVES);
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn without_an_engine_what_is_saved_is_shown() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    save_info(&repo, "box", info(&repo, "box"));
    save(&repo, "odd", "info", &repo.head());
    let mut command = sandbox.dkr_command(&repo.path, ["ps", "--watch"]);
    command.env("PATH", sandbox.bin());
    let mut terminal = terminal(command);
    terminal.shows("box").shows("warning");
    terminal.presses(ControlCode::EndOfText).shows(LEAVES);
    assert_eq!(terminal.ends(), 0);
    without_engine(&sandbox, &repo, &["ps", "--watch"])
        .fails()
        .says("--watch needs a terminal");
    let mut terminal = sandbox.dkr_terminal(&repo.path, &["-v", "ps", "--watch"]);
    terminal.shows("--watch has no place for what --verbose shows");
    assert_eq!(terminal.ends(), 1);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let mut terminal = sandbox.dkr_terminal(&repo.path, &["ps", "--watch"]);
    terminal.shows("q ends").terminate().shows(LEAVES);
    assert_eq!(terminal.ends(), 143);
}
