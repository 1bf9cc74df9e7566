//! `git dkr create-image`: what an image holds, what it is called, and what is in no layer.

use crate::common::client;
use crate::common::engine::{Gate, Lab};
use crate::common::repo::Repo;
use crate::common::unique;

#[test]
fn labels_and_content() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Add b", &[("directory/b", "2\n")]);
    let before = repo.snapshot();
    let image = lab.create(&repo, &["main"]);

    assert_eq!(image.tag, format!("dkr:{}-main", repo.name()));
    assert_eq!(image.label("repo_path"), repo.path.to_str().unwrap());
    assert_eq!(image.label("repo_name"), repo.name());
    assert_eq!(image.label("branch"), "main");
    assert_eq!(image.label("branch_from"), "main");
    assert_eq!(image.label("commit"), repo.head());
    assert_eq!(image.label("type"), "base");
    let created: jiff::Timestamp = image.label("created_at").parse().unwrap();
    assert!(created <= jiff::Timestamp::now());

    assert_eq!(image.sh("git rev-parse HEAD"), repo.head());
    assert_eq!(image.sh("git rev-list --count HEAD"), "2");
    assert_eq!(image.sh("git symbolic-ref --short HEAD"), "main");
    assert_eq!(image.sh("git status --porcelain"), "");
    assert_eq!(image.sh("git remote"), "host");
    assert_eq!(image.sh("cat directory/b"), "2");
    assert_eq!(
        image.sh("pwd; echo $DKR_BRANCH $LANG"),
        "/workspace\nmain C.UTF-8"
    );
    assert_eq!(image.sh("ls -A /tmp; find /var/lib/apt/lists -type f"), "");
    assert_eq!(
        image.sh("for p in git tmux ssh curl; do command -v $p; done | wc -l"),
        "4"
    );

    before.assert_same(&repo);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn a_feature_branch_has_its_files_and_none_of_main_s_later_ones() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Shared", &[("shared", "1")]);
    repo.commit("Later on main", &[("late", "1")]);
    repo.branch("feature/x", "main~1");
    repo.commit("Feature", &[("feature", "1")]);
    repo.checkout("main");
    let image = lab.create(&repo, &["feature/x"]);
    assert_eq!(image.tag, format!("dkr:{}-feature-x", repo.name()));
    assert_eq!(image.label("branch"), "feature/x");
    assert_eq!(image.sh("ls"), "a\nfeature\nshared");
    assert_eq!(
        image.sh("git branch --format='%(refname:short)'"),
        "feature/x"
    );
}

#[test]
fn head_is_labelled_by_its_branch() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("topic", "main");
    let image = lab.create(&repo, &[]);
    assert_eq!(image.label("branch"), "topic");
    assert_eq!(image.label("branch_from"), "topic");
}

#[test]
fn a_detached_head_is_labelled_by_its_id() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Later", &[]);
    repo.checkout("HEAD~1");
    let image = lab.create(&repo, &["HEAD"]);
    assert_eq!(image.label("branch"), repo.head());
    assert_eq!(image.label("branch_from"), repo.head());
    assert_eq!(image.label("commit"), repo.head());
    assert_eq!(
        image.sh("git rev-parse HEAD; git rev-parse --abbrev-ref HEAD"),
        repo.head() + "\nHEAD"
    );
}

#[test]
fn a_tag_and_a_short_id_give_the_commit() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "-a", "-m", "A release", "v1"]);
    let tagged = repo.head();
    repo.commit("Later", &[]);
    let image = lab.create(&repo, &["v1"]);
    assert_eq!(image.label("branch"), "v1");
    assert_eq!(image.label("commit"), tagged);
    assert_eq!(image.sh("git rev-parse HEAD"), tagged);

    let image = lab.create(&repo, &[&tagged[..8]]);
    assert_eq!(image.label("branch"), tagged);
    assert_eq!(image.label("branch_from"), tagged[..8]);
    assert_eq!(image.sh("git rev-parse HEAD"), tagged);
}

#[test]
fn a_remote_s_branch_is_fetched_and_labelled_as_typed() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("space", &other);
    let news = other.commit("News", &[("news", "1")]);
    let before = repo.snapshot();
    let image = lab.create(&repo, &["space/main"]);
    assert_eq!(image.label("branch"), "main");
    assert_eq!(image.label("branch_from"), "space/main");
    assert_eq!(image.label("commit"), news);
    assert_eq!(
        image.sh("git rev-parse HEAD; git symbolic-ref --short HEAD"),
        news + "\nmain"
    );
    before.assert_same(&repo);
}

#[test]
fn the_repository_may_be_named_from_anywhere() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let path = repo.path.to_str().unwrap();
    let image = lab.image(&lab.dkr(lab.root(), ["create-image", path]).ok());
    assert_eq!(image.label("branch"), "main");
    let image = lab.image(&lab.dkr(lab.root(), ["ci", path, "main"]).ok());
    assert_eq!(image.label("repo_path"), path);
}

#[test]
fn the_commit_is_the_one_of_the_start_though_the_branch_moves() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    let commit = repo.conf(&format!("[pre_clone]\n{}", gate.step()));
    let running = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    repo.commit("Too late", &[("late", "1")]);
    step.open();
    let image = lab.image(&running.finish().ok());
    assert_eq!(image.label("commit"), commit);
    assert_eq!(image.sh("git rev-parse HEAD; ls"), commit + "\na");
}

#[test]
fn two_branches_at_the_same_time() {
    let Some(lab) = Lab::new() else { return };
    let (repo, one, two) = (lab.repo(), Gate::new(), Gate::new());
    repo.branch("one", "main")
        .conf(&format!("[post_clone]\n{}", one.step()));
    repo.branch("two", "main")
        .conf(&format!("[post_clone]\n{}", two.step()));
    let runs = ["one", "two"].map(|branch| lab.dkr_spawn(&repo.path, &["create-image", branch]));
    // Both are in the middle now.
    let steps = [one.reached(), two.reached()];
    for step in steps {
        step.open();
    }
    for (run, branch) in runs.into_iter().zip(["one", "two"]) {
        let image = lab.image(&run.finish().ok());
        assert_eq!(image.sh("git rev-parse HEAD"), repo.id(branch));
    }
}

#[test]
fn one_branch_twice_at_the_same_time() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let first = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    let second = lab.dkr_spawn(&repo.path, &["create-image"]);
    step.open();
    let tag = format!("dkr:{}-main", repo.name());
    for run in [first, second] {
        let image = lab.image(&run.finish().ok());
        assert_eq!(image.tag, tag);
    }
    assert_eq!(lab.images().len(), 1);
}

#[test]
fn a_tag_is_never_taken_from_another_repository() {
    let Some(lab) = Lab::new() else { return };
    let name = unique();
    let (one, two) = (
        lab.repo_at(&format!("one/{name}")),
        lab.repo_at(&format!("two/{name}")),
    );
    let first = lab.create(&one, &[]);
    let second = lab.create(&two, &[]);
    assert_ne!(first.tag, second.tag);
    assert!(second.tag.starts_with(&first.tag), "{}", second.tag);
    // Each finds its own again.
    assert_eq!(
        lab.create(&one, &[]).label("repo_path"),
        one.path.to_str().unwrap()
    );
    assert_eq!(lab.create(&two, &[]).tag, second.tag);
    assert_eq!(lab.update(&one, &[]).tag, first.tag);
}

#[test]
fn branches_that_look_alike_in_a_tag_are_kept_apart() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("x/y", "main").branch("x-y", "main");
    let (one, two) = (lab.create(&repo, &["x/y"]), lab.create(&repo, &["x-y"]));
    assert_ne!(one.tag, two.tag);
    assert_eq!(lab.tagged(&one.tag).label("branch"), "x/y");
}

#[test]
fn a_tag_is_never_taken_from_an_image_of_another_tool() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let tag = format!("dkr:{}-main", repo.name());
    let label = format!("dkr.repo_path={}", repo.path.display());
    let dockerfile = lab.file("Dockerfile", "FROM scratch\nLABEL other=1\n");
    let directory = dockerfile.parent().unwrap().to_str().unwrap();
    // The label is ours only so that the image is removed in the end.
    lab.docker(&[
        "build", "--quiet", "--tag", &tag, "--label", &label, directory,
    ]);
    let theirs = lab.tagged(&tag);
    assert_ne!(lab.create(&repo, &[]).tag, tag);
    assert_eq!(lab.tagged(&tag).id(), theirs.id());
}

#[test]
fn an_image_that_lost_its_name_is_removed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let old = lab.create(&repo, &[]);
    repo.commit("Later", &[("b", "2")]);
    let new = lab.create(&repo, &[]);
    assert_eq!(new.tag, old.tag);
    assert_eq!(lab.images(), [new.id()]);
}

#[test]
fn an_image_that_has_another_name_stays() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let old = lab.create(&repo, &[]);
    let kept = format!("{}-kept", old.tag);
    lab.docker(&["tag", &old.tag, &kept]);
    repo.commit("Later", &[("b", "2")]);
    lab.create(&repo, &[]);
    assert_eq!(lab.tagged(&kept).id(), old.id());
}

#[test]
fn no_key_is_in_any_layer() {
    let Some(lab) = Lab::new() else { return };
    let image = lab.create(&lab.repo(), &[]);
    let layers = image.layers_unpacked();
    // That the search finds what is there: the entrypoint.
    assert!(layers.hold("Working copy updated to"));
    // How each private key of OpenSSH begins: `openssh-key-v1` in base64.
    assert!(!layers.hold("b3BlbnNzaC1rZXktdjEA"));
    assert!(!layers.hold("ssh-ed25519 AAAA"));
}

#[test]
fn keys_are_for_the_user_alone_while_the_build_runs() {
    use std::os::unix::fs::PermissionsExt;
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[post_clone]\n{}", gate.step()));
    let running = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    let leftovers = lab.leftovers();
    // Podman has directories of its own there.
    let ours = leftovers.iter().find(|name| name.starts_with("git-dkr-"));
    let directory = lab.path("tmp").join(ours.unwrap());
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(mode(directory.join("client_key")), 0o600);
    step.open();
    running.finish().ok();
}

#[test]
fn the_way_to_the_host_is_not_baked() {
    let Some(lab) = Lab::new() else { return };
    let image = lab.create(&lab.repo(), &[]);
    let history = lab.docker(&["history", "--no-trunc", &image.tag]);
    for text in [history, image.value["Config"].to_string()] {
        assert!(!text.contains("127.0.0.1"), "{text}");
    }
    assert_eq!(
        image.sh("find /run/dkr /run/secrets -type f 2>/dev/null || true"),
        ""
    );
    assert_eq!(
        image.sh("git config remote.host.url"),
        "ssh://dkr-host/workspace"
    );
}

#[test]
fn the_same_commit_again_is_not_cloned_again() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let (one, two) = (lab.create(&repo, &[]), lab.create(&repo, &[]));
    // A second clone would have other times in it.
    assert_eq!(one.value["RootFS"], two.value["RootFS"]);
}

#[test]
fn json_and_the_plain_name() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let plain = lab.dkr(&repo.path, ["create-image", "--quiet"]).ok();
    assert_eq!(plain.stdout, format!("dkr:{}-main\n", repo.name()));
    assert_eq!(plain.stderr, "");
    let json = lab.dkr(&repo.path, ["create-image", "--format=json"]).ok();
    let row: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(row["tag"], plain.stdout.trim_end());
    assert_eq!(row["commit"], repo.head());
}

#[test]
fn looking_builds_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let shown = lab
        .dkr(&repo.path, ["create-image", "--print-dockerfile"])
        .ok();
    assert!(
        shown.stdout.contains("\nFROM debian:bookworm-slim\n"),
        "{}",
        shown.stdout
    );
    assert!(!shown.stdout.contains("# syntax="));
    let plan = lab.dkr(&repo.path, ["create-image", "--dry-run"]).ok();
    assert!(
        plan.stdout.contains(&format!("dkr:{}-main", repo.name())),
        "{}",
        plan.stdout
    );
    assert_eq!(lab.images(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn looking_at_what_is_there_already() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let look = |options: &[&str]| {
        let args = [&["create-image"], options].concat();
        lab.dkr(&repo.path, args).ok().stdout
    };
    let before = look(&["--print-dockerfile"]);
    let main = lab.create(&repo, &[]);
    assert_eq!(look(&["--print-dockerfile"]), before);
    assert_eq!(lab.images(), [main.id()]);

    let plan = |options: &[&str]| -> serde_json::Value {
        let json = look(&[&["--dry-run", "--format=json"], options].concat());
        serde_json::from_str(&json).unwrap()
    };
    let nothing = plan(&[]);
    assert_eq!(nothing["action"], "nothing");
    assert_eq!(nothing["tag"], main.tag);
    assert_eq!(nothing["image"]["commit"], repo.head());
    let full = plan(&["--force-rebuild"]);
    assert_eq!(full["action"], "build");
    assert_eq!(full["type"], "base");
    assert_eq!(full["base_image"], "debian:bookworm-slim");
    assert!(full["parent"].is_null(), "{full}");
    assert_eq!(
        full["dockerfile"].as_str().unwrap().trim_end(),
        before.trim_end()
    );
    repo.branch("next", "main").commit("Next", &[("b", "1")]);
    let next = plan(&[]);
    assert_eq!(next["commit"], repo.head());
    assert_eq!(next["parent"], main.tag);
    assert!(next["why"].as_str().unwrap().starts_with("1 commit, "));
    // The image gets a name that it lacks.
    lab.docker(&["tag", &main.tag, &format!("{}-other", main.tag)]);
    lab.docker(&["rmi", &main.tag]);
    repo.checkout("main");
    let named = plan(&[]);
    assert_eq!(
        (&named["action"], &named["tag"]),
        (&"tag".into(), &main.tag.into())
    );
}

#[test]
fn a_failed_build_shows_its_step_and_leaves_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN echo some-$((40 + 2))-output && false\n");
    let before = repo.snapshot();
    lab.dkr(&repo.path, ["create-image"])
        .fails()
        .says("some-42-output")
        .says("RUN echo some");
    assert_eq!(lab.images(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
    before.assert_same(&repo);
}

/// So every image has one, and no container starts without.
#[test]
fn no_image_is_made_without_an_ssh_client() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN rm \"$(command -v ssh)\"\n");
    lab.dkr(&repo.path, ["create-image"])
        .fails()
        .says("the image has no ssh client any more, by which its containers fetch and push");
    assert_eq!(lab.images(), [""; 0]);
}

#[test]
fn verbose_shows_commands_ready_to_paste() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.dkr(&repo.path, ["-v", "create-image"])
        .ok()
        .says(client::echo_of_a_build())
        .never_says("PRIVATE KEY");
}

/// What a build says to somebody who reads a log.
#[test]
fn the_report_is_plain_lines_off_a_terminal() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let said = lab.dkr(&repo.path, ["create-image"]).ok().stderr;
    assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{said:?}");
    let words: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(words.first(), Some(&"commit"), "{said}");
    assert_eq!(words.last(), Some(&"built"), "{said}");
    assert!(said.contains("clone "), "{said}");
}

#[test]
fn two_worktrees_are_one_repository() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let linked = repo.worktree("linked");
    let one = lab.create(&repo, &[]);
    let two = lab.create(&Repo::at(&lab, &linked.path), &[]);
    assert_eq!(one.label("repo_path"), two.label("repo_path"));
    assert_eq!(two.label("branch"), "linked");
}
