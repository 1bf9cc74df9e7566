//! The cache key: what it depends on, and that an image with the same one is not built again.

use crate::common::client;
use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;
use crate::common::unique;

/// `git dkr create-image` with more in its environment.
fn create(lab: &Lab, repo: &Repo, args: &[&str], env: &[(&str, &str)]) -> Outcome {
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    outcome(command.args(args).envs(env.iter().copied())).ok()
}

/// Whether there is an image for this already; nothing is built.
#[track_caller]
fn is_there(lab: &Lab, repo: &Repo, args: &[&str], env: &[(&str, &str)]) -> bool {
    let shown = create(lab, repo, &[&["--dry-run"], args].concat(), env).stdout;
    let (there, builds) = (shown.contains("is up to date"), shown.contains("\nbuild "));
    assert_ne!(there, builds, "{shown}");
    there
}

fn key(image: &Image) -> String {
    let key = image.label("cache_key");
    assert_eq!(key.len(), 64);
    key
}

#[test]
fn the_same_again_builds_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let first = lab.dkr(&repo.path, ["-v", "create-image"]).ok();
    first.says(client::echo_of_a_build());
    let one = lab.image(&first);
    let again = lab.dkr(&repo.path, ["-v", "create-image"]).ok();
    again.never_says(client::echo_of_a_build()).says("fresh");
    assert_eq!(again.stdout, first.stdout);
    let two = lab.image(&again);
    assert_eq!(two.id(), one.id());
    assert_eq!(lab.images(), [one.id()]);
    // It is told as a program reads it, too.
    let json = lab.dkr(&repo.path, ["create-image", "--format=json"]).ok();
    let row: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(row["id"], one.id());
}

#[test]
fn a_name_that_moved_on_comes_back() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let first = repo.head();
    let one = lab.create(&repo, &[]);
    let kept = format!("{}-kept", one.tag);
    lab.docker(&["tag", &one.tag, &kept]);
    repo.commit("More", &[("b", "2")]);
    let two = lab.create(&repo, &[]);
    assert_ne!(two.id(), one.id());

    repo.git(["reset", "--quiet", "--hard", &first]);
    assert!(is_there(&lab, &repo, &[], &[]));
    let outcome = lab.dkr(&repo.path, ["-v", "create-image"]).ok();
    outcome.never_says(client::echo_of_a_build()).says("tagged");
    assert_eq!(outcome.stdout, format!("{}\n", one.tag));
    assert_eq!(lab.image(&outcome).id(), one.id());
    assert_eq!(lab.tagged(&kept).id(), one.id());
    // The one that lost its name to it is gone.
    assert_eq!(lab.images(), [one.id()]);
    assert_eq!(repo.records(&first).len(), 1);
}

#[test]
fn a_name_that_somebody_gave_stays_with_its_image() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let one = lab.create(&repo, &[]);
    // It comes first in the order of names.
    let mine = format!("a-{}:mine", repo.name());
    lab.docker(&["tag", &one.tag, &mine]);
    repo.commit("More", &[("b", "2")]);
    let two = lab.create(&repo, &[]);
    assert_eq!(two.tag, one.tag);
    assert_eq!(lab.tagged(&mine).id(), one.id());
    repo.commit("More", &[("c", "2")]);
    assert_eq!(lab.update(&repo, &[]).tag, one.tag);
}

#[test]
fn what_somebody_built_on_it_is_not_taken_for_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let one = lab.create(&repo, &[]);
    // It inherits every label.
    let context = lab.path("derived");
    lab.file(
        "derived/Dockerfile",
        format!("FROM {}\nRUN touch /theirs\n", one.tag),
    );
    let mine = format!("a-{}:mine", repo.name());
    lab.docker(&[
        "build",
        "--quiet",
        "--tag",
        &mine,
        context.to_str().unwrap(),
    ]);
    assert_eq!(lab.create(&repo, &[]).id(), one.id());
    lab.docker(&["rmi", &one.tag]);
    let two = lab.create(&repo, &[]);
    assert_eq!(two.tag, one.tag);
    assert_eq!(two.sh("[ -e /theirs ] || echo ours").trim(), "ours");
    lab.docker(&["rmi", &mine]);
}

#[test]
fn it_builds_when_one_insists() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN date +%N > /stamp\n");
    let one = lab.create(&repo, &[]);
    let stamp = one.sh("cat /stamp");
    let args = ["-v", "create-image", "--force-rebuild"];
    let outcome = lab.dkr(&repo.path, args).ok();
    outcome
        .says(client::echo_of_a_build())
        .never_says("--no-cache");
    let two = lab.image(&outcome);
    assert_ne!(two.id(), one.id());
    assert_eq!(key(&two), key(&one));
    // The engine's cache of steps was used.
    assert_eq!(two.sh("cat /stamp"), stamp);
    let outcome = lab
        .dkr(&repo.path, ["-v", "create-image", "--no-cache"])
        .ok();
    outcome.says(client::echo_of_a_build()).says("--no-cache");
    let three = lab.image(&outcome);
    assert_ne!(three.sh("cat /stamp"), stamp);
    assert_eq!(key(&three), key(&one));
    assert_eq!(lab.images(), [three.id()]);
}

#[test]
fn each_input_makes_another_and_nothing_else_does() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.conf("packages = make\n");
    lab.create(&repo, &[]);
    let there = |args: &[&str], env: &[(&str, &str)]| is_there(&lab, &repo, args, env);
    assert!(there(&[], &[]));

    for typed in ["HEAD", "main", "refs/heads/main"] {
        assert!(there(&[typed], &[]), "{typed}");
    }
    let key = crate::common::sshd::keygen(&lab, "key", "");
    assert!(there(&["--ssh-key", key.to_str().unwrap()], &[]));
    for (name, value) in [
        ("DKR_VOLUMES", "/var/cache/x:/x"),
        ("DKR_STALE_AFTER", "7"),
        ("DKR_SSH_PORT", "2222"),
        ("DKR_PACKAGES", "make"),
        ("DKR_BASE_IMAGE", "debian:bookworm-slim"),
        ("TZ", "Asia/Tokyo"),
    ] {
        assert!(there(&[], &[(name, value)]), "{name}");
    }
    for (name, value) in [("DKR_PACKAGES", "make gcc"), ("DKR_CACHES", "cargo")] {
        assert!(!there(&[], &[(name, value)]), "{name}={value}");
    }
    repo.git(["config", "dkr.packages", "gcc"]);
    assert!(!there(&[], &[]));
    repo.git(["config", "--unset", "dkr.packages"]);
    assert!(there(&[], &[]));

    // Not before it is committed.
    repo.write(".dkr.conf", "packages = gcc\n");
    assert!(there(&[], &[]));
    repo.conf("packages = gcc\n");
    assert!(!there(&[], &[]));
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    assert!(there(&[], &[]));
    repo.commit("Nothing", &[]);
    assert!(!there(&[], &[]));
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    // A branch at the same commit, and the commit itself.
    repo.git(["branch", "other"]);
    assert!(!there(&["other"], &[]));
    assert!(!there(&[&repo.head()], &[]));
}

#[test]
fn each_branch_has_its_own() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.git(["branch", "other"]);
    let (one, two) = (lab.create(&repo, &[]), lab.create(&repo, &["other"]));
    let three = lab.create(&repo, &[&repo.head()]);
    assert_ne!(key(&one), key(&two));
    assert_ne!(key(&one), key(&three));
    assert_ne!(key(&two), key(&three));
    assert_eq!(repo.records(&repo.head()).len(), 3);
}

#[test]
fn a_base_image_that_moved_on_makes_another() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let name = format!("dkr-test-base-{}:1", unique());
    let env = [("DKR_BASE_IMAGE", &*name)];
    lab.base(&name, 1);
    let one = lab.image(&create(&lab, &repo, &[], &env));
    assert!(is_there(&lab, &repo, &[], &env));
    lab.base(&name, 2);
    assert!(!is_there(&lab, &repo, &[], &env));
    let two = lab.image(&create(&lab, &repo, &[], &env));
    assert_ne!(key(&one), key(&two));
    assert_eq!(two.labels()["number"], "2");
    let records = repo.records(&repo.head());
    let digest = |place: usize| records[place]["manifest"]["base_digest"].clone();
    assert_ne!(digest(0), digest(1));
    // The same image under another name is another wish, too.
    let other = format!("dkr-test-base-{}:1", unique());
    lab.docker(&["tag", &name, &other]);
    assert!(!is_there(&lab, &repo, &[], &[("DKR_BASE_IMAGE", &other)]));
    lab.docker(&["rmi", &other]);
}

#[test]
fn two_clones_have_the_same() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let seed = lab.repo();
    seed.conf("packages = make\n[post_clone]\nRUN true\n");
    let hub = seed.clone_with(&["--bare"]);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    std::fs::create_dir(lab.path("elsewhere")).unwrap();
    let moved = lab.path("elsewhere").join("quite another name");
    std::fs::rename(&two.path, &moved).unwrap();
    let two = Repo::at(&lab, moved);
    let (first, second) = (lab.create(&one, &[]), lab.create(&two, &[]));
    assert_ne!(first.tag, second.tag);
    assert_eq!(key(&first), key(&second));

    seed.commit("More", &[("b", "2")]);
    for repo in [&one, &two] {
        repo.git(["pull", "--quiet", &seed.path.display().to_string(), "main"]);
    }
    let (first, second) = (lab.update(&one, &[]), lab.update(&two, &[]));
    assert_eq!(key(&first), key(&second));
}

#[test]
fn an_update_s_depends_on_what_it_is_put_on() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let hub = lab.repo().clone_with(&["--bare"]);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    let (first, second) = (lab.create(&one, &[]), lab.create(&two, &[]));
    assert_eq!(key(&first), key(&second));
    // Two lie between in one, and none in the other.
    let tip = one.commits(2);
    two.git(["fetch", "--quiet", one.path.to_str().unwrap(), "main"]);
    two.git(["reset", "--quiet", "--hard", "FETCH_HEAD~1"]);
    let between = lab.update(&two, &[]);
    two.git(["reset", "--quiet", "--hard", &tip]);
    let (first, second) = (lab.update(&one, &[]), lab.update(&two, &[]));
    assert_eq!(first.label("commit"), tip);
    assert_eq!(second.label("commit"), tip);
    assert_ne!(key(&first), key(&second));
    let record = &two.records(&tip)[0];
    assert_eq!(record["manifest"]["parent"], key(&between));
}

#[test]
fn an_update_that_a_create_would_not_equal_is_not_taken_for_one() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    let update = lab.update(&repo, &[]);
    let create = lab.create(&repo, &[]);
    assert_ne!(key(&create), key(&update));
    assert_eq!(create.label("type"), "base");
    // And the update is not wanted any more.
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    assert_eq!(lab.image(&outcome).id(), create.id());
}

#[test]
fn an_image_of_an_earlier_git_dkr_is_built_again_once() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let file = format!("FROM {}\nLABEL dkr.cache_key=\"\"\n", image.tag);
    let directory = lab.file("old/Dockerfile", file);
    let directory = directory.parent().unwrap().to_str().unwrap();
    lab.docker(&["build", "--quiet", "--tag", &image.tag, directory]);
    assert!(!is_there(&lab, &repo, &[], &[]));
    lab.create(&repo, &[]);
    assert!(is_there(&lab, &repo, &[], &[]));
}
