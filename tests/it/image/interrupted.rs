//! Ctrl-C and `kill` in the middle of a build: it stops, and leaves nothing behind.

use rustix::process::Signal;

use crate::common::engine::{Gate, Lab};
use crate::common::wait_until;

/// Sends the signal while a step of `[post_clone]` runs.
#[track_caller]
fn stops(signal: Signal, code: i32) {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let before = repo.snapshot();
    let running = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    running.signal(signal);
    running.finish().exits(code).says("interrupted");
    // The engine has stopped too.
    step.wait_for_end();
    assert_eq!(lab.leftovers(), [""; 0]);
    assert_eq!(lab.images(), [""; 0]);
    assert_eq!(lab.containers(), [""; 0]);
    before.assert_same(&repo);
}

#[test]
fn sigint() {
    stops(Signal::INT, 130);
}

#[test]
fn sigterm() {
    stops(Signal::TERM, 143);
}

#[test]
fn sighup() {
    stops(Signal::HUP, 129);
}

/// Docker's plugin for builds does not listen to SIGINT in its first moments.
#[test]
fn before_the_engine_has_begun() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    let before = repo.snapshot();
    for command in ["update-image", "create-image"] {
        let running = lab.dkr_spawn(&repo.path, &[command]);
        running.says("   build    ");
        running.signal(Signal::INT);
        let outcome = running.finish().exits(130);
        outcome.says("interrupted; nothing was left behind");
        assert_eq!(lab.tagged(&base.tag).id(), base.id());
        assert_eq!(lab.images(), [base.id()]);
    }
    before.assert_same(&repo);
}

#[test]
fn ctrl_c_at_a_terminal() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let mut terminal = lab.dkr_terminal(&repo.path, &["create-image"]);
    let step = gate.reached();
    terminal
        .presses(expectrl::ControlCode::EndOfText)
        .shows("interrupted");
    assert_eq!(terminal.ends(), 130);
    step.wait_for_end();
    assert_eq!(lab.leftovers(), [""; 0]);
    assert_eq!(lab.images(), [""; 0]);
}

#[test]
fn an_update_leaves_the_image_as_it_was() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    let base = lab.create(&repo, &[]);
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let running = lab.dkr_spawn(&repo.path, &["update-image"]);
    let step = gate.reached();
    running.signal(Signal::INT);
    running.finish().exits(130);
    step.wait_for_end();
    assert_eq!(lab.tagged(&base.tag).id(), base.id());
    assert_eq!(lab.images(), [base.id()]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn waiting_for_another_build_can_be_given_up() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let first = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    let second = lab.dkr_spawn(&repo.path, &["create-image"]);
    second.says("waiting");
    second.signal(Signal::TERM);
    second.finish().exits(143);
    step.open();
    first.finish().ok();
}

#[test]
fn the_next_run_cleans_up_after_one_that_was_killed() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let running = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    running.signal(Signal::KILL);
    assert_eq!(running.finish().code, None);
    // Podman has directories of its own there.
    let ours = || {
        let mut names = lab.leftovers();
        names.retain(|name| name.starts_with("git-dkr-"));
        names
    };
    assert_eq!(ours().len(), 1);
    // Nobody told the engine, and so the step goes on; this lets it fail.
    drop(step);
    repo.conf("");
    lab.create(&repo, &[]);
    wait_until("the directory is gone", || ours().is_empty());
}
