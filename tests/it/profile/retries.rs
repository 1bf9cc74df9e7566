//! A second try, where the log says what may help.

use serde_json::json;

use crate::profile::lab::{Lab, ask, manifest, record, told};

#[test]
fn headers_that_are_missing_come_with_the_builder_packages() {
    let Some(lab) = Lab::with_compilers() else {
        return;
    };
    let repo = lab.repo();
    repo.commit("Extension", &[("ext.c", "#include <Python.h>\nint x;\n")]);
    lab.profile(json!({ "install_cmds": ["gcc $(python3-config --includes 2>/dev/null) -c ext.c -o /ext.o"], "python_version_target": "3.10" }));
    assert_eq!(lab.build(&repo, false)["reused_cache"], false);
    let found = manifest(&repo);
    assert_eq!(found["variant"], "builder");
    assert_eq!(found["tried"], json!(["default", "builder"]));
    assert!(record(&repo, "Dockerfile").contains("python3-dev libffi-dev"));
    let log = record(&repo, "build.log");
    assert!(log.contains("Python.h: No such file") && log.contains("variant builder"));
    // What is reused tells the same.
    lab.build(&repo, false);
    assert_eq!(manifest(&repo)["variant"], "builder");
    assert!(record(&repo, "Dockerfile").contains("python3-dev libffi-dev"));
}

#[test]
fn a_release_that_is_gone_is_looked_for_in_the_archive() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let sources = "deb http://deb.debian.org/debian no-such-release main";
    lab.file(
        "gone/Dockerfile",
        format!("FROM debian:bookworm-slim\nRUN rm -rf /etc/apt/sources.list.d/* && echo '{sources}' > /etc/apt/sources.list\n"),
    );
    let base = format!("python:3.99.{}-slim", std::process::id() % 900);
    let directory = lab.path("gone");
    lab.docker(&[
        "build",
        "--quiet",
        "--tag",
        &base,
        directory.to_str().unwrap(),
    ]);
    let target = base.trim_start_matches("python:").trim_end_matches("-slim");
    lab.profile(json!({ "install_cmds": ["true"], "python_version_target": target }));
    // It is not there either, and so both logs are told.
    let outcome = ask(&lab, &lab.request(&repo, false), &[]);
    lab.docker(&["rmi", &base]);
    told(&outcome.exits(1));
    assert_eq!(manifest(&repo)["tried"], json!(["default", "archive"]));
    let log = record(&repo, "build.log");
    assert!(
        log.contains("variant archive")
            && log.contains("archive.debian.org/debian no-such-release"),
        "{log}"
    );
    assert!(!record(&repo, "Dockerfile").contains("Unauthenticated"));
}
