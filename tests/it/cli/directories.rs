//! The user's directories: where they are, and what is said when they cannot be used.

use std::path::Path;

use serde_json::Value;

use crate::common::Sandbox;
use crate::common::dkr::{Outcome, outcome};

/// As much of an engine as it takes to come as far as our own directories.
const DOCKER: &str =
    "case $1 in --version) echo 'Docker version 20.10.24, build 1' ;; image) echo '[]' ;; esac";

fn dkr(sandbox: &Sandbox, directory: &Path, args: &[&str], cache: &str) -> Outcome {
    sandbox.script("bin/docker", DOCKER);
    let mut command = sandbox.dkr_command(directory, args);
    let env = [("PATH", sandbox.bin()), ("XDG_CACHE_HOME", cache.into())];
    outcome(command.envs(env))
}

fn cache_check(sandbox: &Sandbox, cache: &str) -> Value {
    let shown = dkr(sandbox, sandbox.root(), &["doctor", "--format=json"], cache).stdout;
    let mut checks: Vec<Value> = serde_json::from_str(&shown).unwrap();
    checks.retain(|check| check["name"] == "cache");
    checks.pop().unwrap()
}

#[test]
fn a_cache_directory_that_cannot_be_used_says_what_to_do() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    // Root may write to any directory, but to none that is a file, or of the kernel.
    let file = sandbox.file("file", "");
    for cache in [file.to_str().unwrap(), "/proc/nothing"] {
        dkr(&sandbox, &repo.path, &["create-image"], cache)
            .fails()
            .says("the cache directory cannot be used")
            .says(cache)
            .says("XDG_CACHE_HOME");
        let check = cache_check(&sandbox, cache);
        assert_eq!(check["ok"], false, "{check}");
        let hint = check["hint"].as_str().unwrap();
        assert!(hint.contains("XDG_CACHE_HOME"), "{hint}");
    }
}

#[test]
fn doctor_makes_no_cache_directory() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("not/there");
    let check = cache_check(&sandbox, cache.to_str().unwrap());
    assert_eq!(check["ok"], true, "{check}");
    assert_eq!(check["found"], cache.join("git-dkr").to_str().unwrap());
    assert!(!sandbox.path("not").exists());
}

#[test]
fn a_relative_directory_is_ignored_as_the_standard_says() {
    let sandbox = Sandbox::new();
    let home = sandbox.path("home/.cache/git-dkr");
    let found = &cache_check(&sandbox, "relative")["found"];
    assert_eq!(found, home.to_str().unwrap());
}
