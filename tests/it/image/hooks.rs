//! The hooks and the images together: git itself says when an image has grown stale.

use std::process::Command;

use crate::common::dkr::{Outcome, outcome, terminal};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::wait_until;

/// A clone with our hooks and an image of `origin/main`, and where it came from.
fn cloned(lab: &Lab) -> (Repo<'_>, Repo<'_>) {
    let upstream = lab.repo();
    let clone = upstream.clone_with(&[]);
    lab.dkr(&clone.path, ["hooks", "install"]).ok();
    lab.create(&clone, &["origin/main"]);
    (upstream, clone)
}

/// With a git that runs hooks: other tests switch them off.
fn with_hooks(lab: Option<Lab>) -> Option<Lab> {
    let lab = lab?;
    let config = std::fs::read_to_string(lab.path("gitconfig")).unwrap();
    lab.file("gitconfig", config.replace("hooksPath = /dev/null", ""));
    Some(lab)
}

/// A git command and what it said, hooks and all.
#[track_caller]
fn git(repo: &Repo, args: &[&str]) -> Outcome {
    outcome(repo.command().args(args)).ok()
}

fn at_terminal(repo: &Repo, args: &[&str]) -> String {
    let mut command: Command = repo.command();
    command.args(args);
    terminal(command).shows_in_all()
}

#[test]
fn a_fetch_tells_of_a_stale_image_and_an_update_ends_it() {
    let Some(lab) = with_hooks(Lab::new()) else {
        return;
    };
    let (upstream, clone) = cloned(&lab);
    git(&clone, &["fetch"]).never_says("dkr");
    upstream.commit("Two", &[("a", "2\n")]);
    let line = format!(
        "dkr: dkr:{}-main is 1 commit behind origin/main: git dkr update-image . origin/main\n",
        clone.name()
    );
    git(&clone, &["fetch"]).says(&line);
    // Nothing new, nothing said.
    git(&clone, &["fetch"]).never_says("dkr:");

    lab.update(&clone, &["origin/main"]);
    upstream.commit("Three", &[]);
    let line = line.replace("2 commits", "1 commit");
    git(&clone, &["fetch"]).says(&line);
    lab.update(&clone, &["origin/main"]);
    assert_eq!(at_terminal(&clone, &["fetch"]), "");
    let check = lab.dkr(&clone.path, ["check", "--exit-code"]).ok();
    assert!(check.stdout.contains("is fresh"), "{}", check.stdout);
}

#[test]
fn a_key_file_is_named_and_silence_can_be_had() {
    let Some(lab) = with_hooks(Lab::with_fake_engine()) else {
        return;
    };
    let upstream = lab.repo();
    upstream.conf("key_files = Cargo.lock\n");
    let clone = upstream.clone_with(&[]);
    lab.dkr(&clone.path, ["hooks", "install"]).ok();
    lab.create(&clone, &["origin/main"]);
    upstream.commit("Lock", &[("Cargo.lock", "1\n"), ("b", "1\n")]);
    git(&clone, &["fetch"]).says("1 commit behind origin/main (Cargo.lock changed): ");
    upstream.commit("More", &[("b", "2\n")]);
    let silent = outcome(clone.command().arg("fetch").env("DKR_HOOKS", "0")).ok();
    silent.never_says("dkr:");
}

#[test]
fn a_person_sees_what_was_fetched_in_the_background() {
    let Some(lab) = with_hooks(Lab::with_fake_engine()) else {
        return;
    };
    let (upstream, clone) = cloned(&lab);
    upstream.commit("Two", &[]);
    // As an IDE does it: nobody reads this.
    git(&clone, &["fetch", "--quiet"]).says("1 commit behind");
    // The first thing that git does at the terminal shows it, once.
    let seen = at_terminal(&clone, &["commit", "--allow-empty", "-m", "mine"]);
    assert!(seen.contains("1 commit behind origin/main"), "{seen}");
    let again = at_terminal(&clone, &["commit", "--allow-empty", "-m", "mine"]);
    assert!(!again.contains("dkr:"), "{again}");
}

#[test]
fn pull_merge_rebase_and_switch_tell_of_the_branch_s_own_image() {
    let Some(lab) = with_hooks(Lab::with_fake_engine()) else {
        return;
    };
    let upstream = lab.repo();
    let clone = upstream.clone_with(&[]);
    lab.dkr(&clone.path, ["hooks", "install"]).ok();
    lab.create(&clone, &["main"]);
    let image = clone.head();
    let says = |outcome: Outcome, count: usize| {
        let commits = if count == 1 { "commit" } else { "commits" };
        outcome.says(&format!(
            "{count} {commits} behind main: git dkr update-image . main\n"
        ));
        assert_eq!(
            outcome.stderr.matches("dkr: ").count(),
            1,
            "{}",
            outcome.stderr
        );
    };
    // A commit of one's own is no news.
    let mine = outcome(
        clone
            .command()
            .args(["commit", "--allow-empty", "-qm", "mine"]),
    )
    .ok();
    mine.never_says("dkr:");
    clone.git(["reset", "--quiet", "--hard", "HEAD~1"]);

    upstream.commit("Two", &[("b", "1\n")]);
    says(git(&clone, &["pull", "--ff-only"]), 1);
    clone.git(["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    clone.commit("Side", &[("c", "1\n")]);
    clone.git(["checkout", "--quiet", "main"]);
    says(git(&clone, &["merge", "--no-edit", "side"]), 3);
    git(&clone, &["checkout", "side"]).never_says("dkr:");

    for backend in ["--merge", "--apply"] {
        clone.git(["checkout", "--quiet", "main"]);
        clone.git(["reset", "--quiet", "--hard", "@{upstream}"]);
        clone.commit("Local", &[("d", backend)]);
        upstream.commit("Theirs", &[("e", backend)]);
        clone.git(["fetch", "--quiet"]);
        let said = git(&clone, &["rebase", backend, "origin/main"]);
        let range = format!("{image}..main");
        let count = clone.git(["rev-list", "--count", &range]);
        says(said, count.parse().unwrap());
    }

    // Where one arrives it is told once more only when the branch has moved.
    clone.git(["checkout", "--quiet", "side"]);
    git(&clone, &["checkout", "main"]).never_says("dkr:");
    clone.git(["checkout", "--quiet", "side"]);
    clone.git(["branch", "-f", "main", "origin/main"]);
    let said = git(&clone, &["checkout", "main"]);
    said.says("behind main: git dkr update-image . main\n");
}

#[test]
fn a_branch_that_is_pruned_is_told_of() {
    let Some(lab) = with_hooks(Lab::with_fake_engine()) else {
        return;
    };
    let upstream = lab.repo();
    upstream.branch("topic", "main").checkout("main");
    let clone = upstream.clone_with(&[]);
    lab.dkr(&clone.path, ["hooks", "install"]).ok();
    lab.create(&clone, &["origin/topic"]);
    upstream.git(["branch", "-D", "topic"]);
    git(&clone, &["fetch", "--prune"]).says("was built from origin/topic, which is gone");
    // Packing refs looks like a deletion, and is none.
    git(&clone, &["pack-refs", "--all"]).never_says("dkr:");
}

#[test]
fn an_image_that_was_removed_is_not_spoken_of() {
    let Some(lab) = with_hooks(Lab::with_fake_engine()) else {
        return;
    };
    let (upstream, clone) = cloned(&lab);
    lab.docker(&["rmi", "--force", &format!("dkr:{}-main", clone.name())]);
    lab.dkr(&clone.path, ["check"]).ok();
    upstream.commit("Two", &[]);
    git(&clone, &["fetch"]).never_says("dkr:");
}

#[test]
fn a_stale_image_is_updated_in_the_background_on_request() {
    let Some(lab) = with_hooks(Lab::new()) else {
        return;
    };
    let upstream = lab.repo();
    let clone = upstream.clone_with(&[]);
    lab.dkr(&clone.path, ["hooks", "install", "--auto-update"])
        .ok();
    lab.create(&clone, &["origin/main"]);
    let commit = upstream.commit("Two", &[]);
    // A reader of git's output does not wait for the update.
    let fetched = git(&clone, &["fetch"]);
    fetched.says("updating it in the background");
    let baked = || {
        lab.list(&clone, &[])[0]["commit"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    wait_until("the image is updated", || baked() == commit);
    // It has let go of everything by now.
    wait_until("the update has ended", || {
        let lock = std::fs::File::open(
            clone
                .path
                .join(format!(".git/dkr/dkr-{}-main.lock", clone.name())),
        );
        lock.is_ok_and(|lock| lock.try_lock().is_ok())
    });
    let log = std::fs::read_to_string(clone.path.join(".git/dkr/update.log")).unwrap();
    assert!(log.contains("built"), "{log}");
    git(&clone, &["fetch"]).never_says("dkr:");
}
