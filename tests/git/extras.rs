//! What comes beside the repository's own objects: submodules and contents of git-lfs, as they are found
//! and put into a parcel.

use std::collections::BTreeMap;
use std::io::Read;

use git_dkr::git::{Extras, ObjectId, Parcel, Wanted};
use git_dkr::proc::Stop;

use crate::common::Sandbox;
use crate::common::repo::Repo;

const SUBMODULES: Wanted = Wanted {
    submodules: true,
    recursive: true,
    lfs: false,
    sparse: &[],
};
const LFS: Wanted = Wanted {
    submodules: false,
    lfs: true,
    ..SUBMODULES
};

fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

/// The parcel's files, by name.
#[track_caller]
fn parcel(repo: &Repo, wanted: Wanted, below: Option<&str>) -> BTreeMap<String, Vec<u8>> {
    let found = super::found(repo);
    let below = below.map(id);
    let extras = Extras::find(&found, &id(&repo.head()), wanted, below.as_ref()).unwrap();
    let folder = repo.sandbox.path(&crate::common::unique());
    let parcel = Parcel::of_extras(&found, &extras, &folder, &Stop::default()).unwrap();
    let mut archive = Vec::new();
    let give = |piece: Vec<u8>| {
        archive.extend(piece);
        true
    };
    assert!(parcel.send(give).unwrap());
    let mut archive = tar::Archive::new(&archive[..]);
    let read = |entry: std::io::Result<tar::Entry<&[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

#[track_caller]
fn refusal(repo: &Repo, wanted: Wanted) -> String {
    let error = Extras::find(&super::found(repo), &id(&repo.head()), wanted, None).unwrap_err();
    format!("{error:#}")
}

/// How many objects the packs of a submodule hold.
fn objects(repo: &Repo, files: &BTreeMap<String, Vec<u8>>, number: usize) -> usize {
    let folder = format!("dkr-modules/{number}/");
    let packs = files
        .iter()
        .filter(|(name, _)| name.starts_with(&folder) && name.ends_with(".idx"));
    let count = |index: &Vec<u8>| {
        let file = repo.sandbox.file("index", index);
        let mut command = repo.command();
        let listed = command
            .arg("show-index")
            .stdin(std::fs::File::open(file).unwrap());
        crate::common::run(listed).lines().count()
    };
    packs.map(|(_, index)| count(index)).sum()
}

#[test]
fn submodules_of_any_repository_that_has_them() {
    let sandbox = Sandbox::new();
    let (inner, outer, repo) = (sandbox.repo(), sandbox.repo(), sandbox.repo());
    outer.submodule("in", &inner);
    repo.submodule("libs/out", &outer);
    repo.git(["submodule", "--quiet", "update", "--init", "--recursive"]);
    let of = |repo: &Repo| {
        let files = parcel(repo, SUBMODULES, None);
        let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
        assert_eq!(
            text("dkr-modules/list"),
            "modules/libs/out\nmodules/libs/out/modules/in\n"
        );
        assert_eq!(text("dkr-modules/top"), "libs/out\n");
        assert_eq!((objects(repo, &files, 0), objects(repo, &files, 1)), (6, 3));
    };
    of(&repo);
    of(&repo.worktree("linked"));
    // Of a worktree that is gone.
    repo.git(["rm", "--quiet", "--cached", "libs/out"]);
    std::fs::remove_dir_all(repo.path.join("libs")).unwrap();
    of(&repo);
    // Bare, and moved.
    let bare = sandbox.path("bare.git");
    std::fs::rename(repo.path.join(".git"), &bare).unwrap();
    let bare = Repo::at(&sandbox, bare);
    bare.git(["config", "core.bare", "true"]);
    bare.git(["worktree", "prune"]);
    of(&bare);
}

#[test]
fn one_that_keeps_its_git_directory_in_the_worktree() {
    let sandbox = Sandbox::new();
    let (other, repo) = (sandbox.repo(), sandbox.repo());
    let url = format!("file://{}", other.path.display());
    repo.git(["clone", "--quiet", &url, "old"]);
    repo.git(["submodule", "--quiet", "add", &url, "old"]);
    repo.commit("Add", &[]);
    assert!(repo.path.join("old/.git").is_dir());
    assert_eq!(objects(&repo, &parcel(&repo, SUBMODULES, None), 0), 3);
}

#[test]
fn only_what_is_new_of_a_submodule_and_where_it_is_cut_off() {
    let sandbox = Sandbox::new();
    let (other, repo) = (sandbox.repo(), sandbox.repo());
    other.commits(3);
    repo.submodule("whole", &other);
    let url = format!("file://{}", other.path.display());
    repo.git(["submodule", "--quiet", "add", "--depth=1", &url, "cut"]);
    let before = repo.commit("Add", &[]);
    let files = parcel(&repo, SUBMODULES, None);
    let tip = other.head();
    assert_eq!(
        files["dkr-modules/0/shallow"],
        format!("{tip}\n").into_bytes()
    );
    assert!(!files.contains_key("dkr-modules/1/shallow"));
    assert_eq!(
        (objects(&repo, &files, 0), objects(&repo, &files, 1)),
        (3, 6)
    );

    Repo::at(&sandbox, repo.path.join("whole")).commit("New", &[("new", "2\n")]);
    repo.git(["add", "whole"]);
    repo.commit("Move", &[]);
    let files = parcel(&repo, SUBMODULES, Some(&before));
    assert_eq!(
        (objects(&repo, &files, 0), objects(&repo, &files, 1)),
        (0, 3)
    );
    // A commit that is gone is no reason to fail.
    let files = parcel(&repo, SUBMODULES, Some(&"1".repeat(40)));
    assert_eq!(
        (objects(&repo, &files, 0), objects(&repo, &files, 1)),
        (3, 9)
    );
}

#[test]
fn what_is_no_submodule_is_left_alone() {
    let sandbox = Sandbox::new();
    let (other, repo) = (sandbox.repo(), sandbox.repo());
    repo.submodule("off", &other);
    let entries = "[submodule \"off\"]\n\tpath = off\n\tupdate = none\n\
        [submodule \"file\"]\n\tpath = a\n[submodule \"gone\"]\n\tpath = gone\n";
    repo.commit("Change", &[(".gitmodules", entries)]);
    let names: Vec<String> = parcel(&repo, SUBMODULES, None).into_keys().collect();
    assert_eq!(
        names,
        ["dkr-modules/list", "dkr-modules/top", "git-dkr-complete"]
    );

    repo.commit("Break", &[(".gitmodules", "[submodule")]);
    assert!(refusal(&repo, SUBMODULES).contains("cannot read .gitmodules at"));
    // Git reads no link there.
    std::fs::remove_file(repo.path.join(".gitmodules")).unwrap();
    std::os::unix::fs::symlink("a", repo.path.join(".gitmodules")).unwrap();
    repo.git(["add", ".gitmodules"]);
    repo.commit("Link", &[]);
    assert_eq!(parcel(&repo, SUBMODULES, None).len(), 3);
}

#[test]
fn contents_of_git_lfs_wherever_they_are_kept() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.git(["lfs", "install", "--local", "--skip-repo"]);
    let attributes = (
        ".gitattributes",
        "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    );
    let one = repo.commit(
        "Add",
        &[attributes, ("one.bin", "one\n"), ("same.bin", "one\n")],
    );
    let names = |below| -> Vec<String> { parcel(&repo, LFS, below).into_keys().collect() };
    let place = |content: &str| {
        let oid = git_dkr::digest::of(content);
        format!("lfs/objects/{}/{}/{oid}", &oid[..2], &oid[2..4])
    };
    let end = || "git-dkr-complete".to_owned();
    assert_eq!(names(None), [end(), place("one\n")]);
    repo.commit("More", &[("two.bin", "two\n")]);
    assert_eq!(names(Some(&one)), [end(), place("two\n")]);

    let elsewhere = sandbox.path("elsewhere");
    std::fs::rename(repo.path.join(".git/lfs"), &elsewhere).unwrap();
    assert!(refusal(&repo, LFS).ends_with("git-lfs keeps:\none.bin\ntwo.bin"));
    repo.git(["config", "lfs.storage", elsewhere.to_str().unwrap()]);
    assert_eq!(names(None).len(), 3);
}
