//! Repositories, branches and images that are not there.

use super::*;
use crate::common::unique;

#[test]
fn not_a_repository() {
    let Some(lab) = Lab::new() else { return };
    let directory = lab.path("home");
    insta::assert_snapshot!(refused_at(&lab, &directory, &["create-image"]), @r"
    error: cannot create an image of HEAD
      caused by: . is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
    insta::assert_snapshot!(refused_at(&lab, &directory, &["update-image", "/", "main"]), @r"
    error: cannot update the image of main
      caused by: / is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
    insta::assert_snapshot!(refused_at(&lab, &directory, &["start-image", "main"]), @r"
    error: cannot start an image
      caused by: . is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
}

/// Labels of images are text.
#[test]
fn a_path_that_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let Some(lab) = Lab::new() else { return };
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let repo = lab.repo();
    let path = lab.root().join(name);
    std::fs::rename(&repo.path, &path).unwrap();
    for args in [
        &["create-image"][..],
        &["update-image", "main"],
        &["start-image", "--", "true"],
        &["list-images", "."],
        &["check"],
        &["hooks", "install"],
    ] {
        let said = refused_at(&lab, &path, args);
        assert!(said.contains("is not UTF-8\nhint: "), "{said}");
    }
    assert!(!path.join(".git/dkr").exists());
}

#[test]
fn a_path_that_does_not_exist() {
    let Some(lab) = Lab::new() else { return };
    let said = refused_at(&lab, lab.root(), &["create-image", "no/such", "main"]);
    assert!(said.contains("caused by: no/such does not exist"), "{said}");
}

#[test]
fn a_path_that_is_no_repository_alone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    // Not taken for a branch without a word on it.
    std::fs::create_dir(lab.path("plain")).unwrap();
    let path = lab.path("plain").display().to_string();
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", &path]), @r"
    error: cannot create an image of HEAD
      caused by: [ROOT]/plain is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
}

#[test]
fn no_such_branch_or_remote() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.branch("feature/login", "main")
        .remote("origin", &other);
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", "feature/logn"]), @r"
    error: cannot create an image of feature/logn
      caused by: no branch, tag or commit is called feature/logn in [ROOT]/[REPO]
    hint: did you mean feature/login?
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", "nobody/main"]), @r"
    error: cannot create an image of nobody/main
      caused by: no branch, tag or commit is called nobody/main in [ROOT]/[REPO]
    hint: the remotes are: origin
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", "origin/nothing"]), @r"
    error: cannot create an image of origin/nothing
      caused by: origin has no branch nothing
    hint: git ls-remote --heads origin lists its branches
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["start-image", "nothing-like-it"]), @r"
    error: cannot start an image
      caused by: no branch, tag or commit is called nothing-like-it in [ROOT]/[REPO]
    hint: git branch -a lists the branches
    ");
}

#[test]
fn a_fetch_that_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("origin", &other);
    let refuses = lab.script("refuses", "echo 'access denied' >&2; exit 1");
    repo.git([
        "config",
        "remote.origin.uploadpack",
        refuses.to_str().unwrap(),
    ]);
    let said = refused(&lab, &repo, &["create-image", "origin/main"]);
    assert!(
        said.contains("cannot fetch main from origin: access denied"),
        "{said}"
    );
    assert!(
        said.contains("\nhint: check that `git fetch origin` works here"),
        "{said}"
    );
}

#[test]
fn a_password_in_a_remote_s_url_is_not_repeated() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let url = "https://me:ghp_secret@127.0.0.1:1/x.git";
    repo.git(["config", "remote.origin.url", url]);
    for verbose in [&[][..], &["-v"]] {
        let args = [verbose, &["create-image", "origin/main"]].concat();
        let said = refused(&lab, &repo, &args);
        assert!(said.contains("cannot fetch main from origin"), "{said}");
        assert!(!said.contains("ghp_secret"), "{said}");
    }
}

#[test]
fn an_empty_repository() {
    let Some(lab) = Lab::new() else { return };
    let repo = Repo::init(&lab, &unique(), &[]);
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image"]), @r"
    error: cannot create an image of HEAD
      caused by: main has no commit yet
    hint: make a first commit, or name another branch
    ");
    let said = refused(&lab, &repo, &["start-image", "."]);
    assert!(said.contains("hint: make a first commit"), "{said}");
}

#[test]
fn no_image_yet() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    insta::assert_snapshot!(refused(&lab, &repo, &["update-image"]), @r"
    error: cannot update the image of HEAD
      caused by: there is no image of main of [ROOT]/[REPO] to update
    hint: make one: git dkr create-image . main
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["start-image", "main"]), @r"
    error: cannot start an image
      caused by: there is no image of main yet
    hint: git dkr create-image . main
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["start-image", "."]), @r"
    error: cannot start an image
      caused by: there is no image of this repository yet
    hint: git dkr create-image . HEAD
    ");
}
