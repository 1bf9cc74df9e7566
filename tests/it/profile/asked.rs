//! What is refused before any engine is asked.

use serde_json::json;

use crate::common::Sandbox;
use crate::profile::lab::{ask, told};

#[test]
fn a_request_that_makes_no_sense() {
    let sandbox = Sandbox::new();
    for (request, said) in [
        ("", "empty"),
        ("nonsense", "the request:1:1"),
        ("[]", "is a list, not an object"),
        ("{}", "`repo_dir` is missing; `profile_path` is missing"),
        (
            r#"{"repo_dir": ".", "profile_path": "p"} {}"#,
            "the request:1:40",
        ),
        (
            r#"{"repo_dir": ".", "profile_path": "p", "force": true}"#,
            "unknown key `force`",
        ),
        (
            r#"{"repo_dir": ".", "profile_path": 7}"#,
            "`profile_path` must be a string, and is a number",
        ),
        (
            r#"{"repo_dir": ".", "profile_path": "p", "force_rebuild": "no"}"#,
            "must be true or false",
        ),
        (
            r#"{"repo_dir": "nowhere", "profile_path": "p"}"#,
            "repo_dir nowhere is not a directory",
        ),
    ] {
        let outcome = ask(&sandbox, request, &[]).exits(1);
        let told = told(&outcome);
        assert!(told["error"].as_str().unwrap().contains(said), "{told}");
        assert!(
            told["hint"].is_string() && told["build_log_path"].is_null(),
            "{told}"
        );
    }
}

#[test]
fn a_profile_that_makes_no_sense() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    // Nothing is asked of it.
    sandbox.script("bin/docker", "exit 9");
    let path = sandbox.bin();
    for (profile, said) in [
        ("{", "profile.json:1:2"),
        ("[]", "not an object"),
        (
            r#"{"status": "unsupported", "install_cmds": ["x"]}"#,
            "`unsupported`",
        ),
        (r#"{"profile": {"env": {}}}"#, "`install_cmds` is missing"),
        (
            r#"{"install_cmds": [7]}"#,
            "`install_cmds[0]` must be a string",
        ),
    ] {
        let file = sandbox.file("profile.json", profile);
        let request = json!({ "repo_dir": repo.path, "profile_path": file }).to_string();
        let outcome = ask(&sandbox, &request, &[("PATH", path.to_str().unwrap())]).exits(1);
        let told = told(&outcome);
        assert!(told["error"].as_str().unwrap().contains(said), "{told}");
    }
    assert!(!repo.path.join(".pf_manifest").exists());
}

#[test]
fn a_git_directory_and_a_profile_that_is_not_there() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let inside = json!({ "repo_dir": repo.path.join(".git"), "profile_path": "p" }).to_string();
    let gone = json!({ "repo_dir": repo.path, "profile_path": "gone.json" }).to_string();
    for (request, said) in [
        (inside, "is in a git directory"),
        (gone, "cannot read profile_path gone.json"),
    ] {
        let outcome = ask(&sandbox, &request, &[]).exits(1);
        assert!(
            told(&outcome)["error"].as_str().unwrap().contains(said),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn waiting_for_a_request_can_be_given_up() {
    let sandbox = Sandbox::new();
    let command = sandbox.dkr_command(sandbox.root(), ["build-profile"]);
    let running = crate::common::dkr::spawn(command);
    // Its standard input stays open. A signal before it listens would end it otherwise.
    std::thread::sleep(std::time::Duration::from_millis(500));
    running.signal(rustix::process::Signal::INT);
    let outcome = running.ends().exits(130);
    assert_eq!(told(&outcome)["error"], "interrupted");
}
