//! What is copied out of a pack: the objects of the branch with their deltas, and what git reads a history
//! faster by.

use git_dkr::git::Objects;

use super::packs::{damage, has, names, pack, sent};
use crate::common::Sandbox;
use crate::common::repo::Repo;

/// A new repository that names objects by this hash.
fn empty<'a>(sandbox: &'a Sandbox, format: &str) -> Repo<'a> {
    let option = format!("--object-format={format}");
    Repo::init(sandbox, format, &[&option])
}

/// A file whose newest version, on another branch, is what git makes deltas from.
fn with_far_bases(repo: &Repo) {
    let lines = |upto: u32| -> String {
        (0..upto)
            .map(|line| format!("{line} {}\n", line.wrapping_mul(2_654_435_761)))
            .collect()
    };
    for upto in [2000, 2010, 2020] {
        repo.commit(&format!("{upto} lines"), &[("long", &lines(upto))]);
    }
    repo.git(["tag", "-a", "-m", "A release", "v1"]);
    repo.branch("other", "main");
    for upto in [2040, 2060] {
        repo.commit(
            &format!("{upto} lines"),
            &[("long", &lines(upto)), ("secret", "x\n")],
        );
    }
    repo.checkout("main");
    repo.commit("Further", &[("short", "1\n")]);
}

fn blob(repo: &Repo, revision: &str) -> String {
    repo.git(["rev-parse", revision])
}

/// What a blob is a delta of.
fn base(repo: &Repo, revision: &str) -> String {
    let check = "--batch-check=%(objectname) %(deltabase)";
    let all = repo.git(["cat-file", "--batch-all-objects", check]);
    let id = blob(repo, revision);
    let bases = all.lines().find_map(|line| line.strip_prefix(&id));
    bases.unwrap().trim().to_owned()
}

#[test]
fn a_delta_whose_base_stays_behind_goes_whole() {
    let sandbox = Sandbox::new();
    for format in ["sha1", "sha256"] {
        let repo = empty(&sandbox, format);
        repo.commit("Begin", &[("a", "1\n")]);
        with_far_bases(&repo);
        for settings in [
            &["-c", "repack.useDeltaBaseOffset=true"],
            &["-c", "repack.useDeltaBaseOffset=false"],
        ] {
            repo.git([settings, &["repack", "-adfqb"][..]].concat());
            let others = ["other:long", "other~1:long"].map(|revision| blob(&repo, revision));
            assert!(others.contains(&base(&repo, "main:long")));
            let made = sent(&repo, Objects::Exact);
            assert!(others.iter().all(|other| !has(&made, other)));
            assert_eq!(base(&made, "main:long"), "0".repeat(repo.head().len()));
            let packs = names(&made.path.join(".git/objects/pack"));
            assert_eq!(
                packs.iter().filter(|name| name.ends_with(".pack")).count(),
                1
            );
            made.git(["verify-pack", pack(&made).to_str().unwrap()]);
        }
        // Even when another pack has deltas of it.
        let directory = repo.path.join(".git/objects/pack/pack");
        let script = r#"git rev-list --objects main -- long | grep ' long$' |
            git pack-objects -q --no-reuse-delta "$1""#;
        let mut command = repo.sandbox.command("sh");
        command.args(["-ec", script, "sh"]).arg(directory);
        crate::common::run(command.current_dir(&repo.path));
        assert_eq!(
            base(&sent(&repo, Objects::Exact), "main:long"),
            "0".repeat(repo.head().len())
        );
    }
}

#[test]
fn a_bitmap_of_a_history_that_was_cut_off_is_not_believed() {
    let sandbox = Sandbox::new();
    let full = sandbox.repo();
    full.commits(30);
    let repo = full.clone_with(&["--depth=3"]);
    repo.git(["repack", "-adqb"]);
    let count = |option: &[&str]| repo.git([&["rev-list", "--count", "HEAD"], option].concat());
    repo.git(["fetch", "--quiet", "--unshallow"]);
    assert_ne!(count(&["--use-bitmap-index"]), count(&[]));
    let made = sent(&repo, Objects::Exact);
    let bitmap = |name: &String| name.ends_with(".bitmap");
    assert!(
        !names(&made.path.join(".git/objects/pack"))
            .iter()
            .any(bitmap)
    );
}

/// Whether a commit has a bitmap, and it is what git finds without one.
fn is_indexed(repo: &Repo, commit: &str) -> bool {
    let mut test = repo.command();
    test.args(["rev-list", "--test-bitmap", commit]);
    let output = test.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lacks = said.contains("doesn't have an indexed bitmap");
    assert!(lacks || output.status.success(), "{said}");
    !lacks
}

#[test]
fn the_bitmap_goes_too_of_what_is_sent() {
    let sandbox = Sandbox::new();
    for format in ["sha1", "sha256"] {
        let repo = empty(&sandbox, format);
        repo.commit("Begin", &[("a", "1\n")]);
        repo.many_commits(300);
        repo.git(["reset", "--quiet", "--hard"]);
        with_far_bases(&repo);
        let bitmaps = |made: &Repo| {
            let names = names(&made.path.join(".git/objects/pack"));
            names
                .iter()
                .filter(|name| name.ends_with(".bitmap"))
                .count()
        };
        repo.git(["repack", "-adq"]);
        // Where the repository has none, nor is one made.
        assert_eq!(bitmaps(&sent(&repo, Objects::Exact)), 0);
        let hashes = |wanted: &str| format!("pack.writeBitmapHashCache={wanted}");
        let ways: [&dyn Fn(); 4] = [
            &|| drop(repo.git(["-c", &hashes("true"), "repack", "-adfqb"])),
            &|| drop(repo.git(["-c", &hashes("false"), "repack", "-adfqb"])),
            // Of several packs, of which the largest comes first, or is the only one.
            &|| {
                let largest = pack(&repo);
                repo.many_commits(100);
                repo.git(["reset", "--quiet", "--hard"]);
                repo.git(["repack", "-dq"]);
                std::fs::remove_file(largest.with_extension("bitmap")).unwrap();
                let largest = largest.file_name().unwrap().to_str().unwrap();
                let largest = format!("--preferred-pack={largest}");
                repo.git(["multi-pack-index", "write", "--bitmap", &largest]);
            },
            &|| {
                repo.git(["repack", "-adfq", "--no-write-bitmap-index"]);
                repo.git(["multi-pack-index", "write", "--bitmap"]);
            },
        ];
        for (number, way) in ways.iter().enumerate() {
            way();
            let all = repo.git(["rev-list", "HEAD"]);
            let newest = all.lines().take(150);
            let indexed: Vec<&str> = newest.filter(|commit| is_indexed(&repo, commit)).collect();
            assert!(indexed.len() > 3);
            // What came later is in a pack of its own.
            let late = repo.commit("Later", &[("late", &number.to_string())]);
            let made = sent(&repo, Objects::Exact);
            assert_eq!(bitmaps(&made), 1);
            let lost = indexed.iter().filter(|commit| !is_indexed(&made, commit));
            // What leads to another pack has none here.
            let lost = lost.count();
            assert!(
                (lost > 0) == (number == 2) && lost < indexed.len(),
                "{lost}"
            );
            assert!(has(&made, &late));
            for revision in ["HEAD", "HEAD~3", "HEAD~100", "v1"] {
                let count = |options: &[&str]| {
                    made.git([&["rev-list", "--count", "--objects", revision], options].concat())
                };
                assert_eq!(count(&["--use-bitmap-index"]), count(&[]), "{revision}");
            }
        }
        repo.git(["repack", "-adfqb"]);
        // One that is broken stays behind.
        let file = pack(&repo).with_extension("bitmap");
        damage(&file);
        assert_eq!(bitmaps(&sent(&repo, Objects::Exact)), 0);
    }
}

#[test]
fn the_commit_graph_goes_too_of_what_is_sent() {
    let sandbox = Sandbox::new();
    for format in ["sha1", "sha256"] {
        let repo = empty(&sandbox, format);
        let root = repo.commit("Begin", &[("a", "1\n")]);
        for side in ["one", "two", "three", "four"] {
            repo.branch(side, &root);
            repo.commit(side, &[(side, "1\n")]);
        }
        repo.checkout("main");
        repo.commits(3);
        repo.git([
            "merge", "--quiet", "-m", "Of five", "one", "two", "three", "four",
        ]);
        repo.git(["merge", "--quiet", "--no-ff", "-m", "Of two", "main~1"]);
        repo.commits(2);
        repo.branch("other", "main").commits(3);
        repo.checkout("main");
        let graph = |made: &Repo| {
            let path = made.path.join(".git/objects/info/commit-graph");
            let count = |file: gix::commitgraph::Graph| file.num_commits();
            let graph = path.exists().then(|| made.git(["commit-graph", "verify"]));
            let kind = gix::hash::Kind::from_hex_len(root.len()).unwrap();
            graph.map(|_| count(gix::commitgraph::Graph::from_file(&path, kind).unwrap()))
        };
        assert_eq!(graph(&sent(&repo, Objects::Exact)), None);
        repo.git(["commit-graph", "write", "--reachable"]);
        let all: u32 = repo.git(["rev-list", "--count", "main"]).parse().unwrap();
        assert_eq!(graph(&sent(&repo, Objects::Exact)), Some(all));
        // In several files, and of a part.
        repo.commits(3);
        repo.git(["commit-graph", "write", "--reachable", "--split=no-merge"]);
        repo.commit("Later", &[("late", "1\n")]);
        assert_eq!(graph(&sent(&repo, Objects::Exact)), Some(all + 3));
        // One that is broken stays behind.
        let directory = repo.path.join(".git/objects/info/commit-graphs");
        std::fs::write(directory.join("commit-graph-chain"), "none\n").unwrap();
        assert_eq!(graph(&sent(&repo, Objects::Exact)), None);
    }
}
