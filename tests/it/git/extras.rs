//! What comes beside the repository's own objects: submodules and contents of git-lfs, as they are found
//! and put into a bundle.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use git_dkr::git::{Extras, ExtrasRequest, ObjectBundle, ObjectId};
use git_dkr::proc::CancelToken;

use crate::common::Sandbox;
use crate::common::repo::Repo;

const SUBMODULES: ExtrasRequest = ExtrasRequest {
    submodules: true,
    recursive: true,
    lfs: false,
    sparse: &[],
};
const LFS: ExtrasRequest = ExtrasRequest {
    submodules: false,
    lfs: true,
    ..SUBMODULES
};

fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

/// The bundle's files, by name.
#[track_caller]
fn bundle(repo: &Repo, wanted: ExtrasRequest, below: Option<&str>) -> BTreeMap<String, Vec<u8>> {
    let found = super::found(repo);
    let below = below.map(id);
    let extras = Extras::find(&found, &id(&repo.head()), wanted, below.as_ref()).unwrap();
    let directory = repo.sandbox.path(&crate::common::unique());
    let bundle =
        ObjectBundle::of_extras(&found, extras, &directory, &CancelToken::default()).unwrap();
    let mut archive = Vec::new();
    let give = |piece: Vec<u8>| {
        archive.extend(piece);
        true
    };
    assert!(bundle.send(give).unwrap());
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
fn refusal(repo: &Repo, wanted: ExtrasRequest) -> String {
    let error = Extras::find(&super::found(repo), &id(&repo.head()), wanted, None).unwrap_err();
    format!("{error:#}")
}

/// How many objects the packs of a submodule hold.
fn objects(repo: &Repo, files: &BTreeMap<String, Vec<u8>>, number: usize) -> usize {
    let directory = format!("dkr-modules/{number}/");
    let packs = files
        .iter()
        .filter(|(name, _)| name.starts_with(&directory) && name.ends_with(".idx"));
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
        let files = bundle(repo, SUBMODULES, None);
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
    assert_eq!(objects(&repo, &bundle(&repo, SUBMODULES, None), 0), 3);
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
    let files = bundle(&repo, SUBMODULES, None);
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
    let files = bundle(&repo, SUBMODULES, Some(&before));
    assert_eq!(
        (objects(&repo, &files, 0), objects(&repo, &files, 1)),
        (0, 3)
    );
    // A commit that is gone is no reason to fail.
    let files = bundle(&repo, SUBMODULES, Some(&"1".repeat(40)));
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
    let names: Vec<String> = bundle(&repo, SUBMODULES, None).into_keys().collect();
    assert_eq!(
        names,
        [
            "dkr-modules/list",
            "dkr-modules/top",
            "dkr-modules/urls",
            "git-dkr-complete"
        ]
    );

    repo.commit("Break", &[(".gitmodules", "[submodule")]);
    assert!(refusal(&repo, SUBMODULES).contains("cannot read .gitmodules at"));
    // Git reads no link there.
    std::fs::remove_file(repo.path.join(".gitmodules")).unwrap();
    std::os::unix::fs::symlink("a", repo.path.join(".gitmodules")).unwrap();
    repo.git(["add", ".gitmodules"]);
    repo.commit("Link", &[]);
    assert!(bundle(&repo, SUBMODULES, None).into_keys().eq(names));
}

/// Where the bundle has a content.
fn place(content: &str) -> String {
    let oid = git_dkr::digest::of(content);
    format!("lfs/objects/{}/{}/{oid}", &oid[..2], &oid[2..4])
}

/// What stands in a commit for a content.
fn pointer(content: &str) -> String {
    let (oid, size) = (git_dkr::digest::of(content), content.len());
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

/// Puts a content into the repository's own store.
fn keep(repo: &Repo, content: &str) {
    repo.write(&format!(".git/{}", place(content)), content);
}

/// Has git-lfs keep what a pattern names, without its filters: files are pointers here.
fn attributes(pattern: &str) -> String {
    format!("{pattern} filter=lfs -text\n")
}

#[test]
fn a_text_that_becomes_a_file_of_git_lfs_is_new() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let [old, late, moved] = ["old\n", "late\n", "moved\n"];
    keep(&repo, old);
    let files = [
        (".gitattributes", &*attributes("*.bin")),
        ("old.bin", &pointer(old)),
        ("late.dat", &pointer(late)),
        ("moved.txt", &pointer(moved)),
    ];
    let first = repo.commit("Add", &files);
    let names = |below: &str| -> Vec<String> {
        let files = bundle(&repo, LFS, Some(below)).into_keys();
        files.filter(|name| name.starts_with("lfs/")).collect()
    };
    // By its new name, while what git-lfs kept under any name is there.
    repo.git(["mv", "moved.txt", "moved.bin"]);
    repo.git(["mv", "old.bin", "older.bin"]);
    let second = repo.commit("Move", &[]);
    assert!(refusal(&repo, LFS).ends_with(":\nmoved.bin"));
    keep(&repo, moved);
    assert_eq!(names(&first), [place(moved)]);
    // By other attributes alone.
    let both = attributes("*.bin") + &attributes("*.dat");
    repo.commit("Keep", &[(".gitattributes", &both)]);
    assert!(refusal(&repo, LFS).ends_with(":\nlate.dat"));
    keep(&repo, late);
    assert_eq!(names(&second), [place(late)]);
    let mut all = [late, moved].map(place);
    all.sort();
    assert_eq!(names(&first), all);
}

#[test]
fn names_that_are_no_text() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let write = |name: &[u8], text: &str| {
        let path = repo.path.join(OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    // In one of two directories whose names look alike git-lfs keeps the file.
    write(b"\xff/.gitattributes", &attributes("*.bin"));
    write(b"\xff/a.bin", &pointer("one"));
    write(b"\xff/\xe9\n.bin", &pointer("two"));
    write(b"\xfe/a.bin", &pointer("three"));
    repo.git(["add", "."]);
    let first = repo.commit("Add", &[]);
    let lacking = r#"git-lfs keeps:
"\xFF/\xE9\n.bin"
"\xFF/a.bin""#;
    assert!(refusal(&repo, LFS).ends_with(lacking));
    keep(&repo, "one");
    keep(&repo, "two");
    let files = bundle(&repo, LFS, None);
    assert!(files.contains_key(&place("one")) && files.contains_key(&place("two")));
    let sparse = ["elsewhere".to_owned()];
    let wanted = ExtrasRequest {
        sparse: &sparse,
        ..LFS
    };
    assert_eq!(bundle(&repo, wanted, None).len(), 1);
    // The same to an image that has the first.
    keep(&repo, "three");
    write(b"\xfe/.gitattributes", &attributes("*.bin"));
    repo.git(["add", "."]);
    repo.commit("Keep", &[]);
    let files: Vec<String> = bundle(&repo, LFS, Some(&first)).into_keys().collect();
    assert_eq!(files, ["git-dkr-complete".to_owned(), place("three")]);
}

/// Commits very many files in one breath.
fn commit_all(repo: &Repo, files: impl Iterator<Item = (String, String)>) {
    let head = repo.head();
    let mut stream = format!(
        "commit refs/heads/main\ncommitter A <a@x> 1770000000 +0000\ndata 0\nfrom {head}\n"
    );
    for (name, text) in files {
        let length = text.len();
        stream += &format!("M 100644 inline {name}\ndata {length}\n{text}\n");
    }
    let stream = std::fs::File::open(repo.sandbox.file("stream", stream)).unwrap();
    let mut import = repo.command();
    crate::common::run(import.args(["fast-import", "--quiet"]).stdin(stream));
}

#[test]
fn more_files_than_are_looked_into_at_once() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commit("Keep", &[(".gitattributes", &attributes("*.bin"))]);
    let contents = ["first", "middle", "last"];
    contents.iter().for_each(|content| keep(&repo, content));
    let files = contents.iter().flat_map(|content| {
        let texts = (0..5_000).map(move |number| (format!("{content}/{number}"), "text".into()));
        let kept = (format!("{content}/x.bin"), pointer(content));
        texts.chain([kept, (format!("{content}/long"), "long".repeat(1 << 18))])
    });
    commit_all(&repo, files);
    let found = bundle(&repo, LFS, None);
    assert_eq!(found.len(), 4);
    assert!(
        contents
            .iter()
            .all(|content| found.contains_key(&place(content)))
    );
}

#[test]
fn not_all_of_very_many_that_are_lacking_are_named() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commit("Keep", &[(".gitattributes", &attributes("*.bin"))]);
    // Texts that nobody keeps do not count.
    let texts = (0..1_100).map(|number| (format!("a/{number}"), pointer(&number.to_string())));
    let kept = (0..2_000).map(|number| (format!("b/{number}.bin"), pointer(&number.to_string())));
    commit_all(&repo, texts.chain(kept));
    let refusal = refusal(&repo, LFS);
    let named = refusal
        .lines()
        .filter(|line| line.starts_with("b/"))
        .count();
    assert!((1..=1_000).contains(&named), "{named}");
    assert!(refusal.contains("of these and others:\nb/"), "{refusal}");
    assert!(!refusal.contains("\na/"), "{refusal}");
}

#[test]
fn a_submodule_whose_path_is_no_text_is_not_passed_over() {
    let sandbox = Sandbox::new();
    let (other, repo) = (sandbox.repo(), sandbox.repo());
    repo.submodule("sub", &other);
    let odd = OsStr::from_bytes(b"odd\xe9");
    repo.git([OsStr::new("mv"), OsStr::new("sub"), odd]);
    repo.commit("Move", &[]);
    let said = refusal(&repo, SUBMODULES);
    assert!(said.contains("is not named in UTF-8"), "{said}");
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
    let names =
        |below: Option<&str>| -> Vec<String> { bundle(&repo, LFS, below).into_keys().collect() };
    let end = || "git-dkr-complete".to_owned();
    assert_eq!(names(None), [end(), place("one\n")]);
    repo.commit("More", &[("two.bin", "two\n")]);
    assert_eq!(names(Some(&one)), [end(), place("two\n")]);
    // A commit that is gone is no reason to fail.
    assert_eq!(names(Some(&"1".repeat(40))).len(), 3);

    let elsewhere = sandbox.path("elsewhere");
    std::fs::rename(repo.path.join(".git/lfs"), &elsewhere).unwrap();
    assert!(refusal(&repo, LFS).ends_with("git-lfs keeps:\none.bin\nsame.bin\ntwo.bin"));
    repo.git(["config", "lfs.storage", elsewhere.to_str().unwrap()]);
    assert_eq!(names(None).len(), 3);
    // In a bare one.
    let bare = sandbox.path("bare.git");
    std::fs::rename(repo.path.join(".git"), &bare).unwrap();
    let bare = Repo::at(&sandbox, bare);
    bare.git(["config", "core.bare", "true"]);
    assert_eq!(bundle(&bare, LFS, Some(&one)).len(), 2);
    bare.git(["config", "--unset", "lfs.storage"]);
    assert!(refusal(&bare, LFS).ends_with("git-lfs keeps:\none.bin\nsame.bin\ntwo.bin"));
}
