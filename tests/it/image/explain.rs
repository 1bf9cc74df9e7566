//! `git dkr explain`: what an image was made of, and what changed since.

use serde_json::Value;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::unique;

#[track_caller]
fn explain(lab: &Lab, repo: &Repo, args: &[&str]) -> Outcome {
    lab.dkr(&repo.path, [&["explain"], args].concat()).ok()
}

/// What is printed below `different from …`.
#[track_caller]
fn changes(shown: &str, from: &str) -> Vec<String> {
    let title = format!("\ndifferent from {from}:\n");
    let Some((_, below)) = shown.split_once(&title) else {
        panic!("{title:?} is not in\n{shown}");
    };
    below.lines().map(|line| line.trim().to_owned()).collect()
}

#[track_caller]
fn json(lab: &Lab, repo: &Repo, args: &[&str]) -> Value {
    let shown = explain(lab, repo, &[&["--format=json"], args].concat());
    serde_json::from_str(&shown.stdout).unwrap()
}

/// These lines are there, one after the other.
#[track_caller]
fn in_order(lines: &[String], expected: &[&str]) {
    let mut rest = lines.iter();
    for text in expected {
        assert!(
            rest.any(|line| line.starts_with(text)),
            "{text:?} is not there, or not in its place: {lines:#?}"
        );
    }
}

#[test]
fn a_new_image_differs_in_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let outcome = explain(&lab, &repo, &[]);
    outcome.never_says("warning");
    let shown = outcome.stdout;
    assert!(
        shown.ends_with("\nnothing differs from main now\n"),
        "{shown}"
    );
    let head = repo.head();
    let title = format!("{} at {}, base of ", image.tag, &head[..7]);
    assert!(shown.starts_with(&title), "{shown}");
    for part in [
        format!("key {}", image.label("cache_key")),
        format!("{:<24} {head}", "commit"),
        format!("{:<24} debian:bookworm-slim", "base_image"),
        format!("{:<24} refs/heads/main", "ref"),
        format!("{:<24} linux/", "platform"),
    ] {
        assert!(shown.contains(&part), "{part:?} is not in\n{shown}");
    }
    // Each input once, as the record has it.
    let manifest = repo.records(&head)[0]["manifest"].clone();
    for (name, value) in manifest.as_object().unwrap() {
        let line = format!("{name:<24} {}", value.as_str().unwrap());
        let found = shown
            .lines()
            .filter(|shown| shown.ends_with(&format!("── {line}")));
        assert_eq!(found.count(), 1, "{line:?}\n{shown}");
    }
}

const CONF: &str = "packages = make\nkey_files = Cargo.lock\n[post_clone]\nRUN true\n";

#[test]
fn all_changes_the_most_telling_first() {
    let Some(lab) = Lab::new() else {
        return;
    };
    let repo = lab.repo();
    let name = format!("dkr-test-base-{}:1", unique());
    lab.base(&name, 1);
    repo.write("Cargo.lock", "1\n");
    repo.git(["add", "Cargo.lock"]);
    let first = repo.conf(CONF);
    let with_base = |args: &[&str]| {
        let mut command = lab.dkr_command(&repo.path, args);
        outcome(command.env("DKR_BASE_IMAGE", &name)).ok()
    };
    with_base(&["create-image"]);

    lab.base(&name, 2);
    for number in 2..5 {
        repo.commit("Change", &[("Cargo.lock", &format!("{number}\n"))]);
    }
    let conf = CONF.replace("make", "gcc clang") + "RUN date\n";
    let last = repo.conf(&conf);
    let shown = with_base(&["explain"]).stdout;
    in_order(
        &changes(&shown, "main now"),
        &[
            &format!("base image {name} has a new digest: "),
            "packages: +gcc +clang -make",
            "[post_clone] of .dkr.conf changed",
            &format!("4 commits: {} -> {}", &first[..7], &last[..7]),
        ],
    );
    // The text of the Dockerfile changed because of them.
    assert!(!shown.contains("Dockerfile's text"), "{shown}");
}

#[test]
fn key_files_come_before_settings() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.write("Cargo.lock", "1\n");
    repo.write("deep/in/package-lock.json", "1\n");
    repo.git(["add", "."]);
    let keys = "key_files = Cargo.lock **/package-lock.json\n";
    repo.conf(keys);
    lab.create(&repo, &[]);
    assert!(
        explain(&lab, &repo, &[])
            .stdout
            .contains("key_file:Cargo.lock")
    );
    for number in 2..5 {
        repo.commit("Change", &[("Cargo.lock", &format!("{number}\n"))]);
        repo.commit("Nothing", &[("a", &format!("{number}\n"))]);
    }
    repo.commit("Add", &[("new/package-lock.json", "1\n")]);
    repo.git(["rm", "--quiet", "-r", "deep"]);
    repo.conf(&format!("packages = make\n{keys}"));
    let shown = explain(&lab, &repo, &[]).stdout;
    in_order(
        &changes(&shown, "main now"),
        &[
            ".dkr.conf changed in 1 commit",
            "Cargo.lock changed in 3 commits",
            "deep/in/package-lock.json was removed",
            "new/package-lock.json was added",
            "packages: +make",
            "8 commits: ",
        ],
    );
}

#[test]
fn settings_are_a_key_file_of_their_own() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.conf("stale_after = 7\n");
    lab.create(&repo, &[]);
    repo.conf("stale_after = 8\n");
    let shown = explain(&lab, &repo, &[]).stdout;
    let changes = changes(&shown, "main now");
    assert_eq!(changes.len(), 2, "{changes:?}");
    in_order(&changes, &[".dkr.conf changed in 1 commit", "1 commit: "]);
}

#[test]
fn a_branch_that_was_rewritten_or_taken_back() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let old = repo.commit("Old", &[]);
    lab.create(&repo, &[]);
    let arrow = |new: &str| format!("{} -> {}", &old[..7], &new[..7]);
    let new = repo.amend("New");
    let shown = explain(&lab, &repo, &[]).stdout;
    let expected = format!("another line of history: {}", arrow(&new));
    assert_eq!(changes(&shown, "main now"), [expected]);
    repo.git(["reset", "--quiet", "--hard", &format!("{old}~1")]);
    let shown = explain(&lab, &repo, &[]).stdout;
    // One is one.
    let expected = format!("1 commit behind: {}", arrow(&repo.head()));
    assert_eq!(changes(&shown, "main now"), [expected]);
}

#[test]
fn an_image_is_named_by_its_tag_id_or_branch() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    repo.branch("topic/x", "main");
    repo.commit("More", &[("b", "2")]);
    let topic = lab.create(&repo, &["topic/x"]);
    let explained = |name: &str| json(&lab, &repo, &[name])["image"].clone();
    for name in [
        &*main.tag,
        main.id(),
        &main.id()[7..19],
        "main",
        "refs/heads/main",
    ] {
        assert_eq!(explained(name), main.id(), "{name}");
    }
    for name in [&*topic.tag, &topic.id()[7..], "topic/x", "HEAD"] {
        assert_eq!(explained(name), topic.id(), "{name}");
    }
    // The newest by default.
    assert_eq!(json(&lab, &repo, &[])["image"], topic.id());
    lab.dkr(&repo.path, ["explain", "no-such"])
        .fails()
        .says("no-such");
    repo.git(["branch", "empty"]);
    lab.dkr(&repo.path, ["explain", "empty"])
        .fails()
        .says("there is no image of empty yet");
}

#[test]
fn against_another_image() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    repo.branch("topic", "main");
    repo.conf("packages = make\n");
    let topic = lab.create(&repo, &[]);
    for other in [&*topic.tag, &topic.id()[7..19], "topic"] {
        let shown = explain(&lab, &repo, &["main", "--against", other]).stdout;
        in_order(
            &changes(&shown, &topic.tag),
            &[
                "packages: +make",
                "another branch: main -> topic",
                "another ref: refs/heads/main -> refs/heads/topic",
                "1 commit: ",
            ],
        );
    }
    let shown = explain(&lab, &repo, &[&topic.tag, "--against=main"]).stdout;
    in_order(&changes(&shown, &main.tag), &["packages: -make"]);
    let shown = explain(&lab, &repo, &["main", "--against=main"]).stdout;
    assert!(
        shown.ends_with("nothing differs from main now\n"),
        "{shown}"
    );
    let shown = explain(&lab, &repo, &["main", "--against", &main.tag]).stdout;
    assert!(shown.ends_with(&format!("nothing differs from {}\n", main.tag)));
    lab.dkr(&repo.path, ["explain", "--against=no-such"])
        .fails()
        .says("no-such");
}

#[test]
fn json_has_all_of_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let (first, image) = (repo.head(), lab.create(&repo, &[]));
    let second = repo.conf("packages = make\n");
    let explained = json(&lab, &repo, &[]);
    assert_eq!(explained["image"], image.id());
    assert_eq!(explained["tag"], image.tag.as_str());
    assert_eq!(explained["against"], "main now");
    assert_eq!(explained["records"], Value::from(repo.records(&first)));
    let changes = explained["changes"].as_array().unwrap();
    let change = |name: &str| {
        changes
            .iter()
            .find(|change| change["name"] == name)
            .unwrap()
    };
    let packages = change("packages");
    assert_eq!(
        (&packages["old"], &packages["new"]),
        (&Value::Null, &"make".into())
    );
    assert_eq!(packages["text"], "packages: +make");
    let commit = change("commit");
    assert_eq!(commit["old"], first.as_str());
    assert_eq!(commit["new"], second.as_str());
    assert!(commit["text"].as_str().unwrap().starts_with("1 commit: "));
}

#[test]
fn a_chain_of_updates_is_nested() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let mut commits = vec![repo.head()];
    let mut keys = vec![lab.create(&repo, &[]).label("cache_key")];
    for number in ["1", "2"] {
        commits.insert(0, repo.commit("More", &[("b", number)]));
        keys.insert(0, lab.update(&repo, &[]).label("cache_key"));
    }
    let shown = explain(&lab, &repo, &[]).stdout;
    // Each image lies deeper than the one that is put on it.
    let depth = |text: &str| {
        let lines: Vec<&str> = shown.lines().filter(|line| line.contains(text)).collect();
        assert_eq!(lines.len(), 1, "{text}\n{shown}");
        lines[0].find(text).unwrap()
    };
    let depths: Vec<usize> = keys
        .iter()
        .map(|key| depth(&format!("key {key}")))
        .collect();
    assert!(depths[0] < depths[1] && depths[1] < depths[2], "{shown}");
    assert_eq!(shown.matches(", update of ").count(), 2);
    assert_eq!(shown.matches(", base of ").count(), 1);
    assert!(
        shown.ends_with("nothing differs from main now\n"),
        "{shown}"
    );

    let records = json(&lab, &repo, &[])["records"].clone();
    let shown: Vec<&Value> = records.as_array().unwrap().iter().collect();
    let expected: Vec<Value> = commits.iter().flat_map(|c| repo.records(c)).collect();
    assert_eq!(shown, expected.iter().collect::<Vec<_>>());

    // What an update does not bring is told of.
    repo.conf("packages = make\n");
    lab.update(&repo, &[]);
    let shown = explain(&lab, &repo, &[]).stdout;
    assert_eq!(changes(&shown, "main now"), ["packages: +make"]);
}

#[test]
fn without_a_record_it_says_what_to_do() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    lab.forget_records(&repo, &image);
    let outcome = lab.dkr(&repo.path, ["explain"]).fails();
    outcome
        .says(&format!("{} has no record", image.tag))
        .says("git dkr notes pull");
    // Who builds it again has one.
    lab.dkr(&repo.path, ["create-image", "--force-rebuild"])
        .ok();
    explain(&lab, &repo, &[]);
}

#[test]
fn what_it_says_to_do_without_a_record_helps() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    lab.forget_records(&repo, &image);
    let outcome = lab.dkr(&repo.path, ["explain"]).fails();
    outcome.says("git dkr create-image");
    let force = outcome.stderr.contains("--force-rebuild");
    lab.create(&repo, &["--force-rebuild"][usize::from(!force)..]);
    explain(&lab, &repo, &[]);
}

#[test]
fn without_the_record_of_the_image_below_it_warns() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let first = repo.head();
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    let image = lab.update(&repo, &[]);
    repo.git(["notes", "--ref=dkr", "remove", &first]);
    let outcome = explain(&lab, &repo, &[]);
    outcome.says("warning: the record of the image below is not in this repository");
    assert!(outcome.stdout.contains(&image.label("cache_key")));
    // What is not known of is not said to have changed.
    for claim in ["another base image", "base image", "platform", "packages"] {
        let said = outcome
            .stdout
            .lines()
            .any(|line| line.starts_with(&format!("  {claim}")));
        assert!(!said, "{claim} is in\n{}", outcome.stdout);
    }
}

#[test]
fn in_json_too_it_warns_of_a_record_that_is_missing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let first = repo.head();
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    lab.update(&repo, &[]);
    repo.git(["notes", "--ref=dkr", "remove", &first]);
    let outcome = explain(&lab, &repo, &["--format=json"]);
    outcome.says("warning: the record of the image below is not in this repository");
    let explained: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(explained["records"].as_array().unwrap().len(), 1);
}

#[test]
fn records_that_lead_in_a_circle_end() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let second = repo.commit("More", &[("b", "2")]);
    lab.update(&repo, &[]);
    // The same record three times, as a merge of somebody's edits may leave it.
    let note = repo.note(&second).unwrap();
    repo.set_note(&second, note.repeat(3));
    let explained = json(&lab, &repo, &[]);
    assert_eq!(explained["records"].as_array().unwrap().len(), 2);
}

#[test]
fn a_branch_that_is_gone_is_explained_without_a_comparison() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    repo.branch("topic", "main");
    let image = lab.create(&repo, &[]);
    repo.checkout("main").git(["branch", "-D", "topic"]);
    for args in [&[][..], &["topic"], &[&image.tag]] {
        let outcome = explain(&lab, &repo, args);
        outcome.says("warning: the present state is not known");
        assert!(outcome.stdout.contains(&image.label("cache_key")));
        assert!(!outcome.stdout.contains("differ"), "{}", outcome.stdout);
    }
}

#[test]
fn a_base_image_that_is_not_here_is_not_fetched() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let mut command = lab.dkr_command(&repo.path, ["explain"]);
    command.env("DKR_BASE_IMAGE", "localhost:1/no/such:1");
    let outcome = outcome(&mut command).ok();
    outcome.says("warning: the base image is not on this machine");
    assert!(outcome.stdout.contains(&image.label("cache_key")));
    assert!(!outcome.stdout.contains("differ"), "{}", outcome.stdout);
}

#[test]
fn where_there_is_nothing_to_explain() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    lab.dkr(lab.root(), ["explain"])
        .fails()
        .says("is not in a git repository");
    let repo = lab.repo();
    lab.dkr(&repo.path, ["explain"])
        .fails()
        .says("there is no image of this repository yet")
        .says("git dkr create-image");
    lab.dkr(&repo.path, ["explain", "main"])
        .fails()
        .says("there is no image of main yet");
}

#[test]
fn an_image_of_another_repository_has_no_record_here() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let (repo, other) = (lab.repo(), lab.repo());
    let image = lab.create(&other, &[]);
    lab.dkr(&repo.path, ["explain", &image.tag])
        .fails()
        .says("has no record in this repository");
}

#[test]
fn what_a_create_stands_on() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let main = lab.create(&repo, &[]);
    let shown = explain(&lab, &repo, &[]).stdout;
    assert!(!shown.contains("\non "), "{shown}");
    assert!(json(&lab, &repo, &[])["on"].is_null());
    repo.branch("near", "main").commits(2);
    lab.create(&repo, &[]);
    repo.commits(1);
    // Below an update, too.
    lab.update(&repo, &[]);
    let shown = explain(&lab, &repo, &["near"]).stdout;
    let line = format!("on {}: 2 commits, ", main.tag);
    assert!(shown.contains(&line), "{line:?} is not in\n{shown}");
    let on = &json(&lab, &repo, &["near"])["on"];
    assert_eq!(on["image"], main.id());
    assert_eq!(on["tag"], main.tag);
    assert_eq!(on["commit"], main.label("commit"));
    assert!(on["way"].as_str().unwrap().starts_with("2 commits, "));
    // Records are notes, which others may lack.
    lab.docker(&["rmi", &main.tag]);
    repo.git(["notes", "--ref=dkr", "remove", &main.label("commit")]);
    let shown = explain(&lab, &repo, &["near"]).stdout;
    assert!(shown.contains("has no record here"), "{shown}");
}

#[test]
fn candidates_with_what_lies_between_or_why_not() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let none = explain(&lab, &repo, &["--candidates"]).stdout;
    assert_eq!(
        none,
        "there is no image to stand on: a create is a full clone\n"
    );
    let main = lab.create(&repo, &[]);
    repo.branch("near", "main").commits(2);
    let near = lab.create(&repo, &[]);
    repo.branch("other", "main").conf("packages = make\n");
    let other = lab.create(&repo, &[]);
    repo.branch("next", "near").commits(1);
    lab.dkr(&repo.path, ["explain", "next"])
        .fails()
        .says("explain --candidates next");
    for args in [&["--candidates"][..], &["--candidates", "next"]] {
        let shown = explain(&lab, &repo, args).stdout;
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("IMAGE"), "{shown}");
        for (line, image, said) in [
            (1, &near, "  1 commit, "),
            (2, &main, "  3 commits, "),
            (3, &other, "  no: packages: -make"),
        ] {
            assert!(lines[line].starts_with(&image.tag), "{shown}");
            assert!(lines[line].contains(said), "{said:?} is not in\n{shown}");
        }
    }
    // An image stands for its branch.
    let of_image = explain(&lab, &repo, &["--candidates", &near.tag]).stdout;
    let first = of_image.lines().nth(1).unwrap();
    assert!(first.starts_with(&near.tag), "{of_image}");
    assert!(first.contains("  0 commits, "), "{of_image}");
    let found = json(&lab, &repo, &["--candidates"]);
    assert_eq!(found["branch_from"], "next");
    assert_eq!(found["commit"], repo.head());
    let first = &found["candidates"][0];
    assert_eq!(first["image"], near.id());
    assert_eq!((&first["commits"], &first["back"]), (&1.into(), &0.into()));
    assert!(first["bytes"].as_u64() > Some(0) && first["reason"].is_null());
    assert!(first["cost"].as_u64() < found["full_cost"].as_u64());
    let last = &found["candidates"][2];
    assert_eq!(last["reason"], "packages: -make");
    assert!(last["cost"].is_null() && last["bytes"].is_null());
    assert_eq!(lab.images().len(), 3);
}
