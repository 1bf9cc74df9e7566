//! Repositories of every kind: each is found, its HEAD resolved and its settings file read, a
//! build's clone out of it stands at exactly that commit, and nothing in it has changed.

use super::{found, resolve};
use crate::common::Sandbox;
use crate::common::repo::Repo;
use git_dkr::git::{ObjectId, View};

const CONF: &str = "packages = make\n";

/// What every kind must give. The clone is made as a build makes it, from a view.
#[track_caller]
fn bakes(repo: &Repo) {
    let before = repo.snapshot();
    let found = found(repo);
    let target = resolve(repo, "HEAD");
    assert_eq!(target.commit.as_str(), repo.head());
    let conf = found.file_at(&target.commit, ".dkr.conf").unwrap();
    assert_eq!(conf.as_deref(), Some(CONF));
    assert_eq!(found.file_at(&target.commit, "no/such").unwrap(), None);

    found
        .complete(&target.commit, None, super::quiet())
        .unwrap();
    let directory = repo.sandbox.path("view");
    let view = View::create(&found, &target.commit, target.on_branch(), &directory).unwrap();
    let view = Repo::at(repo.sandbox, view.git_dir);
    let clone = view.clone_with(&[]);
    assert_eq!(clone.head(), repo.head());
    let count = |repo: &Repo| repo.git(["rev-list", "--count", "HEAD"]);
    assert_eq!(count(&clone), count(repo));
    assert_eq!(clone.git(["status", "--porcelain"]), "");
    assert_eq!(
        std::fs::read_to_string(clone.path.join(".dkr.conf")).unwrap(),
        CONF
    );
    before.assert_same(repo);
}

/// A repository with a few commits.
fn repo(sandbox: &Sandbox) -> Repo<'_> {
    let repo = sandbox.repo();
    repo.conf(CONF);
    repo.commit("Later", &[("directory/b", "2\n")]);
    repo
}

#[test]
fn an_ordinary_repository() {
    bakes(&repo(&Sandbox::new()));
}

#[test]
fn a_linked_worktree_has_its_own_head_and_the_main_one_s_path() {
    let sandbox = Sandbox::new();
    let main = repo(&sandbox);
    let linked = main.worktree("linked");
    linked.commit("In the linked worktree", &[]);
    bakes(&linked);
    assert_eq!(resolve(&linked, "HEAD").branch, "linked");
    assert_eq!(found(&linked).path, main.path);
    assert_eq!(found(&linked).name(), main.name());
}

#[test]
fn a_bare_repository_is_known_by_its_directory() {
    let sandbox = Sandbox::new();
    let bare = repo(&sandbox).clone_with(&["--bare"]);
    bakes(&bare);
    assert_eq!(found(&bare).path, bare.path);
}

#[test]
fn a_bare_repository_s_name_is_without_dot_git() {
    let sandbox = Sandbox::new();
    let bare = Repo::init(&sandbox, "app.git", &["--bare"]);
    assert_eq!(found(&bare).name(), "app");
}

#[test]
fn a_linked_worktree_of_a_bare_repository() {
    let sandbox = Sandbox::new();
    let bare = repo(&sandbox).clone_with(&["--bare"]);
    let linked = bare.worktree("linked");
    bakes(&linked);
    assert_eq!(found(&linked).path, bare.path);
}

#[test]
fn a_git_directory_apart_from_its_worktree() {
    let sandbox = Sandbox::new();
    let option = format!("--separate-git-dir={}", sandbox.path("apart").display());
    let repo = Repo::init(&sandbox, "repo", &[&option]);
    repo.conf(CONF);
    bakes(&repo);
    assert_eq!(found(&repo).path, repo.path);
    assert_eq!(found(&repo).name(), "repo");
}

#[test]
fn a_detached_head() {
    let sandbox = Sandbox::new();
    let repo = repo(&sandbox);
    repo.checkout("HEAD~1");
    bakes(&repo);
}

#[test]
fn a_submodule_s_worktree_is_a_repository_of_its_own() {
    let sandbox = Sandbox::new();
    let outer = repo(&sandbox);
    let inner = outer.submodule("libs/inner", &repo(&sandbox));
    bakes(&inner);
    assert_eq!(found(&inner).path, inner.path);
    assert_eq!(found(&inner).name(), "inner");
    bakes_without_view(&outer);
}

/// A second view would need another directory: that it resolves is enough.
#[track_caller]
fn bakes_without_view(repo: &Repo) {
    assert_eq!(resolve(repo, "HEAD").commit.as_str(), repo.head());
}

#[test]
fn a_subdirectory_is_in_its_repository() {
    let sandbox = Sandbox::new();
    let outer = repo(&sandbox);
    let inner = Repo::at(&sandbox, outer.path.join("directory"));
    assert_eq!(found(&inner).path, outer.path);
}

#[test]
fn a_shallow_clone_bakes_what_it_has() {
    let sandbox = Sandbox::new();
    let shallow = repo(&sandbox).clone_with(&["--depth=1"]);
    assert_eq!(
        shallow.git(["rev-parse", "--is-shallow-repository"]),
        "true"
    );
    bakes(&shallow);
}

#[test]
fn sha256() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", &["--object-format=sha256"]);
    repo.conf(CONF);
    assert!(repo.is_sha256());
    bakes(&repo);
}

#[test]
fn reftable() {
    let sandbox = Sandbox::new();
    if !git_has_reftable(&sandbox) {
        eprintln!("skipped: git is older than 2.45, which brought reftable");
        return;
    }
    let repo = Repo::init(&sandbox, "repo", &["--ref-format=reftable"]);
    repo.conf(CONF);
    repo.git(["tag", "v1"]);
    repo.branch("feature/x", "main");
    bakes(&repo);
    assert_eq!(resolve(&repo, "v1").branch, "v1");
}

fn git_has_reftable(sandbox: &Sandbox) -> bool {
    let mut command = sandbox.command("git");
    let version = crate::common::run(command.arg("version"));
    let numbers: Vec<u32> = version
        .trim_start_matches("git version ")
        .split('.')
        .map_while(|number| number.parse().ok())
        .collect();
    numbers >= vec![2, 45]
}

#[test]
fn a_partial_clone_fetches_what_is_missing() {
    let sandbox = Sandbox::new();
    let full = repo(&sandbox);
    full.git(["config", "uploadpack.allowFilter", "true"]);
    full.git(["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let partial = full.clone_with(&["--filter=blob:none", "--no-checkout"]);
    let head = ObjectId::parse(&partial.head()).unwrap();
    assert_eq!(
        found(&partial)
            .complete(&head, None, super::quiet())
            .unwrap(),
        3
    );
    assert_eq!(
        found(&partial)
            .complete(&head, None, super::quiet())
            .unwrap(),
        0
    );
    partial.checkout("main");
    bakes(&partial);
}

#[test]
fn a_partial_clone_whose_remote_is_gone_names_what_is_missing() {
    let sandbox = Sandbox::new();
    let full = repo(&sandbox);
    full.git(["config", "uploadpack.allowFilter", "true"]);
    let partial = full.clone_with(&["--filter=blob:none", "--no-checkout"]);
    std::fs::remove_dir_all(&full.path).unwrap();
    let head = ObjectId::parse(&partial.head()).unwrap();
    let error = found(&partial)
        .complete(&head, None, super::quiet())
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("this partial clone lacks 3 objects"),
        "{said}"
    );
    let hint = git_dkr::report::hint(&error).unwrap();
    assert!(hint.contains("origin"), "{hint}");
}

#[test]
fn a_dirty_worktree() {
    let sandbox = Sandbox::new();
    let repo = repo(&sandbox);
    repo.write("a", "changed\n");
    repo.write("staged", "new\n");
    repo.git(["add", "staged"]);
    repo.write("untracked", "new\n");
    bakes_as_committed(&repo);
}

#[test]
fn the_middle_of_a_rebase() {
    let sandbox = Sandbox::new();
    let repo = repo(&sandbox);
    repo.rebasing();
    let target = resolve(&repo, "HEAD");
    // git detaches HEAD for the time of a rebase.
    assert_eq!(target.branch, repo.head());
    bakes_as_committed(&repo);
}

/// The clone holds what was committed, whatever the worktree holds.
#[track_caller]
fn bakes_as_committed(repo: &Repo) {
    assert_ne!(repo.git(["status", "--porcelain"]), "");
    bakes(repo);
}

#[test]
fn alternates_are_followed() {
    let sandbox = Sandbox::new();
    let full = repo(&sandbox);
    let path = full.path.to_str().unwrap();
    bakes(&full.clone_with(&["--reference", path]));
}

#[test]
fn a_settings_file_is_read_from_the_commit_not_the_worktree() {
    let sandbox = Sandbox::new();
    let repo = repo(&sandbox);
    repo.write(".dkr.conf", "packages = gcc\n");
    let head = ObjectId::parse(&repo.head()).unwrap();
    let conf = found(&repo).file_at(&head, ".dkr.conf").unwrap();
    assert_eq!(conf.as_deref(), Some(CONF));
}

#[test]
fn the_environment_of_a_hook_does_not_mislead() {
    let sandbox = Sandbox::new();
    let (here, there) = (repo(&sandbox), repo(&sandbox));
    // As in a hook of one repository that calls us for another.
    let mut command = here
        .sandbox
        .dkr_command(&there.path, ["doctor", "--format=json"]);
    command.env("GIT_INDEX_FILE", here.path.join(".git/index"));
    command.env("PATH", sandbox.bin());
    let output = crate::common::dkr::outcome(&mut command);
    let shown = there.path.to_str().unwrap();
    assert!(output.stdout.contains(shown), "{}", output.stdout);
}

#[test]
fn to_look_refuses_what_to_find_does() {
    for path in ["", "/no/such/directory", "/"] {
        let path = std::path::Path::new(path);
        let found = git_dkr::git::Repo::find(Some(path)).unwrap_err();
        let looked = git_dkr::git::Repo::look(Some(path)).unwrap_err();
        assert_eq!(format!("{looked:#}"), format!("{found:#}"));
    }
}
