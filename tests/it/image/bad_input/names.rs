//! Names that cannot be had.

use super::*;

#[test]
fn names_that_are_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for name in ["a..b", "a b", "-x", "HEAD", "", "x.lock", "a\nb"] {
        let option = format!("--name={name}");
        let said = refused(&lab, &repo, &["start-image", &option, "--", "true"]);
        assert!(said.contains("is not the name of a branch"), "{said}");
    }
    for name in ["-x", "a/b", "", "a.b", &"x".repeat(64), "$(id)"] {
        let option = format!("--hostname={name}");
        let said = refused(&lab, &repo, &["start-image", &option, "--", "true"]);
        assert!(said.contains("is not a host name"), "{said}");
    }
}

#[test]
fn names_that_are_taken() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    lab.start_work(&repo, "git push --quiet").ok();
    let said = |args: &[&str]| {
        let all = [&["start-image"], args, &["--", "true"]].concat();
        refused(&lab, &repo, &all).replace(&lab.host, "[HOST]")
    };
    insta::assert_snapshot!(said(&["--name=main"]), @r"
    error: cannot start an image
      caused by: the branch main exists already
    hint: choose another --name, or leave it out for a fresh one
    ");
    insta::assert_snapshot!(said(&["--name=main/x"]), @r"
    error: cannot start an image
      caused by: the branch main/x exists already
    hint: choose another --name, or leave it out for a fresh one
    ");
    // It was pushed by an earlier container of that name.
    insta::assert_snapshot!(said(&["--name=work", &host]), @r"
    error: cannot start an image
      caused by: the branch work exists already
    hint: choose another --name, or leave it out for a fresh one
    ");
    insta::assert_snapshot!(said(&["--hostname=main"]), @r"
    error: cannot start an image
      caused by: the repository has a branch main, so nothing can be pushed below main/
    hint: choose another --hostname, or leave it out for a fresh one
    ");
}

#[test]
fn a_name_below_a_pushed_one_could_never_be_pushed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.start_work(&repo, "git push --quiet").ok();
    let host = format!("--hostname={}", lab.host);
    let args = ["start-image", "--name=work/more", &host, "--", "true"];
    let said = refused(&lab, &repo, &args);
    assert!(said.contains("exists already"), "{said}");
}

#[test]
fn a_host_name_that_a_container_has_already() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    let args = ["start-image", &host, "--", "sh", "-c", "echo up; read end"];
    let first = lab.dkr_spawn(&repo.path, &args);
    first.prints("up");
    lab.start(&repo, &[&host], "true").fails().says(&lab.host);
    first.finish();
}
