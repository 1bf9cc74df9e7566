//! Distances over commit-graph files: random histories with merges and with dates out of order,
//! compared to sets of ancestors made by hand; far ones; and what the file does not know of.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use super::found;
use crate::common::repo::Repo;
use crate::common::{Sandbox, run};
use git_dkr::git::{CAP, Distance, History, ObjectId};

/// A linear congruential generator (Knuth, MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Commits by number: their parents, all of lower numbers, and their dates.
#[derive(Default)]
pub struct Plan(pub Vec<(Vec<usize>, usize)>);

impl Plan {
    /// Roots, merges, octopuses, and dates in no order.
    fn random(random: &mut Random, size: usize) -> Self {
        let mut plan = Self::default();
        for commit in 0..size {
            let wanted = [0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3][random.below(11)];
            let mut parents = Vec::new();
            for _ in 0..wanted {
                let reach = [3, 3, 20, size][random.below(4)];
                let back = 1 + random.below(reach);
                let parent = commit.checked_sub(back);
                parents.extend(parent.filter(|parent| !parents.contains(parent)));
            }
            plan.0.push((parents, 1_000_000 + random.below(1_000_000)));
        }
        plan
    }

    /// One line of history with a branch of four merged after every other three commits. Every
    /// hundredth date is far off when they are `skewed`.
    fn long(random: &mut Random, size: usize, skewed: bool) -> Self {
        let mut plan = Self(vec![(vec![], 0)]);
        let mut main = vec![0];
        while plan.0.len() < size {
            let side = main[main.len().saturating_sub(1 + random.below(40))];
            let end = *main.last().unwrap();
            let next = plan.0.len();
            for parent in [end, next, side, next + 2, next + 3, next + 4] {
                plan.0.push((vec![parent], 0));
            }
            plan.0.push((vec![next + 1, next + 5], 0));
            main.extend([next, next + 1, next + 6]);
        }
        for (number, (_, date)) in plan.0.iter_mut().enumerate() {
            let off = skewed && number % 100 == 99;
            *date = 1_000_000 + if off { random.below(size) } else { number };
        }
        plan
    }

    /// Writes it, with a branch `c<number>` at each of these; the ids of all.
    pub fn write(&self, repo: &Repo, branches: &[usize]) -> Vec<String> {
        let mut stream = String::new();
        for (number, (parents, date)) in self.0.iter().enumerate() {
            let mark = number + 1;
            // Else the last one would be the parent; and roots must differ.
            if parents.is_empty() {
                stream += "reset refs/import\n\n";
            }
            let text = number.to_string();
            stream += &format!(
                "commit refs/import\nmark :{mark}\ncommitter A <a@b> {date} +0000\n\
                 data {}\n{text}\n",
                text.len()
            );
            for (nth, parent) in parents.iter().enumerate() {
                let word = if nth == 0 { "from" } else { "merge" };
                stream += &format!("{word} :{}\n", parent + 1);
            }
            stream += "\n";
        }
        for branch in branches {
            stream += &format!("reset refs/heads/c{branch}\nfrom :{}\n\n", branch + 1);
        }
        let marks = repo.sandbox.path("marks");
        let mut command = repo.command();
        command.args(["fast-import", "--quiet", "--force"]);
        command.arg(format!("--export-marks={}", marks.display()));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(stream.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
        repo.git(["update-ref", "-d", "refs/import"]);
        let mut ids = vec![String::new(); self.0.len()];
        for line in std::fs::read_to_string(marks).unwrap().lines() {
            let (mark, id) = line[1..].split_once(' ').unwrap();
            ids[mark.parse::<usize>().unwrap() - 1] = id.to_owned();
        }
        ids
    }
}

/// What git has, and what follows from it.
struct Truth(HashMap<String, Vec<String>>);

impl Truth {
    fn of(repo: &Repo) -> Self {
        let listed = repo.git([
            "-c",
            "core.commitGraph=false",
            "rev-list",
            "--parents",
            "--all",
        ]);
        let entry = |line: &str| {
            let mut ids = line.split(' ').map(str::to_owned);
            (ids.next().unwrap(), ids.collect())
        };
        Self(listed.lines().map(entry).collect())
    }

    fn reach<'t>(&'t self, from: &'t str) -> HashSet<&'t str> {
        let mut seen = HashSet::new();
        let mut stack = vec![from];
        while let Some(id) = stack.pop() {
            if seen.insert(id) {
                stack.extend(self.0[id].iter().map(String::as_str));
            }
        }
        seen
    }

    /// Compares these pairs, all by one [`History`] and in this order.
    #[track_caller]
    fn assert<'t>(&'t self, what: &str, repo: &Repo, pairs: &[(&'t str, &'t str)]) {
        let found = found(repo);
        let history = History::open(&found);
        let mut reach: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (commit, tip) in pairs {
            for end in [*commit, *tip] {
                reach.entry(end).or_insert_with(|| self.reach(end));
            }
            let expected = if reach[tip].contains(commit) {
                let behind = reach[tip].len() - reach[commit].len();
                Distance::Behind((behind as u64).min(CAP + 1))
            } else {
                Distance::Diverged
            };
            let distance = history.distance(&id(commit), &id(tip)).unwrap();
            assert_eq!(distance, expected, "{what}: {commit} {tip}");
        }
        // What is asked next is asked of one who knows more.
        history.remember();
    }
}

pub fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

fn pairs<'i>(random: &mut Random, ids: &'i [String], count: usize) -> Vec<(&'i str, &'i str)> {
    let mut one = || ids[random.below(ids.len())].as_str();
    (0..count).map(|_| (one(), one())).collect()
}

/// Has git write the file for these commits and their ancestors.
fn write_graph(repo: &Repo, commits: &[&str], options: &[&str]) {
    let mut command = repo.command();
    command
        .args(["commit-graph", "write", "--stdin-commits", "--no-progress"])
        .args(options)
        .stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(commits.join("\n").as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn graph_file(repo: &Repo) -> PathBuf {
    repo.path.join(".git/objects/info/commit-graph")
}

#[track_caller]
fn random_history(seed: u64, options: &[&str]) {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", options);
    let mut random = Random(seed);
    let plan = Plan::random(&mut random, 150);
    let ids = plan.write(&repo, &(0..150).collect::<Vec<_>>());
    let truth = Truth::of(&repo);
    let pairs = pairs(&mut random, &ids, 300);
    truth.assert("no graph", &repo, &pairs);
    let older: Vec<_> = ids[..75].iter().step_by(3).map(String::as_str).collect();
    write_graph(&repo, &older, &[]);
    truth.assert("older graph", &repo, &pairs);
    repo.git(["commit-graph", "write", "--reachable"]);
    truth.assert("whole graph", &repo, &pairs);
    std::fs::remove_file(graph_file(&repo)).unwrap();
    write_graph(&repo, &older, &["--split"]);
    write_graph(&repo, &[&ids[100]], &["--split=no-merge"]);
    truth.assert("two files", &repo, &pairs);
    let rest: Vec<_> = ids.iter().map(String::as_str).collect();
    write_graph(&repo, &rest, &["--split=no-merge"]);
    let chain = repo
        .path
        .join(".git/objects/info/commit-graphs/commit-graph-chain");
    assert_eq!(std::fs::read_to_string(chain).unwrap().lines().count(), 3);
    truth.assert("three files", &repo, &pairs);
}

#[test]
fn random_histories_are_counted_right() {
    for seed in 1..=6 {
        random_history(seed, &[]);
    }
    random_history(7, &["--object-format=sha256"]);
}

#[test]
fn far_commits_are_told_right_though_not_counted() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", &[]);
    let mut random = Random(8);
    let mut plan = Plan::long(&mut random, 26_000, true);
    let size = plan.0.len();
    // Branches never merged, one from the middle and one of its own.
    plan.0.push((vec![3_000], 0));
    plan.0.push((vec![], 0));
    let ids = plan.write(&repo, &[size - 1, size, size + 1]);
    let truth = Truth::of(&repo);
    let tip = ids[size - 1].as_str();
    let mut commits = vec![0, 1, 5, 14_000, 15_995, 16_010, size, size + 1, size - 2];
    commits.extend((0..10).map(|_| random.below(size)));
    let pairs: Vec<_> = commits.iter().map(|at| (ids[*at].as_str(), tip)).collect();
    write_graph(&repo, &[&ids[12_000], &ids[size]], &[]);
    truth.assert("older graph", &repo, &pairs);
    repo.git(["commit-graph", "write", "--reachable"]);
    truth.assert("whole graph", &repo, &pairs);
}

#[test]
fn distances_are_exact_up_to_the_cap_and_one_more_beyond() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", &[]);
    let line = |number: usize| {
        (
            number.checked_sub(1).into_iter().collect(),
            1_000_000 + number,
        )
    };
    let plan = Plan((0..21_100).map(line).collect());
    let ids = plan.write(&repo, &[21_099]);
    let check = |what: &str, cases: usize| {
        let found = found(&repo);
        let history = History::open(&found);
        let distance = |commit: usize, tip: usize| {
            history.distance(&id(&ids[commit]), &id(&ids[tip])).unwrap()
        };
        for (commit, tip, behind) in [
            (5_000, 15_000, CAP),
            (4_999, 15_000, CAP + 1),
            (0, 15_000, CAP + 1),
            (14_000, 15_000, 1_000),
            (100, 21_099, CAP + 1),
        ]
        .into_iter()
        .take(cases)
        {
            let expected = Distance::Behind(behind);
            assert_eq!(distance(commit, tip), expected, "{what}: {commit} {tip}");
            let back = distance(tip, commit);
            assert_eq!(back, Distance::Diverged, "{what}: {tip} {commit}");
        }
    };
    check("no graph", 2);
    // More are newer than are read.
    write_graph(&repo, &[&ids[50]], &[]);
    check("a graph of little", 5);
    write_graph(&repo, &[&ids[14_500]], &[]);
    check("older graph", 5);
    repo.git(["commit-graph", "write", "--reachable"]);
    check("whole graph", 5);
}

/// A line of commits with a graph of all.
pub fn with_graph(sandbox: &Sandbox, count: usize) -> (Repo<'_>, Vec<String>) {
    let repo = sandbox.repo();
    let ids = (0..count).map(|_| repo.commits(1)).collect();
    repo.git(["commit-graph", "write", "--reachable"]);
    (repo, ids)
}

#[track_caller]
pub fn distance(repo: &Repo, commit: &str, tip: &str) -> Distance {
    let found = found(repo);
    let history = History::open(&found);
    history.distance(&id(commit), &id(tip)).unwrap()
}

#[test]
fn replaced_and_grafted_history_is_what_git_shows() {
    let sandbox = Sandbox::new();
    for options in [&[][..], &["--ref-format=reftable"]] {
        let name = crate::common::unique();
        let repo = Repo::init(&sandbox, &name, options);
        let ids: Vec<_> = (0..6).map(|_| repo.commits(1)).collect();
        repo.git(["commit-graph", "write", "--reachable"]);
        assert_eq!(distance(&repo, &ids[0], &ids[5]), Distance::Behind(5));
        repo.git(["replace", "--graft", &ids[4], &ids[0]]);
        assert_eq!(distance(&repo, &ids[0], &ids[5]), Distance::Behind(2));
        assert_eq!(distance(&repo, &ids[2], &ids[5]), Distance::Diverged);
        repo.git(["config", "core.useReplaceRefs", "false"]);
        assert_eq!(distance(&repo, &ids[0], &ids[5]), Distance::Behind(5));
    }
    let (repo, ids) = with_graph(&sandbox, 6);
    repo.write(".git/info/grafts", &format!("{} {}\n", ids[4], ids[0]));
    assert_eq!(distance(&repo, &ids[0], &ids[5]), Distance::Behind(2));
    assert_eq!(distance(&repo, &ids[2], &ids[5]), Distance::Diverged);
}

#[test]
fn shallow_history_ends_where_it_is_cut() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 6);
    let shallow = repo.clone_with(&["--depth=3"]);
    assert_eq!(distance(&shallow, &ids[3], &ids[5]), Distance::Behind(2));
    assert_eq!(distance(&shallow, &ids[1], &ids[5]), Distance::Missing);
}

#[test]
fn a_commit_that_is_in_the_graph_only_is_missing() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 3);
    repo.git(["reset", "--quiet", "--hard", &ids[0]]);
    repo.git(["reflog", "expire", "--expire=all", "--all"]);
    repo.git(["prune", "--expire=now"]);
    assert_eq!(distance(&repo, &ids[2], &ids[0]), Distance::Missing);
    let nowhere = "0123456789".repeat(4);
    assert_eq!(distance(&repo, &nowhere, &ids[0]), Distance::Missing);
    let tree = repo.git(["rev-parse", &format!("{}^{{tree}}", ids[0])]);
    assert_eq!(distance(&repo, &tree, &ids[0]), Distance::Missing);
}

#[test]
fn a_partial_clone_does_not_fetch_what_is_missing() {
    let sandbox = Sandbox::new();
    let (repo, _) = with_graph(&sandbox, 3);
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    repo.git(["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let partial = repo.clone_with(&["--filter=blob:none"]);
    let later = repo.commits(1);
    assert_eq!(
        distance(&partial, &later, &partial.head()),
        Distance::Missing
    );
}

#[test]
fn a_corrupt_graph_is_ignored() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 30);
    let file = graph_file(&repo);
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&file, permissions).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let right = |what: &str, bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        for (commit, tip, expected) in [
            (3, 28, Distance::Behind(25)),
            (15, 16, Distance::Behind(1)),
            (16, 15, Distance::Diverged),
        ] {
            let found = distance(&repo, &ids[commit], &ids[tip]);
            assert_eq!(found, expected, "{what}");
        }
    };
    right("empty", b"");
    right("no graph", &b"no graph".repeat(1000));
    right("cut short", &whole[..whole.len() / 2]);
    right("no trailer", &whole[..whole.len() - 20]);
    // The generations stand in the data of each commit: tree, two parents, generation and date.
    let data = whole.windows(4).position(|at| at == b"CDAT").unwrap();
    let offset = u64::from_be_bytes(whole[data + 4..data + 12].try_into().unwrap()) as usize;
    for commit in (0..=ids.len()).step_by(2) {
        for lie in [0u32, 7, 32, 1 << 29] {
            let mut bytes = whole.clone();
            let at = offset + commit * 36 + 28;
            bytes[at..at + 4].copy_from_slice(&(lie << 2).to_be_bytes());
            if bytes[at..at + 4] != whole[at..at + 4] {
                right(&format!("commit {commit} of generation {lie}"), &bytes);
            }
        }
    }
    // Whatever it says, it is no reason to fall over.
    let mut random = Random(9);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&file, bytes).unwrap();
        let found = found(&repo);
        let _ = History::open(&found).distance(&id(&ids[3]), &id(&ids[28]));
    }
}

#[test]
fn commits_made_after_the_history_was_opened_are_seen() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 3);
    let found = found(&repo);
    let history = History::open(&found);
    let later = repo.commits(2);
    let distance = history.distance(&id(&ids[0]), &id(&later)).unwrap();
    assert_eq!(distance, Distance::Behind(4));
    run(repo.command().args(["gc", "--quiet"]));
    let last = repo.commits(1);
    let distance = history.distance(&id(&ids[0]), &id(&last)).unwrap();
    assert_eq!(distance, Distance::Behind(5));
}
