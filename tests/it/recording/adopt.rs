//! `git dkr record adopt`: shown first, and nothing of `.dkr.conf` lost.

use std::os::unix::fs::PermissionsExt;

use crate::common::Sandbox;
use crate::common::repo::Repo;

const CONF: &str = "# ours\npackages = make\n\n[post_clone]\nRUN a\n\n[pre_clone]\nRUN b\n";

fn conf(repo: &Repo) -> String {
    std::fs::read_to_string(repo.path.join(".dkr.conf")).unwrap()
}

#[test]
fn shown_then_written() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.write(".dkr.conf", CONF);
    repo.write("Containerfile", "RUN never\n");
    repo.write(
        "Containerfile.recorded",
        "ENV x=1\nRUN a\nRUN pip install 'x$y'\n",
    );
    let file = repo.path.join(".dkr.conf");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let adopt =
        |options: &[&str]| sandbox.dkr(&repo.path, [&["record", "adopt"], options].concat());

    let shown = adopt(&["--dry-run"]).ok();
    assert!(
        shown
            .stdout
            .starts_with("--- a/.dkr.conf\n+++ b/.dkr.conf\n@@"),
        "{}",
        shown.stdout
    );
    let changed = |line: &&str| line.starts_with(['+', '-']);
    let changes: Vec<&str> = shown.stdout.lines().skip(2).filter(changed).collect();
    assert_eq!(changes, ["+RUN pip install 'x$y'"]);
    shown.says("its ENV is left out");
    let unasked = adopt(&[]).fails();
    assert_eq!(unasked.stdout, shown.stdout);
    unasked.says("--yes");
    assert_eq!(conf(&repo), CONF);

    assert_eq!(adopt(&["--yes"]).ok().stdout, shown.stdout);
    assert_eq!(
        conf(&repo),
        CONF.replace("RUN a\n", "RUN a\nRUN pip install 'x$y'\n")
    );
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(adopt(&[]).ok().stdout, "");

    adopt(&["--yes", "-f", "Containerfile"]).ok();
    assert!(conf(&repo).contains("'x$y'\nRUN never\n"));
}

#[test]
fn a_person_is_asked() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.write("Containerfile", "RUN a\n");
    for (answer, code) in [("n", 1), ("y", 0)] {
        assert!(!repo.path.join(".dkr.conf").exists());
        let mut terminal = sandbox.dkr_terminal(&repo.path, &["record", "adopt"]);
        terminal
            .shows("+RUN a")
            .shows("Write it to .dkr.conf?")
            .types(answer);
        assert_eq!(terminal.ends(), code);
    }
    assert_eq!(conf(&repo), "[post_clone]\nRUN a\n");
}

#[test]
fn from_a_branch_and_into_the_worktree_one_stands_in() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.branch("box/work", "main");
    repo.commit("Recorded", &[("Containerfile.recorded", "RUN a\n")]);
    repo.checkout("main");
    let worktree = repo.worktree("other");
    let below = worktree.path.join("below");
    std::fs::create_dir(&below).unwrap();
    sandbox
        .dkr(&below, ["record", "adopt", "box/work", "--yes"])
        .ok();
    assert_eq!(conf(&worktree), "[post_clone]\nRUN a\n");
    assert!(!repo.path.join(".dkr.conf").exists());
    let named = repo.path.to_str().unwrap();
    sandbox
        .dkr(
            sandbox.root(),
            ["overlay", "adopt", named, "box/work", "--yes"],
        )
        .ok();
    assert_eq!(conf(&repo), "[post_clone]\nRUN a\n");
}

#[test]
fn what_cannot_be_taken_leaves_the_file_alone() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let adopt = |options: &[&str]| {
        sandbox
            .dkr(
                &repo.path,
                [&["record", "adopt", "--yes"], options].concat(),
            )
            .fails()
    };
    adopt(&[]).says("there is no Containerfile.recorded and no Containerfile");
    adopt(&["no-branch"]).says("there is no no-branch");
    adopt(&["main"]).says("in main");
    adopt(&["-f", "x"]).says("there is no x");
    repo.write("Containerfile", "RUN a \\\n");
    adopt(&[]).says("ends in a backslash");
    repo.write("Containerfile", "RUN cat <<E\n[pre_clone]\nE\n");
    adopt(&[]).says("means something else");
    assert!(!repo.path.join(".dkr.conf").exists());
    repo.write(".dkr.conf", "packges = x\n");
    adopt(&[]).says("did you mean `packages`?");
    assert_eq!(conf(&repo), "packges = x\n");
    std::fs::create_dir(sandbox.path("bare")).unwrap();
    Repo::init(&sandbox, "bare.git", &["--bare"]);
    let bare = sandbox.path("bare.git");
    sandbox
        .dkr(&bare, ["record", "adopt"])
        .exits(1)
        .says("is in no worktree");
}
