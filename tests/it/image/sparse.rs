//! `sparse` in `.dkr.conf`: only some directories are checked out.

use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// What is in the worktree, and what git says of it.
const SEEN: &str = "find . -path ./.git -prune -o -type f -print | sort; git status --porcelain; git rev-parse HEAD";

fn repo(lab: &Lab) -> Repo<'_> {
    let repo = lab.repo();
    let files = [
        ("src/x", "1"),
        ("docs/x", "1"),
        ("a b/ü/x", "1"),
        ("a b/y/x", "1"),
    ];
    repo.commit("Add", &files);
    repo
}

#[test]
fn only_these_directories_are_checked_out() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    let head = repo.conf("sparse = src/ 'a b/ü'\n");
    let image = lab.create(&repo, &[]);
    let files = "./.dkr.conf\n./a\n./a b/ü/x\n./src/x";
    assert_eq!(image.sh(SEEN), format!("{files}\n{head}"));
    assert_eq!(
        image.sh("git -c core.quotePath=false sparse-checkout list"),
        "a b/ü\nsrc"
    );
    // All of the history is there.
    assert_eq!(image.sh("git show HEAD:docs/x; git fsck"), "1");

    // A container on a newer commit keeps to it.
    repo.commit("More", &[("docs/y", "2"), ("src/y", "2")]);
    let started = lab.start(&repo, &[], "ls src docs; git status --porcelain");
    assert_eq!(started.stdout, "src:\nx\ny\n");
}

#[test]
fn an_update_keeps_it_changes_it_and_ends_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    repo.conf("sparse = src\n");
    lab.create(&repo, &[]);
    let head = repo.commit("More", &[("src/y", "2"), ("docs/y", "2")]);
    let times = "stat -c %y .git/info/sparse-checkout";
    let image = lab.update(&repo, &[]);
    let kept = image.sh(times);
    assert_eq!(
        image.sh(SEEN),
        format!("./.dkr.conf\n./a\n./src/x\n./src/y\n{head}")
    );

    let head = repo.conf("sparse = docs\n");
    let image = lab.update(&repo, &[]);
    assert_ne!(image.sh(times), kept);
    assert_eq!(
        image.sh(SEEN),
        format!("./.dkr.conf\n./a\n./docs/x\n./docs/y\n{head}")
    );

    repo.conf("");
    let image = lab.update(&repo, &[]);
    assert_eq!(
        image.sh("ls; git status --porcelain; git config core.sparseCheckout"),
        "a\na b\ndocs\nsrc\nfalse"
    );
}

#[test]
fn directories_that_are_not_there_are_named_before_a_build() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    repo.conf("sparse = src gone\n");
    let outcome = lab.dkr(&repo.path, ["create-image", "--dry-run"]).ok();
    outcome.says("warning: sparse (.dkr.conf:1:10) names what ");
    outcome.says("does not have: gone\n");
    for (sparse, said) in [
        ("gone src/none", "does not have: gone, src/none"),
        ("src docs/x", "is not a directory in"),
    ] {
        repo.conf(&format!("sparse = {sparse}\n"));
        lab.dkr(&repo.path, ["create-image"]).fails().says(said);
    }
    assert!(lab.images().is_empty());
}

#[test]
fn another_list_is_another_image() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    let create = |sparse: &str| {
        let mut command = lab.dkr_command(&repo.path, ["create-image"]);
        let outcome = crate::common::dkr::outcome(command.env("DKR_SPARSE", sparse)).ok();
        lab.image(&outcome)
    };
    let (one, other) = (create("src"), create("docs"));
    assert_ne!(one.label("cache_key"), other.label("cache_key"));
    assert_eq!(other.sh("ls"), "a\ndocs");
    assert_eq!(create("docs").id(), other.id());
}
