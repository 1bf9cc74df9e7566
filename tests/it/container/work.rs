//! `git dkr diff` and `git dkr log`: what a container has done, as far as it is saved or pushed.

use super::lab::{clone, info, push, save_info, save_wip, without_engine};
use crate::common::Sandbox;
use crate::common::dkr::outcome;
use crate::common::repo::Repo;

/// All objects that are in no pack.
fn objects(repo: &Repo) -> String {
    repo.git(["count-objects", "-v"])
}

#[test]
fn what_is_not_committed_is_shown_with_new_files() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commit(
        "Add files",
        &[("dir/kept", "1\n"), ("dir/gone", "1\n"), ("plain", "1\n")],
    );
    let work = clone(&repo);
    push(&repo, &work, "HEAD", "box", "heads/work");
    work.write("a", "2\n");
    work.git(["add", "a"]);
    work.write("a", "3\n");
    work.write("dir/new", "1\n");
    work.write("other/deep/new", "1\n");
    work.git(["rm", "--quiet", "dir/gone"]);
    std::fs::remove_file(work.path.join("plain")).unwrap();
    work.write("plain/file", "1\n");
    save_wip(&repo, &work, "box", 5);
    save_info(&repo, "box", info(&repo, "box"));
    let (before, objects_before) = (repo.snapshot(), objects(&repo));

    let diff = |args: &[&str]| {
        let all = [&["diff", "box"], args].concat();
        without_engine(&sandbox, &repo, &all).ok()
    };
    let names = diff(&["--name-status", "--no-renames"]);
    names.says("this is the work as it was last saved");
    assert_eq!(
        names.stdout,
        "M\ta\nA\tb\nD\tdir/gone\nA\tdir/new\nA\tother/deep/new\nD\tplain\nA\tplain/file\n"
    );
    let shown = diff(&["--", "a", "dir/new"]).stdout;
    assert!(
        shown.contains("-1\n+3\n") && shown.contains("new file mode"),
        "{shown}"
    );
    assert!(!shown.contains("other"), "{shown}");
    assert_eq!(
        diff(&["--name-only", "--", "other"]).stdout,
        "other/deep/new\n"
    );

    // Paths are those of where one stands, and settings are the user's.
    let mut command = sandbox.dkr_command(&repo.path.join("dir"), ["diff", "box", "--", "new"]);
    command.env("PATH", sandbox.bin());
    command.env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "diff.noprefix");
    command.env("GIT_CONFIG_VALUE_0", "true");
    let shown = outcome(&mut command).ok().stdout;
    assert!(shown.contains("+++ dir/new\n"), "{shown}");

    // Nothing stays behind, here or in temporary files.
    before.assert_same(&repo);
    assert_eq!(objects(&repo), objects_before);
    assert_eq!(sandbox.leftovers(), [""; 0]);
    without_engine(&sandbox, &repo, &["diff", "box", "main"])
        .fails()
        .says("main is not an option");
}

#[test]
fn of_what_is_committed_the_saved_comes_before_the_pushed() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let work = clone(&repo);
    save_info(&repo, "box", info(&repo, "box"));
    let run = |args: &[&str]| without_engine(&sandbox, &repo, args).ok();
    run(&["diff", "box"]).says("the repository has no work of this container");
    run(&["log", "box"]).says("the repository has no commit of this container");
    let path = repo.path.to_str().unwrap();
    work.git(["push", "--quiet", path, "HEAD:refs/heads/box/work"]);
    let changed = ["diff", "box", "--name-only"];
    assert_eq!(run(&changed).stdout, "b\n");
    work.commit("Add c", &[("c", "1\n")]);
    push(&repo, &work, "HEAD", "box", "heads/work");
    assert_eq!(run(&changed).stdout, "b\nc\n");
    // What came to main meanwhile is none of the container's.
    repo.commit("Meanwhile", &[("m", "1\n")]);
    work.branch("side", "HEAD~1");
    work.commit("Aside", &[("d", "1\n")]);
    push(&repo, &work, "HEAD", "box", "detached/worktrees/two");
    let log = ["log", "box", "--format=%s", "--topo-order"];
    let subjects = run(&log).stdout;
    let mut subjects: Vec<&str> = subjects.lines().collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["Add b", "Add c", "Aside"]);
}

#[test]
fn in_a_repository_with_refs_in_a_table() {
    let sandbox = Sandbox::new();
    let probe = sandbox
        .command("git")
        .args(["init", "--quiet", "--ref-format=reftable"])
        .arg(sandbox.path("probe"))
        .output();
    if !probe.unwrap().status.success() {
        eprintln!("skipped: this git knows no reftable");
        return;
    }
    let repo = Repo::init(&sandbox, "tables", &["--ref-format=reftable"]);
    repo.commit("Begin", &[("a", "1\n")]);
    let work = clone(&repo);
    work.write("new", "1\n");
    save_wip(&repo, &work, "box", 1);
    save_info(&repo, "box", info(&repo, "box"));
    let shown = without_engine(&sandbox, &repo, &["diff", "box", "--name-only"]).ok();
    assert_eq!(shown.stdout, "b\nnew\n");
}
