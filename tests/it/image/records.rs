//! Records: one for each build in `refs/notes/dkr`, and what happens where others wrote there.

use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::Value;

use crate::common::client;
use crate::common::dkr::outcome;
use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;

/// What stands in every record.
#[track_caller]
fn fits(record: &Value, image: &Image, kind: &str) {
    assert_eq!(record["v"], 1);
    assert_eq!(record["type"], kind);
    assert_eq!(record["image"], image.id());
    assert_eq!(record["tag"], image.tag.as_str());
    assert_eq!(record["branch"], image.label("branch"));
    assert_eq!(record["branch_from"], image.label("branch_from"));
    assert_eq!(record["cache_key"], image.label("cache_key"));
    assert_eq!(record["manifest"]["commit"], image.label("commit"));
    assert_eq!(record["manifest"]["type"], kind);
    assert_eq!(record["engine"], client::name());
    assert_eq!(record["size"], image.size());
    let (os, machine) = (&image.value["Os"], &image.value["Architecture"]);
    let platform = format!("{}/{}", os.as_str().unwrap(), machine.as_str().unwrap());
    assert!(record["platform"].as_str().unwrap().starts_with(&platform));
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(
        time(record["created_at"].as_str().unwrap()),
        time(&image.label("created_at"))
    );
    // It was in no registry yet.
    assert_eq!(record.get("digest"), None);
}

#[test]
fn each_build_writes_one() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let first = repo.head();
    let base = lab.create(&repo, &[]);
    let [record] = &repo.records(&first)[..] else {
        panic!("{:?}", repo.records(&first))
    };
    fits(record, &base, "base");
    assert_eq!(record.get("parent"), None);
    let manifest = &record["manifest"];
    assert_eq!(manifest["base_image"], "debian:bookworm-slim");
    assert_eq!(manifest.get("packages"), None);

    let second = repo.commit("More", &[("b", "2")]);
    let update = lab.update(&repo, &["main"]);

    let [record] = &repo.records(&second)[..] else {
        panic!("{:?}", repo.records(&second))
    };
    fits(record, &update, "update");
    assert_eq!(record["parent"], base.id());
    assert_eq!(lab.list(&repo, &[])[0]["size"], record["size"]);
    assert_eq!(record["manifest"]["parent"], base.label("cache_key"));
    assert_ne!(base.label("cache_key"), update.label("cache_key"));
}

#[test]
fn a_client_that_builds_nothing_and_says_that_all_went_well_leaves_none() {
    let Some(lab) = Lab::of("docker") else { return };
    let repo = lab.repo();
    lab.script(
        "bin/docker",
        &format!(
            "[ \"$1\" = build ] || exec '{}' \"$@\"",
            lab.docker.display()
        ),
    );
    let refused = |args: &[&str]| {
        let images = lab.images();
        let mut command = lab.dkr_command(&repo.path, args);
        let outcome = outcome(command.env("PATH", lab.bin_first())).fails();
        outcome.says("docker build ended without an error, but made no dkr:");
        outcome.never_says("built ");
        assert_eq!(repo.records(&repo.head()).len(), 0);
        assert_eq!(lab.images(), images);
    };
    refused(&["create-image"]);
    // The one that was there is not the one that was asked for.
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2")]);
    refused(&["create-image"]);
    refused(&["update-image"]);
}

#[test]
fn a_build_again_adds_one_and_one_that_is_spared_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let head = repo.head();
    lab.create(&repo, &[]);
    lab.create(&repo, &[]);
    assert_eq!(repo.records(&head).len(), 1);
    let again = lab.create(&repo, &["--force-rebuild"]);
    let records = repo.records(&head);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["cache_key"], records[1]["cache_key"]);
    fits(&records[1], &again, "base");
    lab.update(&repo, &[]);
    lab.dkr(&repo.path, ["create-image", "--dry-run"]).ok();
    assert_eq!(repo.records(&head).len(), 2);
}

#[test]
fn a_line_of_json_with_sorted_keys_that_names_nobody() {
    let Some(lab) = Lab::within("a secret place") else {
        return;
    };
    let repo = lab.repo();
    repo.conf("packages = make\n[post_clone]\nRUN true\n");
    lab.create(&repo, &[]);
    let head = repo.commit("More", &[]);
    lab.update(&repo, &[]);
    for commit in [repo.id("HEAD~1"), head] {
        let note = String::from_utf8(repo.note(&commit).unwrap()).unwrap();
        let line = note.strip_suffix('\n').unwrap();
        let sorted: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&sorted).unwrap(), line);
        let manifest: BTreeMap<String, String> =
            serde_json::from_value(sorted["manifest"].clone()).unwrap();
        let written = serde_json::to_string(&manifest).unwrap();
        assert!(manifest.len() > 8 && line.contains(&written), "{line}");

        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let root = lab.root().to_str().unwrap();
        for secret in [root, "secret", "dkr-test-", "/tmp/", "Ada", host.trim()] {
            assert!(!line.contains(secret), "{secret} is in {line}");
        }
    }
    let history = repo.git(["log", "--format=%an %ae %cn %ce %B", "refs/notes/dkr"]);
    assert!(
        !history.contains("Ada") && !history.contains("ada@"),
        "{history}"
    );
}

/// The records at HEAD, which is to be that of this image.
#[track_caller]
fn one_is_back(repo: &Repo, image: &Image) {
    let [record] = &repo.records(&repo.head())[..] else {
        panic!("{:?}", repo.records(&repo.head()))
    };
    fits(record, image, &image.label("type"));
}

#[test]
fn one_that_is_not_there_is_written_by_whatever_looks_at_its_image() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    // As if the disk were full.
    let notes = repo.path.join(".git/refs/notes");
    std::fs::write(&notes, "").unwrap();
    let outcome = lab.dkr(&repo.path, ["create-image"]).ok();
    outcome.says("has no record in refs/notes/dkr");
    let image = lab.image(&outcome);
    std::fs::remove_file(&notes).unwrap();
    for look in [
        &["update-image"][..],
        &["explain"],
        &["check"],
        &["list-images", "."],
        &["start-image", "--", "true"],
        &["create-image"],
    ] {
        assert_eq!(repo.records(&repo.head()), [Value::Null; 0], "{look:?}");
        lab.dkr(&repo.path, look).ok().never_says("warning");
        one_is_back(&repo, &image);
        repo.git(["update-ref", "-d", "refs/notes/dkr"]);
    }
    // What stands on it needs it, too.
    repo.commit("More", &[("b", "2")]);
    lab.update(&repo, &[]);
    lab.dkr(&repo.path, ["explain"]).ok().never_says("warning");
}

#[test]
fn a_look_tells_what_it_sees_where_no_record_can_be_written() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let notes = repo.path.join(".git/refs/notes");
    std::fs::write(&notes, "").unwrap();
    lab.dkr(&repo.path, ["create-image"]).ok();
    let look = || {
        for args in [&["list-images", "."][..], &["start-image", "--", "true"]] {
            lab.dkr(&repo.path, args).ok().never_says("warning");
        }
    };
    look();
    // A git that was killed holds the ref for good: nobody waits for it in vain.
    std::fs::remove_file(&notes).unwrap();
    std::fs::create_dir(&notes).unwrap();
    std::fs::write(notes.join("dkr.lock"), "").unwrap();
    let began = std::time::Instant::now();
    look();
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
    assert!(!repo.has("refs/notes/dkr"));
    std::fs::remove_file(notes.join("dkr.lock")).unwrap();

    if rustix::process::geteuid().is_root() {
        let mut chown = std::process::Command::new("chown");
        crate::common::run(chown.args(["-R", "1234"]).arg(&repo.path));
        let all = lab.dkr(lab.root(), ["list-images"]).ok();
        assert!(all.stdout.contains(&repo.name()), "{}", all.stdout);
        assert!(!repo.path.join(".git/refs/notes/dkr").exists());
    }
}

#[test]
fn one_that_was_not_written_yet_when_a_signal_came_is_written_later() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let lock = repo.path.join(".git/dkr/notes.lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let lock = std::fs::File::create(lock).unwrap();
    lock.lock().unwrap();
    let running = lab.dkr_spawn(&repo.path, &["create-image"]);
    running.says("built  ");
    running.signal(Signal::TERM);
    running
        .finish()
        .exits(143)
        .says("interrupted; the image was built before that")
        .never_says("nothing was left");
    assert_eq!(repo.records(&repo.head()), [Value::Null; 0]);
    drop(lock);
    lab.dkr(&repo.path, ["explain"]).ok();
    let tag = lab.list(&repo, &[])[0]["tag"].as_str().unwrap().to_owned();
    one_is_back(&repo, &lab.tagged(&tag));
}

#[test]
fn a_failed_build_writes_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN false\n");
    lab.dkr(&repo.path, ["create-image"]).fails();
    assert!(!repo.has("refs/notes/dkr"));
    lab.dkr(&repo.path, ["update-image"]).fails();
    assert!(!repo.has("refs/notes/dkr"));
    assert!(!repo.path.join(".git/dkr/watch").exists());
}

/// `git dkr notes show` as programs read it.
#[track_caller]
fn shown(lab: &Lab, repo: &Repo, args: &[&str]) -> Vec<Value> {
    let all = [&["notes", "show", "--format=json"], args].concat();
    serde_json::from_str(&lab.dkr(&repo.path, all).ok().stdout).unwrap()
}

#[test]
fn notes_show() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let first = repo.head();
    let base = lab.create(&repo, &[]);
    let second = repo.commit("More", &[("b", "2")]);
    lab.update(&repo, &[]);
    repo.commit("Later", &[]);
    let (old, new) = (repo.records(&first), repo.records(&second));

    assert_eq!(shown(&lab, &repo, &[]), [&new[..], &old[..]].concat());
    assert_eq!(shown(&lab, &repo, &[&first]), old);
    assert_eq!(shown(&lab, &repo, &[&second[..8]]), new);
    assert_eq!(shown(&lab, &repo, &["main~1"]), new);
    assert_eq!(shown(&lab, &repo, &["main"]), [Value::Null; 0]);

    let text = lab.dkr(&repo.path, ["notes", "show"]).ok();
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", text.stdout);
    let header: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(
        header,
        [
            "COMMIT", "TAG", "BRANCH", "CREATED", "TYPE", "PLATFORM", "SIZE", "KEY"
        ]
    );
    assert!(lines[1].starts_with(&second[..7]) && lines[1].contains("update"));
    for part in [&first[..7], &base.tag, "main", "base", "linux/"] {
        assert!(lines[2].contains(part), "{part} is not in {}", lines[2]);
    }
    assert!(lines[2].ends_with(&base.label("cache_key")[..12]));

    let none = lab.dkr(&repo.path, ["notes", "show", "main"]).ok();
    assert_eq!(none.stdout, "");
    none.says("git dkr create-image");
    lab.dkr(&repo.path, ["notes", "show", "no-such"])
        .fails()
        .says("no-such");
    // From a linked worktree as well.
    let linked = repo.worktree("linked");
    assert_eq!(shown(&lab, &linked, &[&second]), new);
}

#[test]
fn notes_travel_between_clones() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let hub = lab.repo().clone_with(&["--bare"]);
    let (one, two) = (hub.clone_with(&[]), hub.clone_with(&[]));
    let nothing = lab.dkr(&two.path, ["notes", "pull", "origin"]).ok();
    nothing.says("the remote has no records");
    lab.dkr(&two.path, ["notes", "push", "origin"])
        .fails()
        .says("there are no records to push");

    lab.create(&one, &[]);
    lab.dkr(&one.path, ["notes", "push", "origin"]).ok();
    lab.create(&two, &[]);
    // Both have one on the same commit now.
    lab.dkr(&two.path, ["notes", "push", "origin"]).ok();
    lab.dkr(&one.path, ["notes", "pull", "origin"]).ok();
    let (first, second) = (shown(&lab, &one, &[]), shown(&lab, &two, &[]));
    assert_eq!(first.len(), 2);
    assert_eq!(first, second);
    assert_eq!(first[0]["cache_key"], first[1]["cache_key"]);
    // The image of the other is known of, and whose it is.
    let all = ["check", "--all", "--format=json"];
    let rows = lab.dkr(&one.path, all).ok().stdout;
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    assert!(rows.iter().all(|row| row["here"] == true), "{rows:?}");
    let of: Vec<&Value> = rows.iter().map(|row| &row["repo_path"]).collect();
    let two = Value::String(two.path.display().to_string());
    assert_eq!(of, [&two, &Value::Null]);
}

#[test]
fn strange_lines_cost_one_warning_and_stay() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    let first = repo.head();
    let image = lab.create(&repo, &[]);
    let good = repo.records(&first);
    let mut note = b"hello\n\xff\xfe\n{\"v\":2,\"x\":1}\n{\"v\":1}\n\n".to_vec();
    note.extend(repo.note(&first).unwrap());
    note.extend(b"{\"v\":2}");
    repo.set_note(&first, &note);

    let warning = format!("warning: the note on {} is of a later git dkr", &first[..7]);
    for args in [
        &["notes", "show"][..],
        &["notes", "show", "main"],
        &["check", "--all"],
        &["explain"],
    ] {
        let outcome = lab.dkr(&repo.path, args).ok();
        assert_eq!(outcome.stderr.matches("warning").count(), 1, "{args:?}");
        outcome.says(&warning);
        assert!(outcome.stdout.contains(&image.tag), "{args:?}");
    }
    assert_eq!(shown(&lab, &repo, &[]), good);
    for args in [&["check"][..], &["list-images", "."], &["create-image"]] {
        lab.dkr(&repo.path, args).ok().never_says("warning");
    }
    assert_eq!(repo.note(&first).as_ref(), Some(&note));
    repo.commit("More", &[]);
    lab.update(&repo, &[]);
    assert_eq!(repo.note(&first).as_ref(), Some(&note));

    // One more of the same commit is added to them.
    repo.git(["reset", "--quiet", "--hard", &first]);
    lab.create(&repo, &["--force-rebuild"]);
    let now = repo.note(&first).unwrap();
    assert!(now.starts_with(&note) && now.len() > note.len());
    assert_eq!(shown(&lab, &repo, &[]).len(), 3);
}

#[test]
fn an_image_without_a_record_is_better_than_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let blob = repo.git(["rev-parse", "HEAD:a"]);
    repo.git(["update-ref", "refs/notes/dkr", &blob]);
    for command in ["create-image", "update-image"] {
        let outcome = lab.dkr(&repo.path, [command]).ok();
        outcome
            .says("warning: dkr:")
            .says("has no record in refs/notes/dkr")
            .says("points at a blob");
        assert_eq!(lab.image(&outcome).label("commit"), repo.head());
        assert_eq!(repo.git(["rev-parse", "refs/notes/dkr"]), blob);
        repo.commit("More", &[]);
    }
    // What needs no record works without.
    assert_eq!(lab.list(&repo, &[]).len(), 1);
    lab.dkr(&repo.path, ["check"]).ok().never_says("warning");
    // The others say which ref it is that they cannot read.
    for args in [&["notes", "show"][..], &["explain"], &["check", "--all"]] {
        lab.dkr(&repo.path, args).exits(1).says("refs/notes/dkr");
    }
}

#[test]
fn a_repository_that_cannot_be_written_costs_a_warning() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    // In the way of the notes, and of the watch list.
    std::fs::write(repo.path.join(".git/refs/notes"), "").unwrap();
    std::fs::write(repo.path.join(".git/dkr"), "").unwrap();
    let outcome = lab.dkr(&repo.path, ["create-image"]).ok();
    outcome
        .says("has no record in refs/notes/dkr")
        .says("the hooks' watch list is not up to date");
    assert_eq!(lab.image(&outcome).label("commit"), repo.head());
    lab.dkr(&repo.path, ["check"]).ok();
}
