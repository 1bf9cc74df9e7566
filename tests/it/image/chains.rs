//! Chains of updates are kept short, and what an update leaves in its layer is what changed.

use std::collections::BTreeMap;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;

fn update(lab: &Lab, repo: &Repo, args: &[&str], max_layers: &str) -> Outcome {
    let mut command = lab.dkr_command(&repo.path, ["update-image"]);
    outcome(command.args(args).env("DKR_MAX_LAYERS", max_layers)).ok()
}

/// The numbers in the record of the image at HEAD.
#[track_caller]
fn recorded(repo: &Repo) -> (u64, u64) {
    let records = repo.records(&repo.head());
    let record = records.last().unwrap();
    let number = |name: &str| record[name].as_u64().unwrap();
    (number("depth"), number("over"))
}

#[test]
fn past_the_limit_an_update_is_a_create() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    assert_eq!(recorded(&repo), (0, 0));
    let mut last = 0;
    for depth in 1..=2 {
        repo.commit("More", &[("b", &depth.to_string())]);
        let image = lab.image(&update(&lab, &repo, &[], "2"));
        assert_eq!(image.label("type"), "update");
        let (layers, over) = recorded(&repo);
        assert_eq!(layers, depth);
        assert!(over > last, "{over} after {last}");
        last = over;
    }
    repo.commit("One too many", &[("b", "3")]);
    let kept = lab.dkr_command(&repo.path, ["update-image", "--dry-run", "--keep-chain"]);
    let mut kept = kept;
    let kept = outcome(kept.env("DKR_MAX_LAYERS", "2")).ok();
    assert!(kept.stdout.contains("one layer on"), "{}", kept.stdout);
    let why = format!(
        "not on {}: it has 2 layers over its full clone: this update is a create; --keep-chain",
        base.tag
    );
    let looked = update(&lab, &repo, &["--dry-run"], "2").stdout;
    assert!(looked.contains(&format!("clone   {why}")), "{looked}");
    // It is no trouble that one should hear of.
    let fresh = update(&lab, &repo, &[], "2");
    fresh.says(&why).never_says("warning");
    let fresh = lab.image(&fresh);
    assert_eq!(fresh.label("type"), "base");
    assert_eq!(fresh.layers(), base.layers());
    assert_eq!(recorded(&repo), (0, 0));

    // It was kept as long as one wanted.
    repo.commit("More", &[]);
    update(&lab, &repo, &[], "0").says("this update is a create");
    repo.commit("More", &[]);
    let kept = lab.image(&update(&lab, &repo, &["--keep-chain"], "0"));
    assert_eq!(kept.label("type"), "update");
}

#[test]
fn the_limit_is_twenty_and_holds_for_creates_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("max_layers = 1\n");
    let main = lab.create(&repo, &[]);
    // Even where there is nothing to do.
    let mut command = lab.dkr_command(&repo.path, ["update-image"]);
    outcome(command.env("DKR_MAX_LAYERS", "many")).fails();
    repo.commit("More", &[("b", "1")]);
    lab.update(&repo, &[]);
    repo.branch("topic", "main").commit("Topic", &[("t", "1")]);
    let outcome = lab.dkr(&repo.path, ["create-image"]).ok();
    let why = format!("not on {}: it has 1 layer over its full clone", main.tag);
    outcome.says(&why);
    assert_eq!(lab.image(&outcome).layers(), main.layers());
    // Who names it wants it.
    repo.commit("More", &[("t", "2")]);
    let outcome = lab.dkr(&repo.path, ["create-image", "--from=main"]).ok();
    outcome.says(&format!(" on {}: ", main.tag));
}

/// What was asked for on the command line of the create holds for all that comes after it.
#[test]
fn a_create_in_place_of_an_update_keeps_the_flags_of_the_create() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("max_layers = 0\n");
    let first = lab.create(&repo, &["--objects=all"]);
    assert_eq!(first.label("asked"), r#"{"objects":"all"}"#);
    for round in 1..3 {
        repo.commit("More", &[("b", &round.to_string())]);
        let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
        outcome.says("this update is a create");
        let fresh = lab.image(&outcome);
        assert_eq!(fresh.label("asked"), first.label("asked"), "round {round}");
        let manifest = fresh.label("manifest");
        assert!(manifest.contains(r#""objects":"all""#), "{manifest}");
    }
}

/// Files that are written again and again are dead below the last of them.
#[test]
fn when_more_is_dead_than_a_fresh_one_takes_it_is_a_create() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN head -c 100000000 /dev/zero > /zeros\n");
    let base = lab.create(&repo, &[]);
    for round in 1..4 {
        repo.commit("More", &[("b", &round.to_string())]);
        let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
        if lab.image(&outcome).label("type") == "base" {
            outcome.says("of it are unreachable").says("--keep-chain");
            // One is not as large as the full clone, with its packages, and two are larger, in whatever way
            // the engine stores them.
            assert_eq!(round, 3);
            assert_eq!(lab.image(&outcome).layers(), base.layers());
            return;
        }
    }
    panic!("the chain has grown for ever");
}

/// The files of the topmost layer, and how large they are.
fn top_layer(image: &Image) -> BTreeMap<String, u64> {
    let unpacked = image.layers_unpacked();
    let script = r#"
        cd "$0"
        layer=$(python3 -c 'import json; print(json.load(open("manifest.json"))[0]["Layers"][-1])')
        tar --numeric-owner -tvf "$layer"
    "#;
    let mut command = std::process::Command::new("sh");
    let listed = crate::common::run(command.args(["-ec", script]).arg(unpacked.path()));
    listed
        .lines()
        .filter(|line| !line.starts_with('d'))
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let path = fields[5].trim_start_matches("workspace/");
            (path.to_owned(), fields[2].parse().unwrap())
        })
        .collect()
}

#[test]
fn the_layer_of_an_update_holds_what_changed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "v1"]);
    let noise: String = (0..9_000u32)
        .map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    repo.commit(
        "Much",
        &[("much", &noise), ("directory/same", "1\n"), ("gone", "1\n")],
    );
    repo.commits(5);
    lab.create(&repo, &[]);
    repo.git(["rm", "--quiet", "gone"]);
    // A little of a large file: what it is a difference to is there already.
    let little = noise.replacen("1\n", "2\n", 1);
    repo.commit(
        "Change",
        &[("directory/new", "2\n"), ("a", "2\n"), ("much", &little)],
    );
    let check = |image: &Image, refs: &[&str]| {
        let files = top_layer(image);
        let mut packs = 0;
        for (path, size) in &files {
            let name = path.rsplit('/').next().unwrap();
            if path.starts_with(".git/objects/") {
                assert!(path.starts_with(".git/objects/pack/pack-"), "{files:#?}");
                assert!(*size < 60_000, "{path}: {size}");
                packs += usize::from(name.ends_with(".pack"));
            }
            let is_known = path.starts_with(".git/objects/pack/")
                || path.starts_with(".git/logs/")
                || path.starts_with(".git/refs/") && name.starts_with(".wh.")
                || refs.contains(&path.as_str())
                || [
                    "directory/new",
                    "a",
                    "much",
                    ".wh.gone",
                    ".git/HEAD",
                    ".git/index",
                    ".git/config",
                ]
                .contains(&path.as_str());
            assert!(is_known, "{path} in {files:#?}");
        }
        assert_eq!(packs, 1, "{files:#?}");
    };
    let main = lab.update(&repo, &[]);
    // Each object once, in all packs together.
    let objects = "git count-objects -v | sed -n 's/^in-pack: //p'";
    let all = repo
        .git(["rev-list", "--objects", "main", "--tags"])
        .lines()
        .count();
    assert_eq!(main.sh(objects), all.to_string());
    check(
        &main,
        &[
            ".git/refs/heads/main",
            ".git/refs/remotes/host/main",
            ".git/packed-refs",
        ],
    );
    repo.branch("topic", "main")
        .commit("Topic", &[("a", "3\n")]);
    let topic = lab.create(&repo, &[]);
    let refs = [
        ".git/refs/heads/topic",
        ".git/refs/remotes/host/topic",
        ".git/refs/remotes/host/HEAD",
        ".git/packed-refs",
    ];
    check(&topic, &refs);
    assert_eq!(topic.label("parent"), main.id());
}
