//! `git dkr update-image`: one thin layer, at exactly the commit.

use crate::common::engine::{Gate, Lab};

#[test]
fn one_layer_more_at_the_new_commit() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Add", &[("gone", "1"), ("kept", "1")]);
    let base = lab.create(&repo, &[]);
    repo.git(["rm", "--quiet", "gone"]);
    repo.commit("Change", &[("new", "2")]);
    let before = repo.snapshot();
    let image = lab.update(&repo, &[]);

    assert_eq!(image.tag, base.tag);
    assert_eq!(image.label("type"), "update");
    assert_eq!(image.label("commit"), repo.head());
    assert_eq!(image.label("parent"), base.id());
    assert_eq!(image.layers(), base.layers() + 1);
    assert_eq!(
        image.sh("git rev-parse HEAD; git status --porcelain"),
        repo.head()
    );
    assert_eq!(
        image.sh("git symbolic-ref --short HEAD; ls"),
        "main\na\nkept\nnew"
    );
    assert_eq!(
        image.sh("git rev-parse refs/remotes/host/main"),
        repo.head()
    );
    before.assert_same(&repo);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn only_changed_files_are_touched() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Add", &[("same", "1"), ("changed", "1")]);
    let times = "stat -c '%n %y %i' same; stat -c %y changed";
    let base = lab.create(&repo, &[]).sh(times);
    repo.commit("Change", &[("changed", "2")]);
    let now = lab.update(&repo, &[]).sh(times);
    let (base, now): (Vec<_>, Vec<_>) = (base.lines().collect(), now.lines().collect());
    // To the nanosecond, and the same file still.
    assert_eq!(now[0], base[0]);
    assert_ne!(now[1], base[1]);
}

/// Owners change after git has written, and it knows files by their owners, too.
#[test]
fn an_update_leaves_alone_what_the_one_before_it_wrote() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.commit("First", &[("first", "1"), ("deep/er/first", "1")]);
    let files = "first deep/er/first deep/er deep";
    let seen = format!("stat -c '%n %y %u' {files}; find . -user 0");
    let before = lab.update(&repo, &[]).sh(&seen);
    assert_eq!(before.matches(" 1000").count(), 4, "{before}");
    repo.commit("Second", &[("second", "1")]);
    assert_eq!(lab.update(&repo, &[]).sh(&seen), before);
}

#[test]
fn what_a_build_left_in_the_worktree_stays() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN date +%N >> stamps\n");
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    let image = lab.update(&repo, &[]);
    // The file of the create is there, and [post_clone] has run again.
    assert_eq!(image.sh("wc -l < stamps"), "2");
}

#[test]
fn a_rewritten_branch_is_taken_to_exactly_its_commit() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Old", &[("old", "1")]);
    let base = lab.create(&repo, &[]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit("New", &[("new", "1")]);
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    outcome.says("warning: history was rewritten");
    let image = lab.image(&outcome);
    assert_eq!(image.label("commit"), repo.head());
    assert_eq!(
        image.sh("git rev-parse HEAD; git status --porcelain; ls"),
        repo.head() + "\na\nnew"
    );
    assert_eq!(image.layers(), base.layers() + 1);
}

#[test]
fn a_branch_that_was_reset_backwards_is_followed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Taken back", &[("b", "1")]);
    lab.create(&repo, &[]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    assert_eq!(
        lab.update(&repo, &[]).sh("git rev-parse HEAD; ls"),
        repo.head() + "\na"
    );
}

#[test]
fn a_remote_s_branch_is_fetched_first() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("space", &other);
    lab.create(&repo, &["space/main"]);
    let news = other.commit("News", &[("news", "1")]);
    let image = lab.update(&repo, &["space/main"]);
    assert_eq!(image.label("commit"), news);
    assert_eq!(image.label("branch_from"), "space/main");
    assert_eq!(image.sh("git rev-parse HEAD"), news);
}

#[test]
fn nothing_to_do_is_said_and_no_failure() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    outcome.says("already");
    assert_eq!(lab.image(&outcome).id(), base.id());
    assert_eq!(lab.images(), [base.id()]);
}

#[test]
fn without_an_image_the_error_names_the_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("topic", "main");
    let outcome = lab.dkr(&repo.path, ["update-image", "topic"]).fails();
    outcome.says("git dkr create-image").says("topic");
    assert_eq!(lab.images(), [""; 0]);
}

#[test]
fn updates_stand_on_each_other_and_the_older_ones_go() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    for round in 1..=3 {
        repo.commit("More", &[("b", &round.to_string())]);
        let image = lab.update(&repo, &[]);
        assert_eq!(image.layers(), base.layers() + round);
    }
    assert_eq!(lab.images().len(), 1);
}

#[test]
fn the_commit_is_the_one_of_the_start_though_the_branch_moves() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    lab.create(&repo, &[]);
    let commit = repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let running = lab.dkr_spawn(&repo.path, &["update-image"]);
    let step = gate.reached();
    repo.commit("Too late", &[("late", "1")]);
    step.open();
    let image = lab.image(&running.finish().ok());
    assert_eq!(image.label("commit"), commit);
    assert_eq!(image.sh("git rev-parse HEAD"), commit);
}

#[test]
fn two_updates_at_the_same_time_come_to_one() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    let runs = [(); 2].map(|()| lab.dkr_spawn(&repo.path, &["update-image"]));
    for run in runs {
        let image = lab.image(&run.finish().ok());
        assert_eq!(image.layers(), base.layers() + 1);
        assert_eq!(image.label("commit"), repo.head());
    }
}

/// Engines fail near 125 layers. Podman makes no layers of steps that are as cheap as these.
#[test]
fn a_chain_that_is_long_becomes_a_create() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    // It stands for one after a hundred updates. All but its labels is the same in each run, as
    // making the layers takes the engine a while.
    let layers: String = (1..=100).map(|n| format!("WORKDIR /{n}\n")).collect();
    lab.file("long/Dockerfile", format!("FROM scratch\n{layers}"));
    let directory = lab.path("long").display().to_string();
    let labels: Vec<String> = base
        .labels()
        .iter()
        .map(|(k, v)| format!("--label={k}={v}"))
        .collect();
    let mut args = vec!["build", "--quiet", "--tag", &base.tag, &directory];
    args.extend(labels.iter().map(String::as_str));
    lab.docker(&args);
    repo.commit("More", &[("b", "2")]);
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    outcome.says("this update is a create");
    let image = lab.image(&outcome);
    assert_eq!(image.label("type"), "base");
    assert_eq!(image.label("commit"), repo.head());
    assert_eq!(image.layers(), base.layers());
}

#[test]
fn settings_that_an_update_cannot_bring_are_named() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.conf("packages = make\n[pre_clone]\nRUN touch /pre\n");
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    outcome
        .says("warning: packages, [pre_clone] changed")
        .says("git dkr create-image");
}

#[test]
fn a_failed_update_leaves_the_image_as_it_was() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    repo.conf("[post_clone]\nRUN false\n");
    lab.dkr(&repo.path, ["update-image"]).fails();
    assert_eq!(lab.tagged(&base.tag).id(), base.id());
    assert_eq!(lab.images(), [base.id()]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn looking_builds_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    let plan = lab.dkr(&repo.path, ["update-image", "--dry-run"]).ok();
    assert!(plan.stdout.contains("up to date"), "{}", plan.stdout);
    // There is one to show all the same.
    let again = lab.dkr(&repo.path, ["update-image", "--print-dockerfile"]);
    let again = again.ok().stdout;
    assert!(
        again.contains(&format!("ARG PARENT=\"{}\"", base.tag)),
        "{again}"
    );
    repo.commit("More", &[]);
    let plan = lab
        .dkr(&repo.path, ["update-image", "--print-dockerfile"])
        .ok();
    assert!(
        plan.stdout
            .contains(&format!("ARG PARENT=\"{}\"", base.tag)),
        "{}",
        plan.stdout
    );
    assert_eq!(lab.images(), [base.id()]);
}
