//! Names that would be code if they were not quoted everywhere.

use crate::common::dkr::outcome;
use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// Git takes it for the name of a branch.
const BRANCH: &str = "x$(touch${IFS}pwned)`touch${IFS}pwned`\"';touch${IFS}pwned&|<>%{}#!";
/// And file systems for that of a directory.
const DIRECTORY: &str = "a b \"c\" 'd' $(touch pwned) `touch pwned`;&|<>\\ é #";

/// Create, update, start and push, and nothing has been run by a name.
#[track_caller]
fn goes_all_the_way(lab: &Lab, repo: &Repo, branch: &str) {
    let image = lab.create(repo, &[branch]);
    assert_eq!(image.label("branch"), branch);
    assert_eq!(image.label("repo_path"), repo.path.to_str().unwrap());
    assert_eq!(
        image.sh("git symbolic-ref --short HEAD; printenv DKR_BRANCH"),
        format!("{branch}\n{branch}")
    );
    repo.commit("More", &[("b", "2")]);
    let image = lab.update(repo, &[branch]);
    assert_eq!(
        image.sh("git rev-parse HEAD; git symbolic-ref --short HEAD"),
        format!("{}\n{branch}", repo.head())
    );

    repo.commit("News", &[("news", "1")]);
    let script = "git push --quiet; git rev-parse HEAD @{upstream}; git rev-parse --abbrev-ref @{upstream}; find / -name pwned 2>/dev/null";
    let (name, host) = (format!("of-{BRANCH}"), format!("--hostname={}", lab.host));
    let started = lab.start(repo, &["--name", &name, &host], script).ok();
    let (head, upstream) = (repo.head(), format!("host/{branch}"));
    assert_eq!(started.stdout, format!("{head}\n{head}\n{upstream}\n"));
    assert_eq!(repo.id(&format!("refs/heads/{}/{name}", lab.host)), head);

    assert_eq!(lab.list(repo, &[branch]).len(), 1);
    let mut command = lab.command("find");
    let found = outcome(command.args([lab.root().as_os_str(), "-name".as_ref(), "pwned".as_ref()]));
    assert_eq!(found.stdout, "");
}

#[test]
fn a_branch() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch(BRANCH, "main");
    goes_all_the_way(&lab, &repo, BRANCH);
}

/// Git takes `refs/heads/zz` for the branch's whole name, unless it is asked for in full.
#[test]
fn a_branch_that_looks_like_a_ref() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let branch = "refs/heads/zz";
    let reference = format!("refs/heads/{branch}");
    repo.git(["update-ref", &reference, "HEAD"]);
    repo.git(["symbolic-ref", "HEAD", &reference]);
    let image = lab.create(&repo, &[]);
    assert_eq!(image.label("branch"), branch);
    assert_eq!(image.sh("git symbolic-ref HEAD"), reference);
    let tip = repo.commit("More", &[("b", "1")]);
    let shown = lab.dkr(&repo.path, ["check"]).ok().stdout;
    assert!(
        shown.contains("is 1 commit behind refs/heads/refs/heads/zz"),
        "{shown}"
    );
    let started = lab.start(&repo, &[], "git rev-parse HEAD @{upstream}").ok();
    assert_eq!(started.stdout, format!("{tip}\n{tip}\n"));
    assert_eq!(lab.update(&repo, &[branch]).label("commit"), tip);
}

/// As a tag of that name makes the short one ambiguous to git.
#[test]
fn a_tag_of_the_branch_s_name() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "main"]);
    repo.commit("More", &[("b", "1")]);
    lab.create(&repo, &["main"]);
    repo.branch("topic", "heads/main");
    let tip = repo.commit("Topic", &[("c", "1")]);
    let script = "git rev-parse HEAD; git config --get-regexp '^branch\\.main\\.' || :";
    let outcome = lab.start(&repo, &[".", "topic"], script).ok();
    assert_eq!(outcome.stdout, tip + "\n");
    outcome.never_says("fatal");
    // A create on the image of main forgets that branch, too.
    let image = lab.create(&repo, &["topic"]);
    assert_eq!(image.label("type"), "base");
    assert_ne!(image.label("parent"), "");
    assert_eq!(
        image.sh("git config --get-regexp '^branch\\.main\\.' || :"),
        ""
    );
}

#[test]
fn a_branch_of_a_remote() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    other.branch(BRANCH, "main");
    repo.remote("space", &other);
    let image = lab.create(&repo, &[&format!("space/{BRANCH}")]);
    assert_eq!(image.label("branch"), BRANCH);
    assert_eq!(image.sh("git rev-parse HEAD"), other.head());
}

#[test]
fn the_path_of_a_repository() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo_at(&format!("{}, {DIRECTORY}", crate::common::unique()));
    goes_all_the_way(&lab, &repo, "main");
}

#[test]
fn the_directories_of_the_user() {
    // The home, the cache and the directory for temporary files lie in it, and the repository too.
    let Some(lab) = Lab::within(DIRECTORY) else {
        return;
    };
    let repo = lab.repo();
    goes_all_the_way(&lab, &repo, "main");
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn a_comma_in_the_directory_for_temporary_files() {
    let Some(lab) = Lab::within("a, b") else {
        return;
    };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.start_work(&repo, "git push --quiet").ok();
    assert_eq!(lab.pushed_work(&repo), repo.head());
}

#[test]
fn a_tag_in_the_repository_is_only_a_tag() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", BRANCH]);
    let image = lab.create(&repo, &[BRANCH]);
    assert_eq!(image.label("branch"), BRANCH);
    assert_eq!(image.sh("git rev-parse HEAD"), repo.head());
}

#[test]
fn a_message_with_control_characters_does_not_reach_the_terminal_raw() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Red \u{1b}[31m\u{7} and back \u{8}", &[]);
    let said = lab.dkr(&repo.path, ["create-image"]).ok().stderr;
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{8}']), "{said:?}");
}
