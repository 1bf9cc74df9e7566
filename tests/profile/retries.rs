//! A second try, where the log says what may help.

use serde_json::json;

use crate::lab::{Lab, manifest, record};

#[test]
fn headers_that_are_missing_come_with_the_builder_packages() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Extension", &[("ext.c", "#include <Python.h>\nint x;\n")]);
    lab.profile(json!({ "install_cmds": ["gcc -I/usr/include/python3.11 -c ext.c -o /ext.o"] }));
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
