//! `git dkr start-image` of what has no image: the nearest one is taken there, and nothing is built.

use crate::common::dkr::Outcome;
use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// Starts what was named; the script's output behind the commit, the branch and the state.
fn start(lab: &Lab, repo: &Repo, what: &str, script: &str) -> Outcome {
    let look = "git rev-parse HEAD; git symbolic-ref --short HEAD; git status --porcelain";
    let script = format!("{look}; {script}");
    let command = ["--name=work", "--", "sh", "-ec", &script];
    lab.dkr(
        &repo.path,
        [&["start-image", ".", what], &command[..]].concat(),
    )
}

#[test]
fn a_branch_without_an_image_is_started_from_the_nearest() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("far", "HEAD");
    repo.checkout("main");
    repo.commit("More", &[("b", "1")]);
    let near = lab.create(&repo, &["main"]);
    lab.create(&repo, &["far"]);
    repo.branch("topic", "main");
    let tip = repo.commit("Topic", &[("c", "1")]);
    let images = lab.images();
    let script = "ls; git rev-parse --abbrev-ref @{upstream}; echo $DKR_BRANCH";
    let outcome = start(&lab, &repo, "topic", script).ok();
    assert_eq!(
        outcome.stdout,
        format!("{tip}\nwork\na\nb\nc\nhost/topic\ntopic\n")
    );
    let said = format!(
        "warning: there is no image of topic; the nearest, {}, is updated to it: 1 commit",
        near.tag
    );
    outcome.says(&said).says("git dkr create-image");
    // Another image than the one meant is no chatter.
    let outcome = lab.start(&repo, &["--quiet", ".", "topic"], "true").ok();
    outcome.says(&said);
    assert_eq!(lab.images(), images);
}

/// A repository whose `main` has one commit more than that of its remote.
fn ahead_of_its_remote<'a>(lab: &'a Lab, other: &Repo) -> Repo<'a> {
    let repo = other.clone_with(&[]);
    let repo = Repo::at(lab, repo.path);
    repo.commit("Local", &[("local", "1")]);
    repo
}

/// Where a container of what was named stands, what it tracks, and how the host calls that.
#[track_caller]
fn stands(lab: &Lab, repo: &Repo, options: &[&str]) -> Outcome {
    let script = "git rev-parse HEAD; git rev-parse --abbrev-ref @{upstream}
        git config remote.host.fetch; git fetch --quiet; git status --porcelain";
    lab.start(repo, options, script).ok()
}

fn standing(commit: &str, reference: &str) -> String {
    format!("{commit}\nhost/main\n+{reference}:refs/remotes/host/main\n")
}

#[test]
fn an_image_of_the_branch_that_follows_another_ref_is_taken_to_the_one_named() {
    let Some(lab) = Lab::new() else { return };
    let other = lab.repo();
    let repo = ahead_of_its_remote(&lab, &other);
    let (local, remote) = (repo.head(), other.head());
    let here = standing(&local, "refs/heads/main");
    let there = standing(&remote, "refs/remotes/origin/main");

    let tag = lab.create(&repo, &["origin/main"]).tag;
    let images = lab.images();
    let outcome = stands(&lab, &repo, &["--quiet", ".", "main"]);
    assert_eq!(outcome.stdout, here);
    outcome.says(&format!(
        "warning: {tag} follows origin/main, and is updated to main: 1 commit"
    ));
    // What it follows itself is what was baked, and without a name it is that.
    for options in [&[".", "origin/main"][..], &["."], &[]] {
        let outcome = stands(&lab, &repo, options);
        assert_eq!(outcome.stdout, there, "{options:?}");
        outcome.never_says("warning");
    }
    assert_eq!(lab.images(), images);

    let tag = lab.create(&repo, &["main"]).tag;
    let outcome = stands(&lab, &repo, &[".", "origin/main"]);
    assert_eq!(outcome.stdout, there);
    outcome.says(&format!(
        "{tag} follows main, and is updated to origin/main"
    ));
}

#[test]
fn an_update_takes_the_image_to_the_ref_that_is_named() {
    let Some(lab) = Lab::new() else { return };
    let other = lab.repo();
    let repo = ahead_of_its_remote(&lab, &other);
    let image = lab.create(&repo, &["origin/main"]);
    let outcome = stands(&lab, &repo, &["--update", ".", "main"]);
    assert_eq!(outcome.stdout, standing(&repo.head(), "refs/heads/main"));
    let updated = lab.tagged(&image.tag);
    assert_eq!(updated.label("branch_from"), "main");
    assert_eq!(updated.label("commit"), repo.head());
    assert_eq!(updated.layers(), image.layers() + 1);
}

#[test]
fn an_update_makes_an_image_at_the_same_commit_follow_the_ref_that_is_named() {
    let Some(lab) = Lab::new() else { return };
    let other = lab.repo();
    let repo = Repo::at(&lab, other.clone_with(&[]).path);
    lab.create(&repo, &["origin/main"]);
    assert_eq!(lab.update(&repo, &["main"]).label("branch_from"), "main");
    let tip = repo.commit("Local", &[]);
    let outcome = stands(&lab, &repo, &[]);
    assert_eq!(outcome.stdout, standing(&tip, "refs/heads/main"));
    outcome.never_says("origin/main");
}

#[test]
fn a_tag_that_was_moved_is_where_it_is_now() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "nightly"]);
    let image = lab.create(&repo, &["nightly"]);
    let tip = repo.commit("More", &[("b", "1")]);
    repo.git(["tag", "--force", "nightly"]);
    let outcome = start(&lab, &repo, "nightly", "ls").ok();
    assert_eq!(outcome.stdout, format!("{tip}\nwork\na\nb\n"));
    outcome.says(&format!("{} was made of another nightly", image.tag));
}

#[test]
fn a_commit_and_a_tag_are_started_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let old = repo.head();
    repo.git(["tag", "--annotate", "--message=one", "v1"]);
    repo.commit("More", &[("b", "1")]);
    lab.create(&repo, &[]);
    // No branch leads to it.
    repo.git(["checkout", "--quiet", "--detach"]);
    let lost = repo.commit("Lost", &[("lost", "1")]);
    repo.checkout("main");
    for (what, commit, files) in [
        (&*old, &old, "a"),
        ("v1", &old, "a"),
        (&*lost, &lost, "a\nb\nlost"),
    ] {
        let outcome = start(&lab, &repo, what, "ls").ok();
        assert_eq!(outcome.stdout, format!("{commit}\nwork\n{files}\n"));
    }
}

#[test]
fn nothing_of_the_other_branch_is_in_the_way() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("top", "main");
    lab.create(&repo, &[]);
    repo.checkout("main")
        .git(["branch", "--quiet", "-D", "top"]);
    repo.branch("top/sub", "main");
    let tip = repo.commit("Sub", &[("c", "1")]);
    let script =
        "git for-each-ref --format='%(refname)'; git config --get-regexp '^branch.top\\.' || true";
    let outcome = start(&lab, &repo, "top/sub", script).ok();
    assert_eq!(
        outcome.stdout,
        format!("{tip}\nwork\nrefs/heads/work\nrefs/remotes/host/top/sub\n")
    );
}

#[test]
fn its_work_is_pushed_and_the_branch_followed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &["main"]);
    repo.branch("topic", "main");
    repo.commit("Topic", &[("c", "1")]);
    let host = format!("--hostname={}", lab.host);
    let script = "git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m Work
        git push --quiet; git fetch --quiet; git rev-parse HEAD";
    let args = [
        "start-image",
        ".",
        "topic",
        "--name=work",
        &host,
        "--",
        "sh",
        "-ec",
        script,
    ];
    let outcome = lab.dkr(&repo.path, args).ok();
    assert_eq!(lab.pushed_work(&repo), outcome.stdout.trim());
}

#[test]
fn an_update_bakes_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &["main"]);
    repo.branch("topic", "main");
    let tip = repo.commit("Topic", &[("c", "1")]);
    let args = [
        "start-image",
        ".",
        "topic",
        "--update",
        "--",
        "git",
        "rev-parse",
        "HEAD",
    ];
    assert_eq!(lab.dkr(&repo.path, args).ok().stdout.trim(), tip);
    assert_eq!(lab.list(&repo, &["topic"]).len(), 1);
}

#[test]
fn an_old_image_is_taken_there_by_the_present_entrypoint() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &["main"]);
    let file = lab.file(
        "old/Dockerfile",
        format!(
            "FROM {}\nRUN echo exit 9 > /usr/local/bin/dkr-entrypoint\n",
            image.tag
        ),
    );
    let directory = file.parent().unwrap().to_str().unwrap();
    lab.docker(&["build", "--quiet", "--tag", &image.tag, directory]);
    repo.branch("topic", "main");
    let tip = repo.commit("Topic", &[("c", "1")]);
    let outcome = start(&lab, &repo, "topic", "ls").ok();
    assert_eq!(outcome.stdout, format!("{tip}\nwork\na\nc\n"));
}

#[test]
fn a_commit_that_the_host_does_not_give_is_an_error() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let mut command = lab.client();
    command.args(["run", "--rm", "--network=host", "--env=DKR_NAME=work"]);
    command.args([
        "--env=DKR_REF=",
        "--env=DKR_COMMIT=0123",
        &image.tag,
        "true",
    ]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: cannot check out 0123"), "{said}");
}

#[test]
fn an_expression_is_what_it_leads_to_now() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commits(2);
    let baked = repo.id("HEAD~1");
    let image = lab.create(&repo, &["HEAD~1"]);
    assert_eq!(image.label("commit"), baked);
    let start = || {
        let args = [
            "start-image",
            ".",
            "HEAD~1",
            "--",
            "git",
            "rev-parse",
            "HEAD",
        ];
        lab.dkr(&repo.path, args).ok().stdout
    };
    assert_eq!(start(), baked + "\n");
    repo.commits(1);
    assert_eq!(start(), repo.id("HEAD~1") + "\n");
}

#[test]
fn looking_names_the_image_and_starts_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &["main"]);
    repo.branch("topic", "main");
    repo.commit("Topic", &[("c", "1")]);
    let args = ["start-image", ".", "topic", "--dry-run", "--", "true"];
    let outcome = lab.dkr(&repo.path, args).ok();
    assert!(outcome.stdout.contains(&image.tag), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("DKR_BRANCH=topic"));
}
