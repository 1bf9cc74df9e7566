//! `git dkr doctor`

use serde_json::Value;

use crate::common::dkr::outcome;
use crate::common::engine::Lab;
use crate::common::{Sandbox, run};

#[test]
fn all_is_well_where_the_engine_works() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let shown = lab.dkr(&repo.path, ["doctor"]).ok().stdout;
    assert!(
        shown.lines().all(|line| line.starts_with("ok  ")),
        "{shown}"
    );
    let json = lab.dkr(&repo.path, ["doctor", "--format=json"]).ok().stdout;
    let checks: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(checks.len(), shown.lines().count());
    for check in &checks {
        assert_eq!(check["ok"], true, "{check}");
        assert!(!check["found"].as_str().unwrap().is_empty(), "{check}");
    }
    assert_eq!(lab.leftovers(), [""; 0]);
}

/// A container of an image that is there goes the way, and what is wrong on it is known before it matters.
#[test]
fn the_way_from_a_container_is_tried() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let shown = lab.dkr(&repo.path, ["doctor"]).ok().stdout;
    assert!(shown.contains("not tried: there is no image"), "{shown}");

    let image = lab.create(&repo, &[]);
    let before = repo.snapshot();
    let shown = lab.dkr(&repo.path, ["doctor"]).ok().stdout;
    let expected = format!(
        "ok  container      one of {} can fetch and push (network bridge)\n",
        image.tag
    );
    assert!(shown.contains(&expected), "{shown}");
    before.assert_same(&repo);

    repo.git(["config", "uploadpack.hideRefs", "refs/heads/main"]);
    let shown = lab.dkr(&repo.path, ["doctor"]).exits(1).stdout;
    assert!(shown.contains("no  container"), "{shown}");
    assert!(
        shown.contains("refs/heads/main is not shown there"),
        "{shown}"
    );

    assert_eq!(lab.containers(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn outside_of_a_repository_is_no_fault_of_the_machine() {
    let Some(lab) = Lab::new() else { return };
    let shown = lab.dkr(lab.root(), ["doctor"]).ok().stdout;
    assert!(shown.contains("no  repository"), "{shown}");
}

#[test]
fn each_check_that_fails_says_what_to_do() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let doctor = |args: &[&str]| {
        let mut command = sandbox.dkr_command(&repo.path, args);
        outcome(command.env("PATH", sandbox.bin())).exits(1).stdout
    };
    let shown = doctor(&["doctor"]);
    assert!(shown.contains("ok  git "), "{shown}");
    assert!(shown.contains("no  engine "), "{shown}");
    assert!(shown.contains("hint: install Docker"), "{shown}");

    let checks: Vec<Value> = serde_json::from_str(&doctor(&["doctor", "--format=json"])).unwrap();
    for check in checks.iter().filter(|check| check["ok"] == false) {
        assert!(check["hint"].is_string(), "{check}");
    }
    assert!(checks.iter().any(|check| check["ok"] == false));
}

/// As in a service or a cron job: what a login would set.
#[test]
fn without_a_home_in_the_environment() {
    let Some(lab) = Lab::new() else { return };
    let id = run(std::process::Command::new("id").arg("-u"));
    let mut getent = std::process::Command::new("getent");
    let entry = getent.args(["passwd", id.trim()]).output().unwrap();
    let entry = String::from_utf8(entry.stdout).unwrap();
    let mut command = lab.dkr_command(lab.root(), ["doctor"]);
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    let Some(home) = entry.split(':').nth(5) else {
        let shown = outcome(&mut command).exits(1).stdout;
        assert!(
            shown.contains("HOME is not set, and this user has no home"),
            "{shown}"
        );
        return;
    };
    let shown = outcome(&mut command).ok().stdout;
    let cache = format!("ok  cache          {home}/.cache/git-dkr\n");
    assert!(shown.contains(&cache), "{shown}");
}

#[test]
fn without_git_too() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("nothing")).unwrap();
    let mut command = sandbox.dkr_command(sandbox.root(), ["doctor"]);
    let outcome = outcome(command.env("PATH", sandbox.path("nothing"))).exits(1);
    assert!(outcome.stdout.contains("no  git "), "{}", outcome.stdout);
    outcome.never_says("panicked");
}
