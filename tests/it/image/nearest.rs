//! `git dkr create-image` on the nearest image of the repository, and that it comes to the same as a
//! full clone.

use crate::common::dkr::Outcome;
use crate::common::engine::{Gate, Image, Lab};
use crate::common::repo::Repo;

/// A create that says what it stands on; all of its report.
#[track_caller]
fn on(lab: &Lab, repo: &Repo, args: &[&str], parent: &Image) -> Outcome {
    let outcome = lab.dkr(&repo.path, [&["create-image"], args].concat()).ok();
    outcome.says(&format!("on {}: ", parent.tag));
    let image = lab.image(&outcome);
    assert_eq!(image.label("type"), "base");
    outcome
}

/// A create that is a full clone, and says why when there was an image.
#[track_caller]
fn full<'a>(lab: &'a Lab, repo: &Repo, args: &[&str], why: &str) -> Image<'a> {
    let outcome = lab.dkr(&repo.path, [&["create-image"], args].concat()).ok();
    outcome.says(" on debian:bookworm-slim").says(why);
    let image = lab.image(&outcome);
    assert_eq!(image.label("parent"), "");
    image
}

/// All that is in `/workspace` but objects, what of `.git` may lie elsewhere as git says it, and how the
/// image is set up.
fn content(image: &Image) -> String {
    let workspace = image.sh(r"
        find . -path ./.git -prune -o -printf '%p %M %l\n' | sort
        find . -path ./.git -prune -o -type f -print | sort | xargs md5sum
        cat .git/HEAD
        git for-each-ref --format='%(objectname) %(refname) %(symref) %(objecttype)'
        git config --local --list | sort
        git status --porcelain --ignored
        git ls-files --stage
        git branch -vv --all
        find .git -type f | grep -v -e objects/ -e refs/ -e packed-refs | sort
        for log in $(find .git/logs -type f | sort); do
            echo $log; sed 's/ [0-9]* +0000//; s/@[^>]*//' $log
        done
        echo $DKR_BRANCH
        git fsck 2>&1 | grep -v dangling || true
        ");
    let config = &image.value["Config"];
    let kept = ["Entrypoint", "Cmd", "WorkingDir", "User", "Volumes"].map(|name| &config[name]);
    let mut env: Vec<&str> = config["Env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect();
    env.sort_unstable();
    let mut labels = image.labels();
    // When, and on what.
    for name in ["created_at", "parent", "bottom", "base_size"] {
        labels.remove(&format!("dkr.{name}"));
    }
    format!("{workspace}\n{kept:?}\n{env:?}\n{labels:#?}")
}

/// The image of this target as it is made on another, and as a full clone: the same.
#[track_caller]
fn same_as_full(lab: &Lab, repo: &Repo, target: &str, parent: &Image) {
    let near = lab.image(&on(lab, repo, &[target], parent));
    assert_eq!(near.label("parent"), parent.id());
    let (found, tag) = (content(&near), near.tag.clone());
    let full = lab.create(repo, &["--from=none", "--force-rebuild", target]);
    assert_eq!(full.tag, tag);
    pretty_assertions(&found, &content(&full));
}

#[track_caller]
fn pretty_assertions(one: &str, other: &str) {
    for (one, other) in one.lines().zip(other.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(one, other);
}

/// Whether an image of the repository has the name that it is lent while another is put on it.
fn is_lent(lab: &Lab, repo: &Repo) -> bool {
    let ours = format!("label=dkr.repo_path={}", repo.path.display());
    let names = lab.docker(&[
        "images",
        "--filter",
        &ours,
        "--format={{.Repository}}:{{.Tag}}",
    ]);
    assert!(names.contains(&repo.name()), "{names}");
    names.contains("dkr:below-")
}

#[test]
fn ten_branches_are_one_clone_and_ten_layers() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commits(3);
    let main = lab.create(&repo, &[]);
    for number in 1..=10 {
        let branch = format!("feature/{number}");
        repo.branch(&branch, "main");
        repo.commit("Feature", &[(&format!("f{number}"), "1\n")]);
        let outcome = lab.dkr(&repo.path, ["create-image"]).ok();
        outcome.says(": 1 commit, ");
        let image = lab.image(&outcome);
        assert_eq!(image.label("branch"), branch);
        assert_eq!(image.layers(), main.layers() + 1);
        assert_eq!(image.sh("git rev-parse HEAD"), repo.head());
        let expected = format!("a\nf{number}");
        assert_eq!(image.sh("ls; git status --porcelain"), expected);
    }
    assert_eq!(lab.images().len(), 11);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn a_sibling_leaves_no_trace_but_objects() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "v1"]);
    repo.commit("Shared", &[("shared", "1\n"), ("directory/x", "1\n")]);
    repo.branch("topic", "main");
    repo.commit("Of the topic", &[("topic", "1\n"), ("directory/x", "2\n")]);
    repo.git(["tag", "-a", "-m", "Of the topic alone", "topic-1"]);
    let topic = lab.create(&repo, &[]);
    assert_eq!(topic.sh("git tag"), "topic-1\nv1");
    repo.checkout("main").commit("Later", &[("later", "1\n")]);
    repo.git(["tag", "v2"]);
    let before = repo.snapshot();
    same_as_full(&lab, &repo, "main", &topic);
    before.assert_same(&repo);
    // A branch below the name of one, and a commit and a tag that no branch follows.
    let main = lab.tagged(&format!("dkr:{}-main", repo.name()));
    repo.branch("main-2/x", "main")
        .commit("More", &[("more", "1\n")]);
    same_as_full(&lab, &repo, "main-2/x", &main);
    repo.git(["tag", "-f", "v1", "main"]);
    same_as_full(&lab, &repo, "v2", &main);
}

#[test]
fn a_commit_is_left_detached_and_an_older_one_is_gone_back_to() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let old = repo.commit("Old", &[("old", "1\n")]);
    repo.commit("New", &[("new", "1\n"), ("old", "2\n")]);
    let main = lab.create(&repo, &[]);
    same_as_full(&lab, &repo, &old, &main);
    // And from there to a branch.
    lab.docker(&["rmi", &main.tag]);
    let detached = lab.tagged(&format!("dkr:{}-{old}", repo.name()));
    same_as_full(&lab, &repo, "main", &detached);
}

#[test]
fn other_kinds_of_repositories_have_near_images_too() {
    let Some(lab) = Lab::new() else { return };
    let origin = lab.repo();
    origin.commits(5);
    let kinds = [
        origin.clone_with(&["--depth=3"]),
        Repo::init(&lab, "sha256", &["--object-format=sha256"]),
    ];
    for repo in kinds {
        repo.commit("Begin", &[("a", "1\n")]);
        repo.git(["tag", "-a", "-m", "A release", "v1"]);
        repo.conf("[post_clone]\nENV COLOUR=red\n");
        let head = lab.create(&repo, &[]);
        let tip = repo.branch("topic", "HEAD");
        tip.commit("More", &[("b", "1\n")]);
        same_as_full(&lab, &repo, "topic", &head);
    }
}

#[test]
fn a_branch_that_was_rewritten_stands_on_its_own_old_image() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Old", &[("old", "1\n")]);
    let old = lab.create(&repo, &[]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit("New", &[("new", "1\n")]);
    let new = lab.image(&on(&lab, &repo, &[], &old));
    assert_eq!(new.tag, old.tag);
    assert_eq!(new.sh("ls; git reflog | wc -l"), "a\nnew\n1");
    // The old one has lost its name.
    assert_eq!(lab.images(), [new.id()]);
}

#[test]
fn a_second_create_builds_nothing_and_updates_go_on_from_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    repo.branch("topic", "main").commit("Topic", &[("t", "1")]);
    let topic = lab.image(&on(&lab, &repo, &[], &main));
    let again = lab.dkr(&repo.path, ["create-image"]).ok();
    again.says("already");
    assert_eq!(lab.image(&again).id(), topic.id());
    // Its record is that of a create, with what lies over the clone.
    let record = &repo.records(&repo.head())[0];
    assert_eq!(record["type"], "base");
    assert_eq!(record["parent"], main.id());
    assert_eq!(record["depth"], 1);
    assert!(record["over"].as_u64().unwrap() > 0, "{record}");
    assert_eq!(record["manifest"].get("parent"), None);
    let first = &repo.records(&repo.id("main"))[0];
    assert_eq!((&first["depth"], &first["over"]), (&0.into(), &0.into()));

    repo.commit("More", &[("t", "2")]);
    let update = lab.update(&repo, &[]);
    assert_eq!(update.sh("cat t; git status --porcelain"), "2");
    assert_eq!(repo.records(&repo.head())[0]["depth"], 2);
    lab.dkr(&repo.path, ["explain"]).ok().never_says("warning");
}

#[test]
fn the_cheapest_in_bytes_is_taken() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let noise: String = (0..9_000u32)
        .map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let main = lab.create(&repo, &[]);
    repo.branch("heavy", "main")
        .commit("Much", &[("much", &noise)]);
    repo.commits(3);
    let heavy = lab.create(&repo, &["--from=none"]);
    // Four commits from main, one of them heavy; one from heavy's tip.
    repo.branch("next", "heavy").commit("Next", &[("b", "1")]);
    on(&lab, &repo, &[], &heavy);
    repo.checkout("main").branch("light", "main").commits(2);
    on(&lab, &repo, &[], &main);
}

#[test]
fn a_changed_key_file_counts_extra() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let locks: Vec<String> = (0..11).map(|n| format!("{n}.lock")).collect();
    let write = |text: &str| locks.iter().for_each(|name| repo.write(name, text));
    write("1\n");
    repo.git(["add", "."]);
    repo.conf("key_files = *.lock\n");
    let main = lab.create(&repo, &[]);
    // One is no reason to do all anew.
    repo.branch("one", "main")
        .commit("One", &[("0.lock", "2\n")]);
    on(&lab, &repo, &[], &main).says("1 key file changed");
    repo.branch("all", "main");
    write("3\n");
    repo.git(["add", "."]);
    repo.commit("All", &[]);
    full(&lab, &repo, &[], "11 key files changed");
    on(&lab, &repo, &["--from", &main.tag], &main);
}

#[test]
fn what_a_create_would_not_come_to_is_not_stood_on() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN touch /one\n");
    let main = lab.create(&repo, &[]);
    repo.branch("other", "main")
        .conf("[post_clone]\nRUN touch /two\n");
    let why = format!("not on {}: [post_clone] of .dkr.conf changed", main.tag);
    let other = full(&lab, &repo, &[], &why);
    assert_eq!(other.sh("ls -d /one /two 2>/dev/null || true"), "/two");
    lab.dkr(&repo.path, ["create-image", "--no-cache", "--from=main"])
        .fails()
        .says("[post_clone] of .dkr.conf changed")
        .says("explain --candidates");
    // An update has brought another since.
    repo.checkout("main").conf("[post_clone]\nRUN touch /two\n");
    lab.update(&repo, &[]);
    repo.branch("third", "main").commit("Third", &[("b", "1")]);
    let third = lab.dkr(&repo.path, ["create-image"]).ok();
    third.says(&format!("on {}: ", other.tag));

    repo.branch("packages", "main");
    repo.conf("packages = make\n[post_clone]\nRUN touch /two\n");
    full(&lab, &repo, &[], "packages: +make");
    // What is of no account for the image is none here.
    repo.branch("stale", "third");
    repo.conf("stale_after = 3\nvolumes = /tmp:/t\n[post_clone]\nRUN touch /two\n");
    let stale = lab.dkr(&repo.path, ["create-image"]).ok();
    assert_ne!(lab.image(&stale).label("parent"), "");
}

#[test]
fn without_history_or_records_in_common_it_is_a_full_clone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    repo.git(["checkout", "--quiet", "--orphan", "orphan"]);
    repo.commit("Begin again", &[("b", "1")]);
    full(&lab, &repo, &[], "it shares no history with the commit");
    lab.docker(&["rmi", &format!("dkr:{}-orphan", repo.name())]);
    repo.checkout("main")
        .branch("topic", "main")
        .commit("Topic", &[("t", "1")]);
    lab.forget_records(&repo, &main);
    let why = format!("not on {}: it has no record in this repository", main.tag);
    full(&lab, &repo, &[], &why);
}

#[test]
fn siblings_are_left_out_where_one_does_not_want_them() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commits(2);
    let base = repo.head();
    repo.branch("one", "main").commit("One", &[("one", "1")]);
    let one = lab.create(&repo, &[]);
    repo.branch("two", "main").commit("Two", &[("two", "1")]);
    repo.git(["config", "dkr.siblings", "false"]);
    full(&lab, &repo, &[], "has commits of its own");
    // An ancestor will do, and who names one has it.
    let ancestor = lab.create(&repo, &["--from=none", &base]);
    repo.branch("three", "main")
        .commit("Three", &[("three", "1")]);
    on(&lab, &repo, &[], &ancestor);
    repo.branch("four", "main").commit("Four", &[("four", "1")]);
    on(&lab, &repo, &["--from=one"], &one);
    repo.git(["config", "dkr.siblings", "perhaps"]);
    lab.dkr(&repo.path, ["create-image"])
        .exits(1)
        .says("dkr.siblings");
}

#[test]
fn one_can_say_what_to_stand_on() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    let main = lab.create(&repo, &[]);
    let foreign = lab.create(&other, &[]);
    repo.branch("near", "main").commits(2);
    let near = lab.create(&repo, &[]);
    repo.branch("next", "near").commit("Next", &[("b", "1")]);
    for name in ["main", &main.tag, main.id(), &main.id()[7..19]] {
        let shown = lab
            .dkr(&repo.path, ["create-image", "--dry-run", "--from", name])
            .ok();
        let line = format!(" on {}: 3 commits, ", main.tag);
        assert!(shown.stdout.contains(&line), "{name}: {}", shown.stdout);
    }
    let shown = lab.dkr(&repo.path, ["create-image", "--dry-run"]).ok();
    assert!(
        shown
            .stdout
            .contains(&format!(" on {}: 1 commit, ", near.tag))
    );
    let shown = lab
        .dkr(&repo.path, ["create-image", "--print-dockerfile"])
        .ok();
    let line = format!("ARG PARENT=\"{}\"\nFROM ${{PARENT}}\n", near.tag);
    assert!(shown.stdout.contains(&line), "{}", shown.stdout);
    for args in [&["--from=none"][..], &["--force-rebuild"], &["--no-cache"]] {
        let shown = lab
            .dkr(&repo.path, [&["create-image", "--dry-run"], args].concat())
            .ok();
        assert!(
            shown.stdout.contains(" on debian:bookworm-slim\n"),
            "{args:?}"
        );
    }
    let image = lab.image(&on(&lab, &repo, &["--no-cache", "--from=main"], &main));
    assert_eq!(image.label("parent"), main.id());
    lab.dkr(&repo.path, ["create-image", "--from", &foreign.tag])
        .fails()
        .says(&format!("{} is not an image of ", foreign.tag));
    lab.dkr(&repo.path, ["create-image", "--from=no-such"])
        .fails()
        .says("no-such");
}

#[test]
fn what_a_build_left_in_the_worktree_stays() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Ignore", &[(".gitignore", "stamps\n")]);
    repo.conf("[post_clone]\nRUN date +%N >> stamps\n");
    let main = lab.create(&repo, &[]);
    repo.branch("topic", "main").commit("Topic", &[("t", "1")]);
    let times = "stat -c '%y %i' a";
    let topic = lab.image(&on(&lab, &repo, &[], &main));
    assert_eq!(topic.sh("wc -l < stamps"), "2");
    assert_eq!(topic.sh(times), main.sh(times));
}

#[test]
fn two_at_once_on_one_that_moves_meanwhile() {
    let Some(lab) = Lab::new() else { return };
    let (repo, one, two) = (lab.repo(), Gate::new(), Gate::new());
    let step = "[post_clone]\nRUN test ! -e /workspace/gate || sh /workspace/gate\n";
    repo.conf(step);
    let main = lab.create(&repo, &[]);
    let (id, tag) = (main.id().to_owned(), main.tag.clone());
    let gate = |gate: &Gate| gate.step().replacen("RUN ", "", 1);
    repo.branch("one", "main")
        .commit("One", &[("gate", &gate(&one))]);
    repo.branch("two", "main")
        .commit("Two", &[("gate", &gate(&two))]);
    let runs = ["one", "two"].map(|branch| lab.dkr_spawn(&repo.path, &["create-image", branch]));
    let steps = [one.reached(), two.reached()];
    // The image that they stand on is made anew.
    repo.checkout("main").commit("Later", &[("late", "1")]);
    lab.create(&repo, &["--from=none"]);
    for step in steps {
        step.open();
    }
    for (run, branch) in runs.into_iter().zip(["one", "two"]) {
        let image = lab.image(&run.finish().ok());
        assert_eq!(image.label("parent"), id);
        assert_eq!(
            image.sh("git rev-parse HEAD; ls"),
            repo.id(branch) + "\na\ngate"
        );
    }
    assert!(!is_lent(&lab, &repo));
    assert_eq!(lab.tagged(&tag).label("commit"), repo.head());
}

#[test]
fn one_that_is_interrupted_gives_back_the_name_that_it_lent() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf("[post_clone]\nRUN test ! -e gate || sh gate\n");
    let main = lab.create(&repo, &[]);
    let step = gate.step().replacen("RUN ", "", 1);
    repo.branch("topic", "main")
        .commit("Wait", &[("gate", &step)]);
    let running = lab.dkr_spawn(&repo.path, &["create-image"]);
    let step = gate.reached();
    assert!(is_lent(&lab, &repo));
    running.signal(rustix::process::Signal::TERM);
    assert_ne!(running.finish().code, Some(0));
    step.wait_for_end();
    assert!(!is_lent(&lab, &repo));
    assert_eq!(lab.images(), [main.id()]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn a_failed_one_leaves_nothing_and_its_parent_as_it_was() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN test ! -e fail\n");
    let main = lab.create(&repo, &[]);
    repo.branch("topic", "main")
        .commit("Fail", &[("fail", "1")]);
    lab.dkr(&repo.path, ["create-image"])
        .fails()
        .says("RUN test");
    assert_eq!(lab.images(), [main.id()]);
    assert_eq!(lab.tagged(&main.tag).id(), main.id());
    assert_eq!(lab.leftovers(), [""; 0]);
    assert!(!is_lent(&lab, &repo));
}

#[test]
fn an_ancestor_that_stands_on_a_sibling_is_left_out_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("secret", "main").commit("S", &[("s", "1")]);
    let secret = lab.create(&repo, &[]);
    repo.checkout("main");
    let main = lab.image(&on(&lab, &repo, &[], &secret));
    repo.branch("topic", "main").commit("T", &[("t", "1")]);
    repo.git(["config", "dkr.siblings", "false"]);
    full(&lab, &repo, &[], "has commits of its own");
    // Nor is it what is wanted of its own branch any more.
    repo.checkout("main");
    let pure = lab.image(&lab.dkr(&repo.path, ["create-image"]).ok());
    assert_eq!(
        (pure.tag.as_str(), pure.label("parent").as_str()),
        (&*main.tag, "")
    );
}

#[test]
fn an_image_that_is_there_is_not_taken_where_another_way_is_asked_for() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    repo.branch("topic", "main").commit("T", &[("t", "1")]);
    on(&lab, &repo, &[], &main);
    let again = |from: &str| lab.dkr(&repo.path, ["create-image", from]);
    again("--from=main").ok().says("at");
    again("--from=nonsense").exits(1).says("nonsense");
    let full = lab.image(&again("--from=none").ok());
    assert_eq!(full.label("parent"), "");
    again("--from=none").ok().says("fresh");
}

#[test]
fn of_images_at_the_same_commit_the_flattest_is_taken() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    for branch in ["one", "two", "three"] {
        repo.branch(branch, "main");
        on(&lab, &repo, &[], &main);
    }
}

#[test]
fn a_tag_that_leads_to_a_file_of_another_branch_does_not_come() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("other", "main").commit("O", &[("o", "1")]);
    repo.git(["tag", "file", "other:o"]);
    let other = lab.create(&repo, &[]);
    repo.checkout("main");
    let main = lab.image(&on(&lab, &repo, &[], &other));
    assert_eq!(main.sh("git tag"), "");
}

#[test]
fn a_name_that_a_killed_build_left_is_no_image() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    let topic = repo.branch("topic", "main").commit("T", &[("t", "1")]);
    let mut dry = lab.dkr(&repo.path, ["-v", "create-image"]).ok().stderr;
    let at = dry.find("dkr:below-").unwrap();
    let end = dry[at..]
        .find(|c: char| !c.is_ascii_alphanumeric() && !":-".contains(c))
        .unwrap();
    let name = dry.split_off(at)[..end].to_owned();
    lab.docker(&["tag", &main.tag, &name]);
    lab.docker(&["rmi", &main.tag]);
    let listed = lab.list(&repo, &[]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["commit"], topic);
    lab.docker(&["rmi", &name]);
}
