//! Repositories of every kind, baked for real. What the git edge makes of them is tested there.

use crate::common::dkr::outcome;
use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;

/// The image is at HEAD with a clean worktree, and the repository is as it was.
#[track_caller]
fn bakes<'a>(lab: &'a Lab, repo: &Repo) -> Image<'a> {
    let before = repo.snapshot();
    let image = lab.create(repo, &["HEAD"]);
    assert_eq!(image.label("commit"), repo.head());
    assert_eq!(
        image.sh("git rev-parse HEAD; git status --porcelain"),
        repo.head()
    );
    before.assert_same(repo);
    image
}

#[test]
fn a_linked_worktree() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let linked = repo.worktree("linked");
    linked.commit("In the linked worktree", &[("b", "2")]);
    let image = bakes(&lab, &linked);
    assert_eq!(image.label("branch"), "linked");
    assert_eq!(image.label("repo_path"), repo.path.to_str().unwrap());
}

#[test]
fn a_bare_repository_updated_and_started() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let bare = repo.clone_with(&["--bare"]);
    bakes(&lab, &bare);
    repo.remote("bare", &bare).commit("More", &[("b", "2")]);
    repo.git(["push", "--quiet", "bare", "main"]);
    assert_eq!(lab.update(&bare, &[]).sh("git rev-parse HEAD"), repo.head());
    lab.start_work(&bare, "git push --quiet host").ok();
    assert_eq!(lab.pushed_work(&bare), repo.head());
}

#[test]
fn a_submodule_s_worktree() {
    let Some(lab) = Lab::new() else { return };
    let inner = lab.repo().submodule("libs/inner", &lab.repo());
    assert_eq!(
        bakes(&lab, &inner).label("repo_path"),
        inner.path.to_str().unwrap()
    );
}

#[test]
fn a_shallow_clone() {
    let Some(lab) = Lab::new() else { return };
    let full = lab.repo();
    full.commits(3);
    let shallow = full.clone_with(&["--depth=2"]);
    let image = bakes(&lab, &shallow);
    assert_eq!(image.sh("git rev-list --count HEAD"), "2");
    shallow.commit("More", &[]);
    assert_eq!(
        lab.update(&shallow, &[]).sh("git rev-parse HEAD"),
        shallow.head()
    );
    let said = lab.start(&shallow, &["--name=work"], "git log --oneline | wc -l");
    assert_eq!(said.ok().stdout, "3\n");
}

#[test]
fn sha256() {
    let Some(lab) = Lab::new() else { return };
    let repo = Repo::init(&lab, &crate::common::unique(), &["--object-format=sha256"]);
    repo.commit("Begin", &[("a", "1")]);
    let image = bakes(&lab, &repo);
    assert_eq!(image.label("commit").len(), 64);
    repo.commit("More", &[("b", "2")]);
    assert_eq!(lab.update(&repo, &[]).sh("git rev-parse HEAD"), repo.head());
}

#[test]
fn a_partial_clone_is_whole_in_the_image() {
    let Some(lab) = Lab::new() else { return };
    let full = lab.repo();
    full.commit("Later", &[("a", "2\n")]);
    full.git(["config", "uploadpack.allowFilter", "true"]);
    full.git(["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let partial = full.clone_with(&["--filter=blob:none"]);
    let image = bakes(&lab, &partial);
    // A file's former content, which the partial clone did not have.
    assert_eq!(image.sh("git show HEAD~1:a"), "1");
}

#[test]
fn a_dirty_worktree_bakes_what_is_committed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.write("a", "changed\n");
    repo.write("untracked", "new\n");
    repo.write("staged", "new\n");
    repo.git(["add", "staged"]);
    assert_eq!(bakes(&lab, &repo).sh("cat a; ls"), "1\na");
}

#[test]
fn the_middle_of_a_rebase() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    bakes(&lab, repo.rebasing());
}

#[test]
fn a_reftable_repository_is_baked_updated_and_pushed_to() {
    let Some(lab) = Lab::new() else { return };
    let path = lab.path(&crate::common::unique());
    let mut command = lab.command("git");
    command
        .args(["init", "--quiet", "--ref-format=reftable"])
        .arg(&path);
    if !command.output().unwrap().status.success() {
        eprintln!("skipped: git is older than 2.45, which brought reftable");
        return;
    }
    let repo = Repo::at(&lab, path);
    repo.commit("Begin", &[("a", "1")]);
    bakes(&lab, &repo);
    repo.commit("More", &[("b", "2")]);
    assert_eq!(lab.update(&repo, &[]).sh("git rev-parse HEAD"), repo.head());
    lab.start_work(&repo, "git push --quiet host").ok();
    assert_eq!(lab.pushed_work(&repo), repo.head());
}

/// As the default of REPO, `.` is where git was told to look.
#[test]
fn a_git_directory_that_is_named() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let other = lab.repo();
    lab.create(&other, &[]);
    let tag = lab.create(&repo, &[]).tag;
    let bare = repo.clone_with(&["--bare"]);
    let apart = lab.path("apart");
    let dkr = |git_dir: &std::path::Path, args: &[&str]| {
        let mut command = lab.dkr_command(&other.path, args);
        outcome(command.env("GIT_DIR", git_dir)).ok()
    };
    let listed = dkr(&repo.path.join(".git"), &["ls", "."]).stdout;
    assert!(
        listed.contains(&tag) && listed.lines().count() == 2,
        "{listed}"
    );
    // Neither has a worktree: they are known by their own paths, wherever one stands.
    std::fs::rename(repo.path.join(".git"), &apart).unwrap();
    for git_dir in [&bare.path, &apart] {
        let made = dkr(git_dir, &["create-image", "."]);
        let image = lab.image(&made);
        assert_eq!(image.label("repo_path"), git_dir.to_str().unwrap());
        assert_eq!(image.sh("git rev-parse HEAD"), bare.head());
        let listed = dkr(git_dir, &["ls", "."]).stdout;
        assert!(
            listed.contains(&image.tag) && listed.contains("fresh"),
            "{listed}"
        );
    }
}

/// Neither a repository that the base image binds git to, nor hooks that it has for all of them.
#[test]
fn what_the_base_image_tells_git_is_not_meant_for_the_clone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf(
        "[pre_clone]\n\
         RUN mkdir /hooks && for hook in post-checkout reference-transaction; do printf '#!/bin/sh\\nexit 1\\n' >/hooks/$hook; done\n\
         RUN chmod 755 /hooks/* && git config --system core.hooksPath /hooks\n\
         ENV GIT_DIR=/nowhere GIT_WORK_TREE=/nowhere\n",
    );
    lab.create(&repo, &[]);
    let script =
        "unset GIT_DIR GIT_WORK_TREE; cd /workspace; git rev-parse HEAD; git status --porcelain";
    let tip = repo.commit("More", &[("b", "1")]);
    assert_eq!(lab.update(&repo, &[]).sh(script), tip);
    // The command is not bound to it, either; the hooks are its own affair.
    let start = |options: &[&str]| {
        let script = "git rev-parse HEAD; git status --porcelain";
        lab.start(&repo, options, script).ok().stdout
    };
    assert_eq!(start(&[]), tip + "\n");
    let tip = repo.commit("News", &[("c", "1")]);
    assert_eq!(start(&[]), tip + "\n");
    let tip = repo.branch("topic", "main").commit("Topic", &[("d", "1")]);
    assert_eq!(start(&["topic"]), tip.clone() + "\n");
    assert_eq!(lab.create(&repo, &["topic"]).sh(script), tip);
}
