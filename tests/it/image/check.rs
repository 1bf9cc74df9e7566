//! `git dkr check`: how stale the images of a repository are, and what mends it; and that the
//! other commands say the same.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::dkr::{Outcome, binary, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;

#[track_caller]
fn check(lab: &Lab, repo: &Repo, args: &[&str]) -> String {
    lab.dkr(&repo.path, [&["check"], args].concat()).ok().stdout
}

#[track_caller]
fn rows(lab: &Lab, repo: &Repo, args: &[&str]) -> Vec<Value> {
    let shown = check(lab, repo, &[&["--format=json"], args].concat());
    serde_json::from_str(&shown).unwrap()
}

/// Runs what was printed behind the last `: `, as somebody who pastes it into a shell here.
#[track_caller]
fn paste(lab: &Lab, directory: &Path, line: &str) -> Outcome {
    let (_, command) = line.trim_end().rsplit_once(": ").unwrap();
    assert!(command.starts_with("git dkr "), "{line}");
    let path = lab.bin_first();
    let ours = Path::new(binary()).parent().unwrap().display().to_string();
    let mut shell: Command = lab.command("sh");
    shell.args(["-c", command]).current_dir(directory);
    outcome(shell.env("PATH", format!("{ours}:{path}"))).ok()
}

#[test]
fn fresh_and_behind() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
    repo.commit("One", &[]);
    assert_eq!(
        check(&lab, &repo, &[]),
        format!("{tag} is 1 commit behind main: git dkr update-image . main\n")
    );
    repo.commits(2);
    let shown = check(&lab, &repo, &[]);
    assert_eq!(
        shown,
        format!("{tag} is 3 commits behind main: git dkr update-image . main\n")
    );
    paste(&lab, &repo.path, &shown);
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
}

#[test]
fn an_image_is_compared_with_the_ref_that_is_named() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let other = lab.repo();
    let repo = Repo::at(&lab, other.clone_with(&[]).path);
    let tag = lab.create(&repo, &["origin/main"]).tag;
    repo.commit("Local", &[]);
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
    assert_eq!(
        check(&lab, &repo, &["origin/main"]),
        format!("{tag} is fresh\n")
    );
    let shown = check(&lab, &repo, &["main"]);
    assert_eq!(
        shown,
        format!(
            "{tag} is 1 commit behind main (it follows origin/main): git dkr update-image . main\n"
        )
    );
    let row = &rows(&lab, &repo, &["main"])[0];
    assert_eq!(
        [&row["branch_from"], &row["compared_with"]],
        ["origin/main", "main"]
    );
    lab.dkr(&repo.path, ["check", "--exit-code", "main"])
        .exits(1);
    paste(&lab, &repo.path, &shown);
    assert_eq!(check(&lab, &repo, &["main"]), format!("{tag} is fresh\n"));
}

#[test]
fn diverged_and_gone() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.branch("topic", "main");
    repo.commit("Old", &[("b", "1")]);
    let tag = lab.create(&repo, &[]).tag;
    repo.amend("New");
    let shown = check(&lab, &repo, &[]);
    assert_eq!(
        shown,
        format!(
            "{tag} has diverged from topic (its commit is no longer in that branch): \
             git dkr create-image . topic\n"
        )
    );
    paste(&lab, &repo.path, &shown);
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
    repo.checkout("main").git(["branch", "-D", "topic"]);
    let gone = format!("{tag} was built from topic, which is gone\n");
    for args in [&[][..], &["topic"], &[".", "topic"]] {
        assert_eq!(check(&lab, &repo, args), gone);
    }
}

#[test]
fn a_commit_that_was_pruned_is_unknown() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let old = repo.commit("Old", &[("b", "1")]);
    let tag = lab.create(&repo, &[]).tag;
    repo.amend("New");
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["gc", "--quiet", "--prune=now"]);
    repo.git_fails(&["cat-file", "-e", &old]);
    assert_eq!(
        check(&lab, &repo, &[]),
        format!("{tag} is at a commit that is not in this repository\n")
    );
    assert_eq!(rows(&lab, &repo, &[])[0]["staleness"]["state"], "unknown");
    // Nobody knows, so nothing is complained of.
    lab.dkr(&repo.path, ["check", "--exit-code"]).ok();
    lab.dkr(&repo.path, ["check", "--all"]).ok();
}

#[test]
fn a_tag_and_a_commit_stay_where_they_are() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let commit = repo.head();
    repo.git(["tag", "v1"]);
    lab.create(&repo, &["v1"]);
    lab.create(&repo, &[&commit]);
    repo.commits(3);
    for row in rows(&lab, &repo, &[]) {
        assert_eq!(row["staleness"]["state"], "fresh", "{row}");
    }
}

#[test]
fn a_remote_s_branch_is_where_the_last_fetch_saw_it() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("origin", &other);
    let tag = lab.create(&repo, &["origin/main"]).tag;
    other.commits(2);
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
    repo.git(["fetch", "--quiet", "origin"]);
    let shown = check(&lab, &repo, &["origin/main"]);
    assert_eq!(
        shown,
        format!("{tag} is 2 commits behind origin/main: git dkr update-image . origin/main\n")
    );
    paste(&lab, &repo.path, &shown);
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
}

#[test]
fn what_is_printed_can_be_pasted_whatever_the_names_are() {
    let Some(lab) = Lab::within("it's a \"place\"; $HOME") else {
        return;
    };
    let repo = lab.repo();
    let branch = "it's;$(touch${IFS}pwned)&x";
    repo.branch(branch, "main");
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    let here = check(&lab, &repo, &[]);
    let path = repo.path.to_str().unwrap();
    let there = lab.dkr(Path::new("/"), ["check", path, branch]).ok().stdout;
    assert!(there.contains(&repo.name()), "{there}");
    paste(&lab, Path::new("/"), &there);
    assert_eq!(rows(&lab, &repo, &[])[0]["staleness"]["state"], "fresh");
    // The other, once there is something to do again.
    repo.commit("More", &[("b", "3")]);
    paste(&lab, &repo.path, &here);
    assert_eq!(rows(&lab, &repo, &[])[0]["staleness"]["state"], "fresh");
    assert!(!repo.path.join("pwned").exists());
}

#[test]
fn the_exit_code_is_for_scripts() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let code = |code| lab.dkr(&repo.path, ["check", "--exit-code"]).exits(code);
    // Nothing is nothing stale.
    code(0).says("git dkr create-image");
    let tag = lab.create(&repo, &[]).tag;
    code(0);
    repo.commits(1);
    let outcome = code(1);
    assert!(outcome.stdout.contains("1 commit behind"));
    assert_eq!(outcome.stderr, "");
    check(&lab, &repo, &[]);
    repo.git(["branch", "other"]);
    lab.create(&repo, &["other"]);
    lab.dkr(&repo.path, ["check", "--exit-code", "other"]).ok();
    code(1);
    // One that is not on this machine is no reason to fail.
    lab.docker(&["rmi", &tag]);
    lab.dkr(&repo.path, ["check", "--exit-code", "--all"]).ok();
    // An error is another thing, which a script may tell by its words.
    lab.dkr(lab.root(), ["check", "--exit-code"]).fails();
}

#[test]
fn programs_read_json() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    assert_eq!(rows(&lab, &repo, &[]), [Value::Null; 0]);
    let image = lab.create(&repo, &[]);
    repo.commits(2);
    let row = &rows(&lab, &repo, &[])[0];
    assert_eq!(row["tag"], image.tag.as_str());
    assert_eq!(row["image"], image.id());
    assert_eq!(row["branch"], "main");
    assert_eq!(row["branch_from"], "main");
    assert_eq!(row["commit"], image.label("commit"));
    assert_eq!(row["here"], true);
    assert_eq!(row["mend"], "git dkr update-image . main");
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(
        time(row["created_at"].as_str().unwrap()),
        time(&image.label("created_at"))
    );
    let expected = r#"{"state":"behind","commits":2,"key_files":[]}"#;
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(row["staleness"], expected);
    lab.update(&repo, &[]);
    let row = &rows(&lab, &repo, &[])[0];
    assert_eq!(row["staleness"]["state"], "fresh");
    assert_eq!(row.get("mend"), None);
}

#[test]
fn all_of_them_with_those_that_are_not_here() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let old = lab.create(&repo, &[]).tag;
    repo.branch("topic", "main");
    repo.commit("More", &[("b", "2")]);
    let new = lab.create(&repo, &[]).tag;
    lab.docker(&["rmi", &old]);
    repo.checkout("main").commits(2);
    assert_eq!(check(&lab, &repo, &[]), format!("{new} is fresh\n"));
    let shown = check(&lab, &repo, &["--all"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert_eq!(lines[0], format!("{new} is fresh"));
    let behind = format!("{old} is 2 commits behind main (");
    assert!(lines[1].starts_with(&behind), "{shown}");
    assert!(lines[1].ends_with("not on this machine)"), "{shown}");
    let rows = rows(&lab, &repo, &["--all"]);
    assert_eq!(
        (&rows[0]["here"], &rows[1]["here"]),
        (&true.into(), &false.into())
    );
    // There is nothing here to be updated.
    assert_eq!(rows[1].get("mend"), None);
    let shown = check(&lab, &repo, &["--all", "main"]);
    assert_eq!(shown.lines().collect::<Vec<_>>(), [lines[1]]);
}

#[test]
fn one_that_another_clone_has_here() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    let clone = repo.clone_with(&[]);
    lab.dkr(&clone.path, ["notes", "pull", "origin"]).ok();
    assert_eq!(check(&lab, &clone, &[]), "");
    let shown = check(&lab, &clone, &["--all"]);
    let path = repo.path.to_str().unwrap();
    let begins = format!("{tag} is fresh (an image of {path}, built ");
    assert!(shown.starts_with(&begins), "{shown}");
    assert!(shown.ends_with(" UTC, on this machine)\n"), "{shown}");
    let rows = rows(&lab, &clone, &["--all"]);
    assert_eq!(rows[0]["here"], true);
    assert_eq!(rows[0]["repo_path"], path);
    // It is for the other clone to mend.
    clone.commits(1);
    let stale = lab.dkr(&clone.path, ["check", "--all", "--exit-code"]).ok();
    let begins = format!("{tag} is 1 commit behind main (");
    assert!(stale.stdout.starts_with(&begins), "{stale:?}");
    assert!(!stale.stdout.contains("git dkr update-image"), "{stale:?}");
}

#[test]
fn of_one_repository_and_branch() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.branch("topic", "main");
    let main = lab.create(&repo, &["main"]).tag;
    let topic = lab.create(&repo, &["topic"]).tag;
    let others = lab.create(&other, &[]).tag;
    let fresh = |tag: &str| format!("{tag} is fresh\n");
    assert_eq!(check(&lab, &repo, &[]), fresh(&topic) + &fresh(&main));
    assert_eq!(check(&lab, &repo, &["topic"]), fresh(&topic));
    assert_eq!(check(&lab, &repo, &["refs/heads/main"]), fresh(&main));
    assert_eq!(check(&lab, &repo, &["HEAD"]), fresh(&topic));
    assert_eq!(check(&lab, &repo, &[".", "main"]), fresh(&main));
    let path = other.path.to_str().unwrap();
    assert_eq!(check(&lab, &repo, &[path]), fresh(&others));
    assert_eq!(check(&lab, &repo, &[path, "main"]), fresh(&others));
    // In a linked worktree it is the same repository, and HEAD another branch.
    let linked = repo.worktree("linked");
    assert_eq!(check(&lab, &linked, &[]), fresh(&topic) + &fresh(&main));
    assert_eq!(check(&lab, &linked, &["HEAD"]), "");
    lab.dkr(&repo.path, ["check", "no-such"])
        .fails()
        .says("no-such");
    lab.dkr(lab.root(), ["check"]).fails();
}

/// The watch list: its lines, and the words in them.
fn watched(repo: &Repo) -> Vec<Vec<String>> {
    let read = |name: &str| std::fs::read_to_string(repo.path.join(".git/dkr").join(name)).unwrap();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    let images: Vec<Vec<String>> = read("images").lines().map(words).collect();
    // The refs alone, for the stubs of the hooks.
    let refs = images.iter().map(|image| image[0].as_str());
    assert!(refs.eq(read("watch").lines()));
    images
}

#[test]
fn the_watch_list_follows() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let first = repo.head();
    let main = lab.create(&repo, &[]).tag;
    let line = |branch: &str, commit: &str, tag: &str| {
        [&format!("refs/heads/{branch}"), commit, tag, branch, branch].map(str::to_owned)
    };
    assert_eq!(watched(&repo), [line("main", &first, &main)]);
    repo.branch("topic", "main");
    let topic = lab.create(&repo, &[]).tag;
    // A commit stays where it is, and is not watched.
    lab.create(&repo, &[&first]);
    let both = [line("topic", &first, &topic), line("main", &first, &main)];
    assert_eq!(watched(&repo), both);

    lab.docker(&["rmi", &topic]);
    check(&lab, &repo, &[]);
    assert_eq!(watched(&repo), [line("main", &first, &main)]);
    repo.checkout("main");
    let second = repo.commit("More", &[("b", "2")]);
    lab.update(&repo, &[]);
    assert_eq!(watched(&repo), [line("main", &second, &main)]);
    // One list for all worktrees.
    let linked = repo.worktree("linked");
    lab.docker(&["rmi", &main]);
    check(&lab, &linked, &[]);
    assert_eq!(watched(&repo), [[""; 0]; 0]);
}

#[test]
fn the_watch_list_need_not_be_writable() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    std::fs::remove_dir_all(repo.path.join(".git/dkr")).unwrap();
    std::fs::write(repo.path.join(".git/dkr"), "in the way").unwrap();
    let outcome = lab.dkr(&repo.path, ["check"]).ok();
    assert_eq!(outcome.stdout, format!("{tag} is fresh\n"));
    assert_eq!(outcome.stderr, "");
}

const KEYS: &str = "key_files = Cargo.lock **/package-lock.json\n";

/// An image of a repository with key files in it.
fn with_keys(lab: &Lab) -> (Repo<'_>, String) {
    let repo = lab.repo();
    for file in [
        "Cargo.lock",
        "package-lock.json",
        "web/app/package-lock.json",
    ] {
        repo.commit("Add", &[(file, "1\n")]);
    }
    repo.conf(KEYS);
    let tag = lab.create(&repo, &[]).tag;
    (repo, tag)
}

#[test]
fn key_files_that_changed_are_named() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, tag) = with_keys(&lab);
    repo.commit("None of them", &[("a", "2\n"), ("web/Cargo.lock", "2\n")]);
    let mend = "git dkr update-image . main";
    let says = |text: &str| {
        assert_eq!(
            check(&lab, &repo, &[]),
            format!("{tag} is {text}: {mend}\n")
        );
    };
    says("1 commit behind main");
    repo.commit("Change", &[("Cargo.lock", "2\n")]);
    says("2 commits behind main (Cargo.lock changed)");
    repo.commit("Change", &[("web/app/package-lock.json", "2\n")]);
    says("3 commits behind main (Cargo.lock, web/app/package-lock.json changed)");
    repo.commit("Change", &[("package-lock.json", "2\n")]);
    let files = &rows(&lab, &repo, &[])[0]["staleness"]["key_files"];
    assert_eq!(
        *files,
        serde_json::json!([
            "Cargo.lock",
            "package-lock.json",
            "web/app/package-lock.json"
        ])
    );
    says(
        "4 commits behind main (Cargo.lock, package-lock.json, web/app/package-lock.json changed)",
    );
    // What was changed back has not changed.
    for file in ["package-lock.json", "web/app/package-lock.json"] {
        repo.commit("Change back", &[(file, "1\n")]);
    }
    says("6 commits behind main (Cargo.lock changed)");
    lab.update(&repo, &[]);
    assert_eq!(check(&lab, &repo, &[]), format!("{tag} is fresh\n"));
}

#[test]
fn many_key_files_are_counted() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, _) = with_keys(&lab);
    for directory in ["a1", "b", "c"] {
        repo.commit("Add", &[(&format!("{directory}/package-lock.json"), "1\n")]);
    }
    repo.commit("Change", &[("Cargo.lock", "2\n")]);
    let shown = check(&lab, &repo, &[]);
    let text = "(Cargo.lock, a1/package-lock.json and 2 more changed)";
    assert!(shown.contains(text), "{shown}");
}

#[test]
fn a_key_file_that_was_removed_has_changed() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, _) = with_keys(&lab);
    repo.git(["rm", "--quiet", "Cargo.lock"]);
    repo.commit("Remove", &[]);
    let shown = check(&lab, &repo, &[]);
    assert!(shown.contains("(Cargo.lock changed)"), "{shown}");
}

#[test]
fn settings_are_always_a_key_file() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    repo.conf("stale_after = 7\n");
    assert_eq!(
        check(&lab, &repo, &[]),
        format!("{tag} is 1 commit behind main (.dkr.conf changed): git dkr update-image . main\n")
    );
}

#[test]
fn which_files_are_key_is_what_the_image_s_settings_say() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, _) = with_keys(&lab);
    repo.conf("key_files = a\n");
    repo.commit("Change", &[("a", "2\n"), ("Cargo.lock", "2\n")]);
    let files = &rows(&lab, &repo, &[])[0]["staleness"]["key_files"];
    assert_eq!(*files, serde_json::json!([".dkr.conf", "Cargo.lock"]));
    // But who asks has the last word.
    let mut command = lab.dkr_command(&repo.path, ["check"]);
    let shown = outcome(command.env("DKR_KEY_FILES", "a")).ok().stdout;
    assert!(shown.contains("(.dkr.conf, a changed)"), "{shown}");
}

#[test]
fn a_list_and_a_start_name_them_too() {
    let Some(lab) = Lab::new() else { return };
    let (repo, tag) = with_keys(&lab);
    repo.commit("None of them", &[("a", "2\n")]);
    lab.start(&repo, &[], "true").ok().never_says("warning");
    repo.commit("Change", &[("Cargo.lock", "2\n")]);
    let shown = lab.dkr(&repo.path, ["list-images", "."]).ok().stdout;
    assert!(shown.contains("2 behind (Cargo.lock)"), "{shown}");
    let row = &lab.list(&repo, &[])[0];
    assert_eq!(
        row["staleness"]["key_files"],
        serde_json::json!(["Cargo.lock"])
    );
    // Far fewer than the commits that are fine otherwise.
    let sentence = format!("warning: image {tag} is 2 commits behind main (Cargo.lock changed)");
    let outcome = lab.start(&repo, &[], "echo went-on").ok();
    outcome.says(&sentence).says("git dkr update-image");
    assert_eq!(outcome.stdout, "went-on\n");
    lab.start(&repo, &["--no-update"], "true")
        .ok()
        .never_says("warning");
    repo.commit("Change", &[("package-lock.json", "2\n")]);
    let shown = lab.dkr(&repo.path, ["list-images", "."]).ok().stdout;
    assert!(shown.contains("3 behind (Cargo.lock, +1)"), "{shown}");
}

#[test]
fn counting_ends_at_ten_thousand() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    repo.many_commits(10_000);
    let behind = |number: &str| format!("{tag} is {number} commits behind main");
    assert!(check(&lab, &repo, &[]).starts_with(&behind("10,000")));
    repo.many_commits(2);
    let shown = check(&lab, &repo, &[]);
    assert!(shown.starts_with(&behind("10,000+")), "{shown}");
    let staleness = &rows(&lab, &repo, &[])[0]["staleness"];
    assert_eq!(staleness["commits"], 10_000);
    assert_eq!(staleness["or_more"], true);
    let listed = lab.dkr(&repo.path, ["list-images", "."]).ok().stdout;
    assert!(listed.contains("10,000+ behind"), "{listed}");
    lab.start(&repo, &["--no-update"], "true").ok();
    lab.start(&repo, &[], "true").ok().says(&behind("10,000+"));
}
