//! The name of a container as people type it.

use super::lab::{clone, container, info, push, save_info, without_engine};
use crate::common::Sandbox;
use crate::common::engine::Lab;
use crate::common::unique;

#[test]
fn a_beginning_will_do_and_others_are_suggested() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let work = clone(&repo);
    for name in ["shop-1a2b", "shop-1a9f", "fix"] {
        push(&repo, &work, "HEAD", name, "heads/work");
        save_info(&repo, name, info(&repo, name));
    }
    let log = |name: &str| without_engine(&sandbox, &repo, &["log", name, "--format=%s"]);
    assert_eq!(log("f").ok().stdout, "Add b\n");
    // Where the engine does not answer, the container may be there after all.
    let failed = log("shop-1");
    failed.exits(1).says("there is no docker on the PATH");
}

#[test]
fn none_two_and_another_repository_s() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    let name = unique();
    let (one, two) = (format!("{name}-1a"), format!("{name}-2b"));
    container(&lab, &repo, &one, &["sleep", "1000"]);
    container(&lab, &repo, &two, &["sleep", "1000"]);
    let exec = |repo: &crate::common::repo::Repo, name: &str| {
        lab.dkr(&repo.path, ["exec", name, "--", "true"])
    };
    exec(&repo, &two[..two.len() - 1]).ok();
    exec(&repo, &name).fails().says(&format!(
        "{name} is the beginning of 2 names: {one} and {two}"
    ));
    exec(&repo, &format!("{one}x"))
        .fails()
        .says(&format!("hint: did you mean {one}?"));
    exec(&repo, "").fails().says("is called \"\"");
    exec(&other, &one).fails().says(&format!(
        "the container {one} is of another repository, {}",
        repo.path.display()
    ));
    // Outside of any repository all are meant.
    lab.dkr(lab.root(), ["exec", &one, "--", "true"]).ok();
    lab.dkr(&repo.path, ["exec", &one]).exits(2);
}
