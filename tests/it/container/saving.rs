//! What is saved of a container while it runs and at its end, and what is not.

use rustix::process::Signal;

use super::running::{STATE, Started, saved};
use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// Files of all kinds that are committed.
fn full<'a>(lab: &'a Lab) -> Repo<'a> {
    let repo = lab.repo();
    let names = ["gone", "staged-gone", "mode", "both", "dir/x", "moved"];
    let files = names.map(|name| (name, "1\n2\n3\n"));
    repo.commit("Add files", &files);
    std::os::unix::fs::symlink("a", repo.path.join("link")).unwrap();
    repo.git(["add", "link"]);
    repo.commit("Ignore logs", &[(".gitignore", "*.log\n")]);
    repo
}

/// Leaves work of all kinds in a container.
const WORK: &str = r#"
echo 2 >a; git commit -qam 'On work'
git switch -qc side; echo side >side; git add side; git commit -qm 'On side'
git switch -q work
echo stashed >both; git stash push -q -m first
echo second >both; echo new >stashed-new; git stash push -qu -m second
git worktree add -q -b third /tmp/third
(cd /tmp/third; git commit -q --allow-empty -m 'On third'; echo 3 >a; echo new >'in third')
git worktree add -q --detach /tmp/loose
(cd /tmp/loose; git commit -q --allow-empty -m 'On nothing')
rm gone; git rm -q staged-gone; git mv moved 'moved there'; chmod +x mode; ln -sf both link
echo staged >both; git add both; echo changed >>both
echo new >'a space'; echo new >'-dash'; echo new >':(top)x'; echo new >'*'; echo new >"$(printf 'a\nline\ttab')"
echo new >'"quoted"'; echo new >'ünï'; mkdir -p -- '-d/sub'; echo new >'-d/sub/-f'; : >empty
echo new >added; chmod +x added; git add added; ln -s nowhere dangling; echo x >x.log
"#;

#[test]
fn work_of_all_kinds_is_saved_and_left_as_it_is_and_comes_back() {
    let Some(lab) = Lab::new() else { return };
    let repo = full(&lab);
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh(WORK);
    let untouched =
        "find .git -type f ! -path '*/objects/*' ! -path '*dkr-save/*' | sort | xargs sha256sum
        git stash list";
    let status = "git status --porcelain=v2 -z | tr '\\0' '\\n'; sha256sum .git/index .git/worktrees/*/index";
    let before = (work.sh(untouched), work.sh(status));
    let state = work.sh(STATE);
    let outcome = work.save();
    outcome.says("4 commits on");
    outcome.says("2 stashes");
    let after = (work.sh(untouched), work.sh(status));
    assert_eq!(before, after);
    assert_eq!(state, work.sh(STATE));

    let kinds: Vec<String> = work.saved().into_keys().collect();
    assert_eq!(
        kinds,
        [
            "detached/worktrees/loose",
            "heads/side",
            "heads/third",
            "heads/work",
            "info",
            "stash/0",
            "stash/1",
            "wip/workspace",
            "wip/worktrees/third",
        ]
    );
    // As a stash has it.
    let wip = "wip/workspace";
    assert_eq!(work.text(wip, "both"), "staged\nchanged");
    assert_eq!(work.text(&format!("{wip}^2"), "both"), "staged");
    assert_eq!(
        work.saved()["heads/work"],
        repo.id(&format!("refs/dkr/work/{}/{wip}^1", work.name))
    );
    assert_eq!(
        work.files(&format!("{wip}^3")),
        [
            "\"quoted\"",
            "*",
            "-d/sub/-f",
            "-dash",
            ":(top)x",
            "a\nline\ttab",
            "a space",
            "dangling",
            "empty",
            "ünï"
        ]
    );
    let mut changed = work.files(wip);
    changed.retain(|name| {
        !["a", "dir/x", "side", "both", "mode", "link", ".gitignore"].contains(&name.as_str())
    });
    assert_eq!(changed, ["added", "moved there"]);
    let modes = repo.git([
        "ls-tree",
        &format!("refs/dkr/work/{}/{wip}", work.name),
        "mode",
        "link",
        "added",
    ]);
    let modes: Vec<&str> = modes.lines().map(|line| &line[..6]).collect();
    assert_eq!(modes, ["100755", "120000", "100755"]);

    // With nothing new a save makes nothing and asks nobody: the other end does not answer.
    let objects = work.sh("git count-objects");
    let refs = work.saved();
    work.signal_keeper(Signal::STOP);
    let save = lab.dkr_spawn(&repo.path, &["save", &work.name]).ends();
    work.signal_keeper(Signal::CONT);
    save.ok().says("4 commits on");
    assert_eq!(work.sh("git count-objects"), objects);
    assert_eq!(work.saved(), refs);

    // What is gone is not saved any more.
    work.sh(
        "git stash drop -q; git branch -qD side; git worktree remove --force /tmp/loose; rm empty",
    );
    work.save().says("2 commits on third and work");
    let kinds: Vec<String> = work.saved().into_keys().collect();
    assert_eq!(
        kinds,
        [
            "heads/third",
            "heads/work",
            "info",
            "stash/0",
            "wip/workspace",
            "wip/worktrees/third"
        ]
    );

    let state = work.sh(STATE);
    work.dkr(&["stop"])
        .ok()
        .says(&format!("git dkr resume {}", work.name));
    work.await_gone();
    let again = work.resumed(STATE);
    similar(&state, &again);
    work.await_gone();
}

/// What differs, if anything does but for what cannot be the same.
#[track_caller]
fn similar(before: &str, after: &str) {
    // The worktree that is gone is one more stash.
    let line = |line: &str| match line.split_once("stash@{") {
        Some((_, stash)) => stash.split_once(' ').unwrap().1.to_owned(),
        None => line.to_owned(),
    };
    let kept = |text: &str| -> Vec<String> { text.lines().map(line).collect() };
    let (before, after) = (kept(before), kept(after));
    let missing: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let added: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:#?}\ninstead of {added:#?}");
}

#[test]
fn a_merge_in_conflict_and_a_branch_without_a_commit() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo ours >a; git commit -qam Ours; git switch -qc other HEAD~1
        echo theirs >a; git commit -qam Theirs; git switch -q work; git merge -q other >/dev/null || :
        echo new >new; echo added >added; git add added");
    let status = work.sh("git status --porcelain; git ls-files -s; cat .git/MERGE_HEAD");
    work.save()
        .says("2 commits on other and work, 3 changed files");
    assert!(work.text("wip/workspace", "a").contains("<<<<<<<"));
    assert_eq!(
        status,
        work.sh("git status --porcelain; git ls-files -s; cat .git/MERGE_HEAD")
    );
    work.sh("git merge --abort; rm -f new added; git switch -q --orphan bare; echo first >first; git add first; echo new >new");
    work.save()
        .says("2 commits on other and work, 2 changed files");
    assert_eq!(work.text("wip/workspace^2", "first"), "first");
    assert_eq!(work.files("wip/workspace^3"), ["new"]);
    work.dkr(&["stop"]).ok();
    let seen = work.resumed("git status --porcelain; git branch --show-current");
    assert_eq!(seen, "A  first\n?? new\nbare");
}

#[test]
fn a_file_above_the_limit_is_left_out_and_named() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::with_env(&lab, &repo, &[], &[("DKR_SAVE_LIMIT", "1k")]);
    work.sh("head -c 2000 /dev/zero >'too big'; head -c 2000 /dev/zero >-x; head -c 1024 /dev/zero >fits
        mkdir own; git init -q own; echo b >own/b");
    let save = work.save();
    save.says("not saved: too big (larger than save_limit)");
    save.says("not saved: -x (larger than save_limit)");
    save.says("not saved: own/ (a repository of its own)");
    assert_eq!(work.files("wip/workspace^3"), ["fits"]);
    // Alone, it is named, too.
    work.sh("rm -rf fits own ./-x");
    work.save().says("not saved: too big");
    let end = work.dkr(&["stop"]).ok();
    end.says("not saved: too big");
}

#[test]
fn a_link_in_the_place_of_a_directory_is_saved() {
    let Some(lab) = Lab::new() else { return };
    let repo = full(&lab);
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    let state = work.sh(&format!("rm -r dir gone; ln -s a dir; echo 2 >a\n{STATE}"));
    work.save().says("4 changed files");
    work.dkr(&["stop"]).ok();
    assert_eq!(work.resumed(STATE), state);
}

#[test]
fn a_save_that_was_killed_stands_in_the_way_of_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; echo new >new; mkdir .git/dkr-save
        touch .git/dkr-save/index.lock .git/dkr-save/index-untracked.lock");
    work.save().says("2 changed files");
}

#[test]
fn a_save_needs_nothing_that_git_has_pruned() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo new >new; git worktree add -q --detach /tmp/other; echo other >/tmp/other/new");
    let prune = "git gc -q --prune=now";
    for change in ["echo 2 >a", "git commit -q --allow-empty -m One"] {
        work.save();
        work.sh(&format!("{change}; {prune}"));
        work.save();
    }
    assert_eq!(work.text("wip/workspace^3", "new"), "new");
    // Where the host could not be reached, what was made for it may be gone, too.
    work.sh(&format!(
        "echo 3 >a; ! GIT_SSH_COMMAND=false sh /run/dkr/save 2>&1; {prune}"
    ));
    work.save();
    assert_eq!(work.text("wip/workspace", "a"), "3");
    work.dkr(&["stop"]).ok();
    let seen = work.resumed("cat a new; git show stash^3:new");
    assert_eq!(seen, "3\nnew\nother");
}

#[test]
fn the_end_says_what_is_saved_and_nothing_when_all_was_pushed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let refs = || repo.git(["for-each-ref", "refs/dkr"]);
    // Nothing was done.
    lab.start_work(&repo, "true").ok().never_says("saved");
    assert_eq!(refs(), "");
    // All was pushed.
    let push = "git commit -q --allow-empty -m One; git push -q";
    lab.start_work(&repo, push).ok().never_says("saved");
    assert_eq!(refs(), "");
    let host = lab.host.clone();
    let name = format!("{host}-2");
    let option = format!("--hostname={name}");
    let start = |options: &[&str], script: &str| {
        lab.start(
            &repo,
            &[&["--name=work", &option], options].concat(),
            script,
        )
    };
    // Nothing is wanted.
    let work = "git commit -q --allow-empty -m One; echo b >b; echo c >c; exit 3";
    start(&["--discard"], work).exits(3).never_says("saved");
    assert_eq!(refs(), "");
    assert_eq!(lab.containers(), [""; 0]);
    // Of what is pushed no more is spoken.
    let outcome = start(
        &[],
        "git commit -q --allow-empty -m One; git push -q; git commit -q --allow-empty -m Two; echo b >b; exit 4",
    );
    let said = format!("saved 1 commit on work, 1 changed file: git dkr resume {name}");
    let words: Vec<&str> = outcome.stderr.split_whitespace().collect();
    let told = words.join(" ").replace("saved: ", "saved ");
    assert!(told.contains(&said), "{told}");
    outcome.exits(4);
    assert_eq!(lab.containers(), [""; 0]);
    let info = repo.git([
        "cat-file",
        "blob",
        &format!("refs/dkr/work/{name}/info:container.json"),
    ]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(
        (&info["exit_code"], &info["work_branch"]),
        (&4.into(), &"work".into())
    );
    assert_eq!(info["commit"], repo.id("main"));
    let text = info.to_string();
    assert!(!text.contains('/'), "{text}");
    // And its name is not given again.
    start(&[], "true")
        .fails()
        .says(&format!("git dkr resume {name}"));
    let mut kinds: Vec<String> = saved(&repo, &name).into_keys().collect();
    kinds.sort();
    assert_eq!(kinds, ["heads/work", "info", "wip/workspace"]);
}

/// What looks as it was saved is not read again.
#[test]
fn a_change_that_leaves_size_and_status_is_saved() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    for number in 2..4 {
        for file in ["a", "new"] {
            work.sh(&format!("echo {number} >{file}; touch -d @0 {file}"));
            work.save();
            // From when on it is believed.
            work.sh("sleep 3");
            work.save();
            work.save();
            let tree = if file == "a" {
                "wip/workspace"
            } else {
                "wip/workspace^3"
            };
            assert_eq!(work.text(tree, file), number.to_string());
        }
    }
    // As is one that only moves it into the index.
    work.sh("git add a");
    work.save();
    assert_eq!(work.text("wip/workspace^2", "a"), "3");
}

/// It is not taken for nothing, which would delete what is saved.
#[test]
fn what_git_cannot_read_in_a_container_stays_saved() {
    const EMPTY: &str = "empty() { id=$(git rev-parse $1); : >.git/objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-); }";
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; git commit -qam Two; echo stash >a; git stash push -q; git switch -qc other main; echo 3 >a");
    work.save();
    let saved = work.saved();
    assert_eq!(saved.len(), 4, "{saved:?}");
    // What a save has written down for the next one was cut off.
    work.sh(": >.git/dkr-save/commit");
    work.save();
    // The commit is made anew, perhaps a second later.
    assert_eq!(work.text("wip/workspace", "a"), "3");
    let saved = work.saved();
    for lost in ["stash", "work"] {
        work.sh(&format!("{EMPTY}; chmod -R u+w .git/objects; empty {lost}"));
        work.dkr(&["save"])
            .exits(1)
            .says("not all of it can be read");
        assert_eq!(work.saved(), saved, "{lost}");
    }
}

/// Those whose copies the host has.
#[test]
fn commits_and_changes_in_a_submodule() {
    let Some(lab) = Lab::new() else { return };
    let (other, repo) = (lab.repo(), lab.repo());
    repo.submodule("libs/one", &other);
    repo.conf("submodules = yes\n");
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("cd libs/one; git switch -qc topic; echo 2 >a; git commit -qam Two; echo 3 >a; echo new >new");
    work.save();
    let module = Repo::at(&lab, repo.path.join("libs/one"));
    let kinds: Vec<String> = saved(&module, &work.name).into_keys().collect();
    assert_eq!(kinds, ["heads/topic", "wip/workspace"]);
    let shown = |what: &str| {
        let object = format!("refs/dkr/work/{}/{what}", work.name);
        module.git(["cat-file", "blob", &object])
    };
    assert_eq!(shown("heads/topic:a"), "2");
    assert_eq!(shown("wip/workspace:a"), "3");
    assert_eq!(shown("wip/workspace^3:new"), "new");
}
