//! Going on with saved work: here and in a clone, and what cannot be gone on with.

use super::running::{STATE, Started, resumed, saved};
use crate::common::engine::Lab;
use crate::common::repo::Repo;

#[test]
fn a_clone_that_fetched_the_work_has_it_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; git commit -qam Two; git checkout -q --detach; echo 3 >a; git commit -qam Three
        echo stash >a; git stash push -q; echo staged >a; git add a; echo changed >a; echo new >'a new'");
    let state = work.sh(STATE);
    work.dkr(&["stop"]).ok();
    work.await_gone();
    let kinds: Vec<String> = work.saved().into_keys().collect();
    assert_eq!(
        kinds,
        [
            "detached/workspace",
            "heads/work",
            "info",
            "stash/0",
            "wip/workspace"
        ]
    );
    let clone = repo.clone_with(&[]);
    clone.git([
        "fetch",
        "--quiet",
        "origin",
        "refs/dkr/work/*:refs/dkr/work/*",
    ]);
    lab.create(&clone, &[]);
    assert_eq!(resumed(&lab, &clone, &work.name, STATE), state);
    // What was resumed and not changed is what is saved, and where it is not resumed it stays.
    let tree = format!("refs/dkr/work/{}/wip/workspace", work.name);
    let list = |repo: &Repo| repo.git(["ls-tree", "-r", &tree]);
    assert_eq!(list(&clone), list(&repo));
    // Work goes on, is pushed, and then nothing is left to save.
    let rest = "git stash drop -q; git add -A; git commit -qm Rest; git branch -qf work; git switch -q work; git push -q";
    let args = ["resume", &work.name, "--", "sh", "-ec", rest];
    lab.dkr(&clone.path, args).ok().never_says("saved");
    assert!(saved(&clone, &work.name).is_empty());
    assert_eq!(
        clone.git(["log", "--format=%s", "-3", &format!("{}/work", work.name)]),
        "Rest\nThree\nTwo"
    );
    let hint = "list-containers";
    lab.dkr(&clone.path, ["resume", &work.name])
        .fails()
        .says(hint);
    // The other repository still has what it had.
    assert_eq!(work.resumed(STATE), state);
    // A push goes to where the first one went.
    work.resumed(
        "git stash drop -q; git reset -q --hard; git clean -fdq; git switch -q work; git push -q",
    );
    assert_eq!(
        repo.git(["log", "--format=%s", "-1", &format!("{}/work", work.name)]),
        "Two"
    );
}

#[test]
fn head_is_where_it_was() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Another", &[]);
    lab.create(&repo, &[]);
    let commit = "git switch -qc fix; echo 2 >a; git commit -qam Two; ";
    for (rest, told) in [
        ("", "1 commit on fix"),
        // On one without commits of its own, on none, and back on the one that it began on.
        ("git switch -qc idea work", "1 commit on fix"),
        ("git checkout -q --detach work", "1 commit on fix"),
        ("git switch -q work", "1 commit on fix"),
        (
            "git switch -q work; git reset -q --hard HEAD~1",
            "1 commit on fix",
        ),
        (
            "git switch -qc idea work; git branch -qD fix; echo 3 >a; git stash push -q",
            "1 stash",
        ),
    ] {
        let work = Started::new(&lab, &repo, &[]);
        let state = work.sh(&format!("{commit}{rest}\n{STATE}"));
        work.dkr(&["stop"]).ok().says(told).never_says("file");
        work.await_gone();
        assert_eq!(work.resumed(STATE), state, "{rest}");
        work.dkr(&["remove", "--force"]).ok();
    }
    // Where it is, alone, is nothing to save.
    let work = Started::new(&lab, &repo, &[]);
    work.sh("git switch -qc idea");
    work.dkr(&["stop"]).ok().never_says("saved");
    work.await_gone();
    assert!(work.saved().is_empty());
}

#[test]
fn branches_are_made_where_others_are_in_the_way() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN echo generated >/workspace/gen\n");
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("git branch -m work work/fix; git add gen; echo 2 >a; git commit -qam Two");
    // That it is on no branch there, nobody would find here.
    work.sh(
        "git worktree add -q --detach /tmp/off; cd /tmp/off; git commit -q --allow-empty -m Off",
    );
    work.dkr(&["stop"]).ok();
    work.await_gone();
    let seen = work.resumed(
        "git symbolic-ref --short HEAD; git status --porcelain; git log -1 --format=%s; git log -1 --format=%s off-detached",
    );
    assert_eq!(seen, "work/fix\nTwo\nOff");
    let saved = work.saved();
    assert!(saved.contains_key("heads/off-detached"), "{saved:?}");
    assert!(!saved.contains_key("detached/worktrees/off"), "{saved:?}");
}

#[test]
fn one_that_had_pushed_its_branch_goes_on_with_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh(
        "echo 2 >a; git commit -qam Two; git push -q; echo 3 >a; git commit -qam Three; echo 4 >a",
    );
    work.dkr(&["stop"]).ok();
    work.await_gone();
    let seen =
        work.resumed("git branch --show-current; git log --format=%s -2; cat a; git push -q");
    assert_eq!(seen, "work\nThree\nTwo\n4");
    let pushed = format!("{}/work", work.name);
    assert_eq!(repo.git(["log", "-1", "--format=%s", &pushed]), "Three");
}

#[test]
fn submodules_are_as_they_were() {
    const LOOK: &str = "cd /workspace; git status --porcelain=v2; cd libs/one
        git symbolic-ref --quiet HEAD || echo detached; git rev-parse HEAD
        git status --porcelain=v2 --untracked-files=all; git diff --cached; git diff; cat new || :; git stash list";
    let Some(lab) = Lab::new() else { return };
    let (other, repo) = (lab.repo(), lab.repo());
    repo.submodule("libs/one", &other);
    repo.conf("submodules = yes\n");
    lab.create(&repo, &[]);
    let changes = "echo staged >a; git add a; echo changed >a; echo new >new";
    for (edit, told) in [
        (changes.to_owned(), "work in libs/one"),
        (
            format!(
                "git switch -qc topic; echo 2 >a; git commit -qam Two; echo 3 >a; git stash push -q; {changes}"
            ),
            "work in libs/one",
        ),
        (
            "git switch -qc topic; echo 2 >a; git commit -qam Two; echo >new; git add new; git commit -qm Three"
                .to_owned(),
            "1 changed file, work in libs/one",
        ),
        (
            "echo 2 >a; git commit -qam Two; cd /workspace; git commit -qam Bump; git push -q; echo 3 >a"
                .to_owned(),
            "1 changed file: git dkr resume",
        ),
    ] {
        for options in [&[][..], &["--user=agent"]] {
            let work = Started::new(&lab, &repo, options);
            let state = work.sh(&format!("cd libs/one; {edit}\n{LOOK}"));
            work.dkr(&["stop"]).ok().says(told);
            work.await_gone();
            let before = trees(&work);
            assert_eq!(work.resumed_with(options, LOOK), state, "{edit}");
            // That is saved again, and nothing else.
            assert_eq!(trees(&work), before);
            work.dkr(&["remove", "--force"]).ok();
            // The next one is called the same.
            for module in [&repo, &Repo::at(&lab, repo.path.join("libs/one"))] {
                module.git(["update-ref", "-d", &format!("refs/heads/{}/work", work.name)]);
            }
        }
    }
}

#[test]
fn what_was_pushed_is_there_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let push = "echo 2 >a; git commit -qam Two; git push -q; ";
    for rest in [
        "echo 3 >a",
        "echo 3 >a; git stash push -q",
        "git switch -qc side; git commit -q --allow-empty -m Three",
    ] {
        let work = Started::new(&lab, &repo, &[]);
        let state = work.sh(&format!("{push}{rest}\n{STATE}"));
        work.dkr(&["stop"]).ok();
        work.await_gone();
        let more = "git switch -q work; git commit -q --allow-empty -m Last; git push -q";
        assert_eq!(work.resumed(&format!("{STATE}\n{more}")), state, "{rest}");
        let pushed = format!("{}/work", work.name);
        let subjects = repo.git(["log", "-2", "--format=%s", &pushed]);
        assert_eq!(subjects, "Last\nTwo");
        repo.git(["branch", "--quiet", "-D", &pushed]);
        work.dkr(&["remove", "--force"]).ok();
    }
}

#[test]
fn branches_come_back_whose_names_are_in_the_way_of_a_fresh_one() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    let state = work.sh(&format!(
        "git branch -m work work/more; git branch -qD main; git commit -q --allow-empty -m Two
        git branch main/more; echo 3 >a\n{STATE}"
    ));
    work.dkr(&["stop"]).ok();
    work.await_gone();
    assert_eq!(work.resumed(STATE), state);
}

#[test]
fn a_commit_of_another_worktree_on_no_branch_comes_back_on_one() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    let commit =
        "git worktree add -q --detach /tmp/loose; cd /tmp/loose; git commit -q --allow-empty -m";
    work.sh(&format!("{commit} One"));
    work.dkr(&["stop"]).ok();
    work.await_gone();
    let branches =
        "git for-each-ref --format='%(refname:short) %(subject)' --no-merged=work refs/heads";
    let again = format!("{branches}; {commit} Two");
    assert_eq!(work.resumed(&again), "loose-detached One");
    // The name is taken by then.
    assert_eq!(
        work.resumed(branches),
        "loose-detached One\nloose-detached2 Two"
    );
    assert_eq!(
        work.saved().into_keys().collect::<Vec<_>>(),
        ["heads/loose-detached", "heads/loose-detached2", "info"]
    );
}

#[test]
fn one_that_is_gone_comes_back_as_it_was_saved() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for is_kept in [true, false] {
        let work = Started::with_env(&lab, &repo, &[], &[("DKR_SAVE_EVERY", "3600")]);
        let state = work.sh(&format!(
            "echo 2 >a; git commit -qam Two; echo 3 >a\n{STATE}"
        ));
        work.save();
        if !is_kept {
            work.kill_keeper();
        }
        lab.docker(&["rm", "--force", &work.name]);
        assert_eq!(work.resumed(STATE), state);
        work.dkr(&["remove", "--force"]).ok();
    }
}

#[test]
fn what_cannot_be_resumed_is_said() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.dkr(&["resume"])
        .fails()
        .says(&format!("{} is running", work.name))
        .says("git dkr attach");
    work.sh("echo 2 >a; git commit -qam Two; echo 3 >a");
    work.dkr(&["stop"]).ok();
    work.await_gone();
    lab.dkr(&repo.path, ["resume", "unknown"])
        .fails()
        .says("no container of this repository is called \"unknown\"");
    let before = work.saved();
    let reference = format!("refs/dkr/work/{}/heads/work", work.name);
    let lost = repo.id(&reference);
    repo.lose(&reference);
    let said = work.dkr(&["resume"]).fails();
    said.says(&format!(
        "the commit of {reference} is not in this repository"
    ));
    assert!(!work.exists());
    work.dkr(&["remove"]).fails();
    work.dkr(&["diff"]).never_says("panicked");
    lab.dkr(&repo.path, ["list-containers"]).ok();
    assert_eq!(work.saved(), before);
    work.dkr(&["remove", "--force"]).ok();
    assert!(work.saved().is_empty(), "{lost}");
}

#[test]
fn one_that_cannot_be_brought_back_keeps_what_is_saved() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; git commit -qam Two; echo 3 >a; echo new >new");
    work.dkr(&["stop"]).ok();
    work.await_gone();
    let before = trees(&work);
    // A command that fails at once, and one that is killed, change nothing of what is saved.
    let args = ["resume", &work.name, "--", "/no/such/command"];
    lab.dkr(&repo.path, args).exits(127);
    assert_eq!(trees(&work), before);
    // Nor does one whose image lost git's way to write.
    let args = ["resume", &work.name, "--run-arg=--read-only", "--", "true"];
    let outcome = lab.dkr(&repo.path, args);
    assert_ne!(outcome.code, Some(0), "{}", outcome.stderr);
    outcome.never_says("panicked");
    assert_eq!(trees(&work), before);
}

/// What is saved, without what only its time tells apart.
fn trees(work: &Started) -> Vec<String> {
    let kinds = work.saved().into_keys().filter(|kind| kind != "info");
    let tree = |kind: String| {
        let revision = format!("refs/dkr/work/{}/{kind}^{{tree}}", work.name);
        format!("{kind} {}", work.repo.git(["rev-parse", &revision]))
    };
    kinds.map(tree).collect()
}
