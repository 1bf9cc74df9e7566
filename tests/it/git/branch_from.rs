//! What the user may type.

use super::{found, refusal, resolve};
use crate::common::Sandbox;
use crate::common::repo::Repo;
use git_dkr::image::Target;
use git_dkr::image::query::target::{self, FetchMode};

/// Checks branch, ref and commit.
#[track_caller]
fn is(target: &Target, branch: &str, reference: Option<&str>, commit: &str) {
    assert_eq!(target.branch, branch);
    assert_eq!(target.reference.as_deref(), reference);
    assert_eq!(target.commit.as_str(), commit);
}

/// A repository with a remote that is one commit ahead of what was fetched.
fn with_remote<'a>(sandbox: &'a Sandbox, remote: &str, branch: &str) -> (Repo<'a>, String) {
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote(remote, &other)
        .git(["fetch", "--quiet", remote]);
    other.branch(branch, "main");
    let tip = other.commit("News", &[("news", "1")]);
    (repo, tip)
}

#[test]
fn head_is_its_branch() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.branch("feature/x", "main");
    for typed in ["HEAD", "@"] {
        let target = resolve(&repo, typed);
        is(
            &target,
            "feature/x",
            Some("refs/heads/feature/x"),
            &repo.head(),
        );
        assert_eq!(target.branch_from, "feature/x");
    }
    let target = target::resolve(&found(&repo), None, FetchMode::Yes(super::quiet())).unwrap();
    assert_eq!(target.branch, "feature/x");
}

#[test]
fn a_detached_head_is_its_commit() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commits(2);
    repo.checkout("HEAD~1");
    let target = resolve(&repo, "HEAD");
    is(&target, &repo.head(), None, &repo.head());
    assert_eq!(target.branch_from, repo.head());
    assert_eq!(target.on_branch(), None);
}

#[test]
fn a_local_branch_may_hold_slashes_and_be_written_in_full() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.branch("team/a/b", "main");
    let tip = repo.commit("Work", &[]);
    repo.checkout("main");
    for typed in ["team/a/b", "refs/heads/team/a/b"] {
        is(
            &resolve(&repo, typed),
            "team/a/b",
            Some("refs/heads/team/a/b"),
            &tip,
        );
    }
}

/// As git writes a name that would be ambiguous, and `git branch -a` those of remotes.
#[test]
fn a_name_may_be_shortened_by_less() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    let first = repo.head();
    repo.git(["tag", "v1"]);
    let tip = repo.commit("Later", &[]);
    let target = resolve(&repo, "heads/main");
    is(&target, "main", Some("refs/heads/main"), &tip);
    // What follows the branch reads this form.
    assert_eq!(target.branch_from, "refs/heads/main");
    is(&resolve(&repo, "tags/v1"), "v1", None, &first);
    repo.remote("origin", &other);
    let target = resolve(&repo, "remotes/origin/main");
    is(
        &target,
        "main",
        Some("refs/remotes/origin/main"),
        &other.head(),
    );
    // A branch of that very name is what was typed.
    repo.git(["branch", "heads/main", "main~1"]);
    is(
        &resolve(&repo, "heads/main"),
        "heads/main",
        Some("refs/heads/heads/main"),
        &first,
    );
    assert!(refusal(&repo, "heads/nothing").contains("is called heads/nothing"));
}

#[test]
fn what_leads_to_a_commit_is_that_commit() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let first = repo.head();
    repo.commits(3);
    let target = resolve(&repo, "HEAD~3");
    is(&target, &first, None, &first);
    // The same words mean another commit tomorrow.
    assert_eq!(target.branch_from, first);
}

#[test]
fn a_tag_is_the_commit_it_points_to() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let tagged = repo.head();
    repo.git(["tag", "light"]);
    repo.git(["tag", "-a", "-m", "A release", "v1/annotated"]);
    repo.commit("Later", &[]);
    is(&resolve(&repo, "light"), "light", None, &tagged);
    is(
        &resolve(&repo, "v1/annotated"),
        "v1/annotated",
        None,
        &tagged,
    );
    is(&resolve(&repo, "refs/tags/light"), "light", None, &tagged);
}

#[test]
fn a_branch_goes_before_a_tag_of_its_name() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.git(["tag", "both"]);
    repo.branch("both", "main");
    let tip = repo.commit("Later", &[]);
    is(
        &resolve(&repo, "both"),
        "both",
        Some("refs/heads/both"),
        &tip,
    );
}

#[test]
fn an_object_id_may_be_short() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let first = repo.head();
    repo.commit("Later", &[]);
    for typed in [&first, &first[..7]] {
        is(&resolve(&repo, typed), &first, None, &first);
    }
}

#[test]
fn a_remote_s_branch_is_fetched_first_and_alone() {
    let sandbox = Sandbox::new();
    let (repo, tip) = with_remote(&sandbox, "origin", "fresh");
    let before = repo.snapshot();
    let main_before = repo.id("refs/remotes/origin/main");
    let other = Repo::at(
        &sandbox,
        repo.git(["config", "remote.origin.url"])
            .replace("file://", ""),
    );
    other.checkout("main").commit("More on main", &[]);
    let target = resolve(&repo, "origin/fresh");
    is(&target, "fresh", Some("refs/remotes/origin/fresh"), &tip);
    assert_eq!(target.branch_from, "origin/fresh");
    // The worktree, index, HEAD, config and FETCH_HEAD are as they were, and so is the other branch.
    before.assert_same(&repo);
    assert_eq!(repo.id("refs/remotes/origin/main"), main_before);
}

#[test]
fn a_remote_may_have_any_name() {
    for (remote, branch) in [
        ("space", "main"),
        ("team/a", "x"),
        ("team/a", "deep/branch"),
        ("upstream.org", "v1.x"),
    ] {
        let sandbox = Sandbox::new();
        let (repo, other) = (sandbox.repo(), sandbox.repo());
        other.git(["branch", "-M", branch]);
        repo.remote(remote, &other);
        let target = resolve(&repo, &format!("{remote}/{branch}"));
        let reference = format!("refs/remotes/{remote}/{branch}");
        is(&target, branch, Some(&reference), &other.head());
    }
}

#[test]
fn the_longest_remote_wins() {
    let sandbox = Sandbox::new();
    let (repo, team, team_a) = (sandbox.repo(), sandbox.repo(), sandbox.repo());
    team.branch("a/x", "main").commit("Of team", &[]);
    team_a.branch("x", "main").commit("Of team/a", &[]);
    repo.remote("team", &team).remote("team/a", &team_a);
    let target = resolve(&repo, "team/a/x");
    is(&target, "x", Some("refs/remotes/team/a/x"), &team_a.head());
}

#[test]
fn a_rewritten_branch_of_a_remote_is_taken_as_it_is_now() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote("origin", &other);
    resolve(&repo, "origin/main");
    other.amend("Rewritten");
    assert_eq!(resolve(&repo, "origin/main").commit.as_str(), other.head());
}

#[test]
fn looking_fetches_nothing() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote("origin", &other)
        .git(["fetch", "--quiet", "origin"]);
    let known = other.head();
    other.commit("News", &[]);
    let target = target::resolve(&found(&repo), Some("origin/main"), FetchMode::No).unwrap();
    assert_eq!(target.commit.as_str(), known);
}

#[test]
fn names_that_lead_nowhere_are_explained() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote("origin", &other)
        .branch("feature/login", "main");
    insta::assert_snapshot!(refusal(&repo, "nothing-like-it"), @r"
    no branch, tag or commit is called nothing-like-it in [ROOT]/[REPO]
    hint: git branch -a lists the branches
    ");
    insta::assert_snapshot!(refusal(&repo, "feature/logn"), @r"
    no branch, tag or commit is called feature/logn in [ROOT]/[REPO]
    hint: did you mean feature/login?
    ");
    insta::assert_snapshot!(refusal(&repo, "nobody/main"), @r"
    no branch, tag or commit is called nobody/main in [ROOT]/[REPO]
    hint: the remotes are: origin
    ");
    insta::assert_snapshot!(refusal(&repo, "origin/nothing"), @r"
    origin has no branch nothing
    hint: git ls-remote --heads origin lists its branches
    ");
    repo.git(["update-ref", "refs/remotes/origin/topic", "main"]);
    insta::assert_snapshot!(refusal(&repo, "topic"), @r"
    no branch, tag or commit is called topic in [ROOT]/[REPO]
    hint: did you mean origin/topic?
    ");
    // Options are no names.
    insta::assert_snapshot!(refusal(&repo, "--help"), @r"
    no branch, tag or commit is called --help in [ROOT]/[REPO]
    hint: git branch -a lists the branches
    ");
}

#[test]
fn what_leads_to_something_else_than_a_commit_is_told() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.git(["tag", "blob", "HEAD:a"]);
    repo.git(["tag", "-a", "-m", "Of a tag", "of-a-tag", "blob"]);
    for (typed, kind) in [
        ("blob", "blob"),
        ("of-a-tag", "blob"),
        ("refs/tags/blob", "blob"),
        ("HEAD:", "tree"),
    ] {
        let said = refusal(&repo, typed);
        let expected = format!("{typed} is a {kind}, and not a commit\nhint: ");
        assert!(said.starts_with(&expected), "{said}");
    }
    repo.git(["tag", "lost"]);
    repo.lose("HEAD");
    let said = refusal(&repo, "lost");
    assert!(
        said.starts_with("lost is at [ID], which cannot be read here"),
        "{said}"
    );
}

#[test]
fn a_branch_that_looks_like_another_ref_is_written_in_full() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote("origin", &other).commits(1);
    for (branch, typed) in [
        ("refs/heads/zz", "refs/heads/zz"),
        ("refs/heads/zz", "refs/heads/refs/heads/zz"),
        ("origin/main", "refs/heads/origin/main"),
    ] {
        let reference = format!("refs/heads/{branch}");
        repo.git(["update-ref", &reference, "HEAD~1"]);
        let first = repo.id("HEAD~1");
        is(&resolve(&repo, typed), branch, Some(&reference), &first);
        repo.git(["symbolic-ref", "HEAD", &reference]);
        let target = resolve(&repo, "HEAD");
        is(&target, branch, Some(&reference), &first);
        // It leads there again.
        assert_eq!(resolve(&repo, &target.branch_from), target);
        repo.git(["symbolic-ref", "HEAD", "refs/heads/main"]);
    }
    // Where there is a shorter one, that is what git means, too.
    repo.git(["branch", "zz"]);
    is(
        &resolve(&repo, "refs/heads/zz"),
        "zz",
        Some("refs/heads/zz"),
        &repo.head(),
    );
}

#[test]
fn a_name_that_git_branch_refuses_is_refused_before_anything_is_done() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    for branch in ["-x", "--help", "HEAD", "a\u{85}b"] {
        let reference = format!("refs/heads/{branch}");
        repo.git(["update-ref", &reference, "HEAD"]);
        let said = refusal(&repo, &reference);
        assert!(
            said.starts_with(&format!("{branch:?} cannot be the branch of an image")),
            "{said}"
        );
        repo.git(["symbolic-ref", "HEAD", &reference]);
        assert_eq!(refusal(&repo, "HEAD"), said);
        repo.git(["symbolic-ref", "HEAD", "refs/heads/main"]);
    }
    insta::assert_snapshot!(refusal(&repo, "-x"), @r#"
    "-x" cannot be the branch of an image, as its name begins with a hyphen
    hint: git branch -m -- -x NAME renames it
    "#);
    // What the hint says.
    repo.git(["branch", "-m", "--", "-x", "x"]);
    is(&resolve(&repo, "x"), "x", Some("refs/heads/x"), &head);
    repo.git(["update-ref", "refs/tags/-v", "HEAD"]);
    let said = refusal(&repo, "refs/tags/-v");
    assert!(
        said.ends_with("hint: name the commit in place of it: [ID]"),
        "{said}"
    );
}

#[test]
fn a_remote_that_is_gone_is_explained() {
    let sandbox = Sandbox::new();
    let (repo, other) = (sandbox.repo(), sandbox.repo());
    repo.remote("origin", &other);
    std::fs::remove_dir_all(&other.path).unwrap();
    let said = refusal(&repo, "origin/main");
    assert!(
        said.starts_with("cannot fetch main from origin: "),
        "{said}"
    );
    // The rest is git's, in words of its version.
    assert!(said.ends_with("hint: check that `git fetch origin` works here, then try again"));
}

#[test]
fn an_empty_repository_has_nothing_to_bake() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "empty", &[]);
    insta::assert_snapshot!(refusal(&repo, "HEAD"), @r"
    main has no commit yet
    hint: make a first commit, or name another branch
    ");
    insta::assert_snapshot!(refusal(&repo, "main"), @r"
    no branch, tag or commit is called main in [ROOT]/empty
    hint: git branch -a lists the branches
    ");
}

#[test]
fn a_branch_whose_commit_is_gone_is_not_empty() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.lose("HEAD");
    for typed in ["HEAD", "main"] {
        let said = refusal(&repo, typed).replace(&head, "[ID]");
        assert_eq!(
            said,
            "main is at [ID], which cannot be read here\nhint: git fsck says what else is broken"
        );
    }
}

#[test]
fn a_tree_that_is_gone_is_for_fsck() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commit("More", &[("more", "1\n")]);
    repo.lose("HEAD~1^{tree}");
    let commit = resolve(&repo, "HEAD").commit;
    let error = found(&repo).commit(&commit).unwrap_err();
    let hint = git_dkr::report::hint(&error).unwrap_or_default();
    assert!(hint.contains("git fsck"), "{error:#}: {hint}");
}
