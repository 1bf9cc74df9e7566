//! What `git dkr start-image` says and asks when an image is behind its branch.

use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// More than the 50 that are fine without a setting.
const MANY: usize = 60;

/// A repository whose image is 60 commits behind.
fn behind(lab: &Lab) -> Repo<'_> {
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.commits(MANY);
    repo
}

/// Where the newest image is.
#[track_caller]
fn baked(lab: &Lab, repo: &Repo) -> String {
    let rows = lab.list(repo, &[]);
    rows[0]["commit"].as_str().unwrap().to_owned()
}

#[test]
fn at_a_terminal_it_warns_asks_and_updates_on_yes() {
    let Some(lab) = Lab::new() else { return };
    let repo = behind(&lab);
    let args = ["start-image", "--", "git", "rev-parse", "HEAD"];
    let mut terminal = lab.dkr_terminal(&repo.path, &args);
    terminal
        .shows("warning:")
        .shows(&format!(
            "dkr:{}-main is 60 commits behind main",
            repo.name()
        ))
        .shows("[y/N]")
        .types("y")
        .shows("tracking host/main")
        .shows(&repo.head());
    assert_eq!(terminal.ends(), 0);
    assert_eq!(baked(&lab, &repo), repo.head());
    assert_eq!(lab.list(&repo, &[])[0]["type"], "update");
}

#[test]
fn declined_it_goes_on_as_it_is() {
    let Some(lab) = Lab::new() else { return };
    let repo = behind(&lab);
    let old = baked(&lab, &repo);
    for answer in ["n", ""] {
        let mut terminal = lab.dkr_terminal(&repo.path, &["start-image", "--", "echo", "went-on"]);
        terminal.shows("[y/N]").types(answer).shows("went-on");
        assert_eq!(terminal.ends(), 0);
        assert_eq!(baked(&lab, &repo), old);
    }
}

#[test]
fn off_a_terminal_it_warns_and_goes_on() {
    let Some(lab) = Lab::new() else { return };
    let repo = behind(&lab);
    let old = baked(&lab, &repo);
    let outcome = lab.start(&repo, &[], "echo went-on").ok();
    outcome
        .says(&format!(
            "warning: image dkr:{}-main is 60 commits behind main",
            repo.name()
        ))
        .says("git dkr update-image")
        .never_says("[y/N]");
    assert_eq!(outcome.stdout, "went-on\n");
    assert_eq!(baked(&lab, &repo), old);
}

#[test]
fn update_and_no_update_decide() {
    let Some(lab) = Lab::new() else { return };
    let repo = behind(&lab);
    let old = baked(&lab, &repo);
    lab.start(&repo, &["--no-update"], "true")
        .ok()
        .never_says("warning");
    assert_eq!(baked(&lab, &repo), old);
    let outcome = lab.start(&repo, &["--update"], "git rev-parse HEAD").ok();
    assert_eq!(outcome.stdout, repo.head() + "\n");
    assert_eq!(baked(&lab, &repo), repo.head());
    lab.dkr(&repo.path, ["start-image", "--update", "--no-update"])
        .exits(2);
}

#[test]
fn update_is_for_any_number_of_commits() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.commit("One", &[("b", "1")]);
    lab.start(&repo, &["--update"], "true").ok();
    assert_eq!(baked(&lab, &repo), repo.head());
    // And nothing to do is fine.
    lab.start(&repo, &["--update"], "true").ok();
}

#[test]
fn a_few_commits_are_nothing_to_speak_of() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.commits(50);
    lab.start(&repo, &[], "true").ok().never_says("warning");
    repo.commits(1);
    lab.start(&repo, &[], "true").ok().says("51 commits behind");
}

#[test]
fn the_limit_is_a_setting() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("stale_after = 1\n");
    lab.create(&repo, &[]);
    repo.commits(2);
    lab.start(&repo, &[], "true").ok().says("2 commits behind");
    repo.git(["config", "dkr.staleAfter", "2"]);
    lab.start(&repo, &[], "true").ok().never_says("warning");
}

#[test]
fn it_follows_the_remote_s_branch_it_was_built_from() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    other.git(["branch", "-M", "master"]);
    repo.remote("origin", &other);
    lab.create(&repo, &["origin/master"]);
    let tip = other.commits(MANY);
    // A local branch of the same name says nothing about it.
    repo.git(["branch", "master", "main"]);
    lab.start(&repo, &[], "true").ok().never_says("warning");
    repo.git(["fetch", "--quiet", "origin"]);
    let script = "git rev-parse HEAD";
    let outcome = lab.start(&repo, &[], script).ok();
    outcome
        .says("is 60 commits behind origin/master")
        .says("update-image");
    // The newest commit is worked on all the same.
    assert_eq!(outcome.stdout, format!("{tip}\n"));

    let args = ["start-image", "--", "git", "rev-parse", "HEAD"];
    let mut terminal = lab.dkr_terminal(&repo.path, &args);
    terminal.shows("[y/N]").types("y").shows(&tip);
    assert_eq!(terminal.ends(), 0);
    let row = &lab.list(&repo, &[])[0];
    assert_eq!(
        (&row["commit"], &row["branch_from"]),
        (&tip.into(), &"origin/master".into())
    );
}

#[test]
fn diverged_suggests_a_create_and_asks_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Old", &[("b", "1")]);
    lab.create(&repo, &[]);
    repo.amend("Rewritten");
    let outcome = lab.start(&repo, &[], "git rev-parse HEAD").ok();
    outcome.says("diverged").says("git dkr create-image");
    // The rewritten branch is worked on.
    assert_eq!(outcome.stdout, repo.head() + "\n");
    let mut terminal = lab.dkr_terminal(&repo.path, &["start-image", "--", "echo", "went-on"]);
    terminal.shows("diverged").shows("went-on");
    assert_eq!(terminal.ends(), 0);
    // And may be updated to, when one insists.
    lab.start(&repo, &["--update"], "true")
        .ok()
        .says("history was rewritten");
    assert_eq!(baked(&lab, &repo), repo.head());
}

#[test]
fn a_push_of_a_container_makes_no_image_stale() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "git -c user.name=B -c user.email=b@x commit --quiet --allow-empty -m Work && git push --quiet";
    lab.start(&repo, &[], script).ok();
    assert_eq!(lab.list(&repo, &[])[0]["staleness"]["state"], "fresh");
}
