//! What is written down of commits that are far behind: when it is believed, and when not.

use super::found;
use super::history::{Plan, distance, id, with_graph};
use crate::common::Sandbox;
use crate::common::repo::Repo;
use git_dkr::git::{CAP, Distance, History};

const FAR: Distance = Distance::Behind(CAP + 1);

/// Says of a commit that it is far behind a tip, true or not.
fn claim(repo: &Repo, commit: &str, tip: &str) {
    write(repo, format!("{commit} {tip} {}\n", CAP + 1));
}

fn write(repo: &Repo, text: impl AsRef<[u8]>) {
    let directory = repo.path.join(".git/dkr");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("far"), text).unwrap();
}

#[test]
fn what_is_far_behind_a_tip_is_as_far_behind_all_that_lead_there() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 8);
    claim(&repo, &ids[1], &ids[4]);
    assert_eq!(distance(&repo, &ids[1], &ids[4]), FAR);
    assert_eq!(distance(&repo, &ids[1], &ids[6]), FAR);
    let newer = repo.commits(2);
    assert_eq!(distance(&repo, &ids[1], &newer), FAR);
    claim(&repo, &ids[1], &newer);
    assert_eq!(distance(&repo, &ids[1], &repo.commits(2)), FAR);
    // By a merge, too.
    repo.branch("side", &ids[0]).commits(1);
    repo.git(["merge", "--quiet", "--no-edit", "main"]);
    assert_eq!(distance(&repo, &ids[1], &repo.head()), FAR);
}

#[test]
fn it_says_nothing_of_other_tips_and_other_commits() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 8);
    claim(&repo, &ids[1], &ids[4]);
    assert_eq!(distance(&repo, &ids[1], &ids[3]), Distance::Behind(2));
    assert_eq!(distance(&repo, &ids[2], &ids[6]), Distance::Behind(4));
    assert_eq!(distance(&repo, &ids[0], &ids[6]), Distance::Behind(6));
    // The branch was rewritten: with the commit in it, and without.
    for (begin, expected) in [
        (&ids[2], Distance::Behind(3)),
        (&ids[0], Distance::Diverged),
    ] {
        repo.git(["reset", "--quiet", "--hard", begin]);
        let tip = repo.commits(2);
        assert_eq!(distance(&repo, &ids[1], &tip), expected);
        repo.git(["commit-graph", "write", "--reachable"]);
        assert_eq!(distance(&repo, &ids[1], &tip), expected);
        // The old tip is not in the graph, or not here at all.
        claim(&repo, &ids[1], &"0123456789".repeat(4));
        assert_eq!(distance(&repo, &ids[1], &tip), expected);
        claim(&repo, &ids[1], &ids[4]);
    }
}

#[test]
fn it_is_not_asked_where_history_is_redrawn_or_cut_off() {
    let sandbox = Sandbox::new();
    let redraw: [fn(&Repo, &[String]); 3] = [
        |repo, ids| drop(repo.git(["replace", "--graft", &ids[3], &ids[0]])),
        |repo, ids| repo.write(".git/info/grafts", &format!("{} {}\n", ids[3], ids[0])),
        |repo, ids| repo.write(".git/shallow", &format!("{}\n", ids[3])),
    ];
    for redraw in redraw {
        let (repo, ids) = with_graph(&sandbox, 8);
        claim(&repo, &ids[1], &ids[4]);
        assert_eq!(distance(&repo, &ids[1], &ids[6]), FAR);
        redraw(&repo, &ids);
        for tip in [4, 6] {
            assert_eq!(distance(&repo, &ids[1], &ids[tip]), Distance::Diverged);
        }
    }
}

#[test]
fn what_is_not_ours_is_not_read() {
    let sandbox = Sandbox::new();
    let (repo, ids) = with_graph(&sandbox, 8);
    let whole = format!("{} {} {}\n", ids[1], ids[4], CAP + 1);
    for text in [
        &[0xff, 0xfe][..],
        &[&[0xff, b'\n'], whole.as_bytes()].concat(),
        &whole.as_bytes()[..whole.len() - 4],
        &whole.as_bytes()[1..],
        format!("{} {} {CAP}\n", ids[1], ids[4]).as_bytes(),
    ] {
        write(&repo, text);
        assert_eq!(distance(&repo, &ids[1], &ids[4]), Distance::Behind(3));
    }
    // Broken lines do no harm to whole ones. One on a commit that is not here does not make it be.
    let nowhere = "0123456789".repeat(4);
    write(&repo, format!("what\n\n{whole}{nowhere} {} 10001", ids[4]));
    assert_eq!(distance(&repo, &ids[1], &ids[4]), FAR);
    assert_eq!(distance(&repo, &nowhere, &ids[4]), Distance::Missing);
}

#[test]
fn only_what_is_past_the_cap_is_written_down() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(&sandbox, "repo", &[]);
    let line = |number: usize| (number.checked_sub(1).into_iter().collect(), number);
    let cap = CAP as usize;
    let ids = Plan((0..cap + 20).map(line).collect()).write(&repo, &[cap + 19]);
    let file = repo.path.join(".git/dkr/far");
    let ask = |commit: usize, tip: usize| {
        let found = found(&repo);
        let history = History::open(&found);
        let distance = history.distance(&id(&ids[commit]), &id(&ids[tip])).unwrap();
        history.remember();
        assert_eq!(distance, Distance::Behind((tip - commit) as u64));
    };
    // Without a graph counts are as good as dates.
    ask(0, cap + 1);
    assert!(!file.exists());
    repo.git(["commit-graph", "write", "--reachable"]);
    ask(0, cap);
    assert!(!file.exists());
    ask(0, cap + 1);
    ask(1, cap + 2);
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_by_key(|line| line.starts_with(&ids[1]));
    let expected = [0, 1].map(|at| format!("{} {} {}", ids[at], ids[cap + 1 + at], CAP + 1));
    assert_eq!(lines, expected);
    // Nothing is new, so nothing is written.
    let written = || file.metadata().unwrap().modified().unwrap();
    let before = written();
    assert_eq!(distance(&repo, &ids[0], &ids[cap + 19]), FAR);
    ask(1, cap + 2);
    assert_eq!(written(), before);
    // Who cannot write is answered all the same.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    ask(0, cap + 1);
}
