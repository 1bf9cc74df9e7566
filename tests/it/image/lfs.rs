//! `lfs` in `.dkr.conf`: contents of files that git-lfs keeps, from the host's own store.

use std::path::PathBuf;

use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;

/// A repository that keeps `*.bin` by git-lfs, with two of them.
fn repo<'a>(lab: &'a Lab, conf: &str) -> Repo<'a> {
    let repo = lab.repo();
    repo.git(["lfs", "install", "--local", "--skip-repo"]);
    repo.commit(
        "Keep",
        &[(
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        )],
    );
    repo.conf(conf);
    repo.commit(
        "Add",
        &[
            ("old.bin", "old content\n"),
            ("assets/a b.bin", "content\n"),
        ],
    );
    repo
}

/// What stands in a commit for a content.
fn pointer(content: &str) -> String {
    let (oid, size) = (git_dkr::digest::of(content), content.len());
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

/// Where the content of a file is kept.
fn kept(repo: &Repo, path: &str) -> PathBuf {
    let pointer = repo.git(["cat-file", "blob", &format!("HEAD:{path}")]);
    let oid = pointer
        .lines()
        .find_map(|line| line.strip_prefix("oid sha256:"))
        .unwrap();
    let store = repo.path.join(".git/lfs/objects");
    store.join(&oid[..2]).join(&oid[2..4]).join(oid)
}

/// The files of the image's own store.
const STORE: &str = "find .git/lfs/objects -type f | wc -l";

#[test]
fn contents_come_from_the_host_s_store() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "lfs = yes\n");
    // What is in no file of the commit stays.
    repo.commit("Change", &[("old.bin", "new content\n")]);
    let before = repo.snapshot();
    let image = lab.create(&repo, &[]);
    assert_eq!(
        image.sh("git status --porcelain; cat old.bin 'assets/a b.bin'; git lfs fsck >/dev/null"),
        "new content\ncontent"
    );
    assert_eq!(image.sh(STORE), "2");
    before.assert_same(&repo);

    // An update brings what is new, and nothing else.
    let head = repo.commit("More", &[("more.bin", "more\n"), ("old.bin", "newest\n")]);
    let updated = lab.update(&repo, &[]);
    assert_eq!(
        updated.sh("git status --porcelain; cat old.bin more.bin; git rev-parse HEAD"),
        format!("newest\nmore\n{head}")
    );
    assert_eq!(updated.sh(STORE), "4");
    assert_eq!(updated.layers(), image.layers() + 1);
    assert_eq!(lab.leftovers(), [""; 0]);

    // A container that goes on sees pointers of what it lacks, and is clean.
    repo.commit("Still more", &[("more.bin", "still more\n")]);
    let script = "head -c 15 more.bin; git status --porcelain";
    let started = lab.start(&repo, &[], script).ok();
    assert_eq!(started.stdout, "version https:/");
}

/// Made in a container; a push brings them to the host's own store, or is none.
#[test]
fn contents_come_along_with_a_push() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "lfs = yes\n");
    // Where others put theirs.
    let elsewhere = "[lfs]\n\turl = https://127.0.0.1:1/lfs\n";
    repo.commit("Elsewhere", &[(".lfsconfig", elsewhere)]);
    lab.create(&repo, &[]);
    let large = "yes content | head -c 3000000";
    let script = format!(
        "commit() {{ git add . && git commit --quiet -m Own && git push --quiet || exit; }}
        echo own >own.bin; {large} >large.bin; commit
        echo more >own.bin; commit; git rm --quiet own.bin; commit"
    );
    lab.start_work(&repo, &script).ok();
    lab.pushed_work(&repo);
    repo.git(["checkout", "--quiet", &format!("{}/work~1", lab.host)]);
    assert_eq!(
        std::fs::metadata(kept(&repo, "large.bin")).unwrap().len(),
        3_000_000
    );
    assert_eq!(std::fs::read(kept(&repo, "own.bin")).unwrap(), b"more\n");
    repo.git(["checkout", "--quiet", "HEAD~1"]);
    assert_eq!(std::fs::read(kept(&repo, "own.bin")).unwrap(), b"own\n");
    let all = ["lfs", "fsck", "--objects", "main..HEAD"];
    repo.git(all);

    let file = repo.path.join(".git/no-store");
    std::fs::write(&file, "").unwrap();
    repo.git(["checkout", "--quiet", "main"]);
    lab.file(
        "gitconfig",
        format!("[lfs]\n\tstorage = {}\n", file.display()),
    );
    let script = "echo late >late.bin; git add . && git -c user.name=B -c user.email=b@x commit --quiet -m Late; git push";
    let outcome = lab.start(&repo, &["--name=late"], script).exits(1);
    outcome
        .says("contents of git-lfs cannot come along")
        .says("no-store");
    assert_eq!(repo.git(["branch", "--list", "*/late"]), "");
}

#[test]
fn a_text_becomes_a_file_of_git_lfs_by_attributes_alone() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "lfs = yes\n");
    let late = "late content\n";
    let keep = |pattern: &str| format!("{pattern} filter=lfs diff=lfs merge=lfs -text\n");
    let files = [
        (".gitattributes", &*(keep("*.bin") + &keep("*.txt"))),
        ("late \"é\".dat", &pointer(late)),
        ("former.txt", "former\n"),
    ];
    repo.commit("Add", &files);
    let image = lab.create(&repo, &[]);
    assert_eq!(image.sh(&format!("cat former.txt; {STORE}")), "former\n3");

    // No other file is written for it.
    repo.commit(
        "Keep another",
        &[(".gitattributes", &(keep("*.bin") + &keep("*.dat")))],
    );
    let place = kept(&repo, "late \"é\".dat");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, late).unwrap();
    let seen = "git status --porcelain; test ! -e .git/dkr-lfs; cat late*.dat old.bin; head -c 7 former.txt; git lfs fsck >/dev/null";
    let updated = lab.update(&repo, &[]);
    let fresh = lab.create(&repo, &["--from", "none", "--force-rebuild"]);
    for image in [&updated, &fresh] {
        assert_eq!(image.sh(seen), "late content\nold content\nversion");
    }
    assert_eq!(updated.sh(STORE), "4");
    let times = |image: &Image| image.sh("stat -c %y old.bin a");
    assert_eq!(times(&updated), times(&image));
}

#[test]
fn only_what_is_checked_out_comes() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "lfs = yes\nsparse = assets\nfilter = blob:none\n");
    repo.commit("Elsewhere", &[("other/x.bin", "elsewhere\n")]);
    std::fs::remove_file(kept(&repo, "other/x.bin")).unwrap();
    let image = lab.create(&repo, &[]);
    assert_eq!(
        image.sh("git status --porcelain; cat 'assets/a b.bin'; ls"),
        "content\na\nassets\nold.bin"
    );
    assert_eq!(image.sh(STORE), "2");
}

#[test]
fn what_the_host_lacks_is_named_at_once_and_nothing_is_built() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "lfs = yes\n");
    // It looks like a pointer, and nobody says that it is one.
    repo.commit("Explain", &[("pointer.txt", &pointer("nowhere"))]);
    lab.create(&repo, &[]);
    let before = lab.images();
    repo.commit("More", &[("more.bin", "more\n")]);
    std::fs::remove_file(kept(&repo, "old.bin")).unwrap();
    std::fs::write(kept(&repo, "more.bin"), "mo").unwrap();
    // The image has one of them, and is given what is new alone.
    for (args, lacking) in [
        (
            &["create-image", "--from", "none"][..],
            "    more.bin\n    old.bin\n",
        ),
        (&["create-image", "--dry-run"], "    more.bin\n"),
        (&["update-image"], "    more.bin\n"),
    ] {
        let outcome = lab.dkr(&repo.path, args).fails();
        outcome.says(&format!(
            "git-lfs keeps:\n{lacking}hint: there is no remote"
        ));
    }
    repo.git(["remote", "add", "mirror", "https://example.com/app"]);
    let outcome = lab.dkr(&repo.path, ["update-image"]).fails();
    outcome.says(&format!(" lfs fetch mirror {} fetches it", repo.head()));
    assert_eq!(lab.images(), before);
}

#[test]
fn a_content_that_is_broken_ends_the_build() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "lfs = yes\n");
    let place = kept(&repo, "old.bin");
    std::fs::write(&place, "OLD CONTENT\n").unwrap();
    let outcome = lab.dkr(&repo.path, ["create-image"]).fails();
    outcome
        .says(place.to_str().unwrap())
        .says("does not match its checksum");
    assert!(lab.images().is_empty());
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn an_image_without_git_lfs_keeps_its_pointers() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab, "");
    let seen = "git status --porcelain; head -c 7 old.bin";
    assert_eq!(lab.create(&repo, &[]).sh(seen), "version");
    repo.conf("lfs = yes\n");
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    outcome.says("lfs changed since");
    assert_eq!(lab.image(&outcome).sh(seen), "version");
}
