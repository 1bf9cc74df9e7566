use super::*;
use crate::image::Labels;
use crate::image::model::labels::tests::labels;

fn candidate(tag: &str, ahead: u64, behind: u64) -> Candidate {
    Candidate {
        image: Image {
            id: format!("sha256:{tag}"),
            tag: tag.to_owned(),
            size: 1,
            labels: labels(),
        },
        divergence: Some(Divergence::Shared { ahead, behind }),
        bytes: None,
        key_files: 0,
        reason: None,
    }
}

fn made(mut candidate: Candidate, second: i64) -> Candidate {
    candidate.image.labels = Labels {
        created_at: jiff::Timestamp::from_second(second).unwrap(),
        ..labels()
    };
    candidate
}

fn tags(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|c| c.image.tag.as_str()).collect()
}

#[test]
fn the_fewest_commits_are_looked_at_the_newest_of_equals_first() {
    let refused = Candidate {
        reason: Some(Reason::NoRecord),
        divergence: None,
        ..candidate("refused", 0, 0)
    };
    let mut all = vec![
        refused,
        candidate("far", 90, 0),
        candidate("farther", 91, 0),
        made(candidate("old", 3, 0), 1),
        made(candidate("new", 3, 0), 2),
        candidate("sibling", 3, 1),
    ];
    by_distance(&mut all);
    assert_eq!(
        tags(&all),
        ["new", "old", "sibling", "far", "farther", "refused"]
    );
    let reasons: Vec<_> = all.iter().map(|c| c.reason.clone()).collect();
    let (far, none) = (Some(Reason::Farther), Some(Reason::NoRecord));
    assert_eq!(reasons, [None, None, None, None, far, none]);
}

#[test]
fn the_fewest_bytes_win_and_a_key_file_counts_extra() {
    let of = |tag, bytes, key_files| Candidate {
        bytes: Some(bytes),
        key_files,
        ..candidate(tag, 1, 0)
    };
    let full = full(96 << 20);
    let mut all = vec![
        of("locked", 1_000, 1),
        of("more", 2 << 20, 0),
        of("least", 1 << 20, 0),
        candidate("unknown", 0, 0),
    ];
    by_cost(&mut all, full);
    // A tenth of 100 MiB is as much as 2 MiB over a fetch.
    assert_eq!(tags(&all), ["least", "more", "locked", "unknown"]);
    assert_eq!(cheapest(&all, full).unwrap().image.tag, "least");
}

#[test]
fn a_full_clone_may_be_cheaper() {
    let full = full(1 << 20);
    let best = |bytes, key_files| {
        let one = Candidate {
            bytes,
            key_files,
            ..candidate("one", 1, 0)
        };
        cheapest(&[one], full).is_some()
    };
    assert!(best(Some((1 << 20) - 1), 0));
    assert!(!best(Some(1 << 20), 0));
    assert!(best(Some(0), 9) && !best(Some(0), 11));
    assert!(!best(None, 0));
    // No number is too large to be counted with.
    assert!(!best(Some(u64::MAX), u64::MAX));
    assert!(cheapest(&[], full).is_none());
}

#[test]
fn the_way_in_words() {
    let of = |ahead, behind, bytes, key_files| {
        let one = Candidate {
            bytes,
            key_files,
            ..candidate("one", ahead, behind)
        };
        one.distance()
    };
    assert_eq!(of(214, 0, Some(3_100_000), 0), "214 commits, 3.1 MB");
    assert_eq!(
        of(1, 7, Some(3_100), 1),
        "1 commit, 3.1 kB, 1 key file changed"
    );
    assert_eq!(
        of(0, 2, Some(0), 3),
        "2 commits behind, 0 B, 3 key files changed"
    );
    assert_eq!(of(0, 0, None, 0), "0 commits");
}

#[test]
fn reasons_in_words() {
    let all = [
        Reason::NoRecord,
        Reason::NoRoot,
        Reason::Differs("packages: +make".into()),
        Reason::Missing,
        Reason::Unrelated,
        Reason::Sibling,
        Reason::TooMuch(ChainLimit::Engine(101)),
        Reason::TooMuch(ChainLimit::Layers(20)),
        Reason::TooMuch(ChainLimit::Dead {
            dead: 9_000_000,
            fresh: 8_000_000,
        }),
        Reason::Unmeasured,
        Reason::Farther,
    ];
    let lines: Vec<String> = all
        .iter()
        .map(|reason| format!("{} {reason}", if reason.is_final() { 'x' } else { '-' }))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

proptest::proptest! {
    /// Whatever order the engine lists images in, the choice is the same, and no other costs less.
    #[test]
    fn the_choice_does_not_depend_on_the_order(
        facts in proptest::collection::vec((0..9u64, 0..3u64, 0..99u64, 0..3u64, 0..3i64), 0..12),
        turn in 0..12usize,
    ) {
        let choose = |order: &[usize]| {
            let mut all: Vec<Candidate> = order.iter().map(|place| {
                let (ahead, behind, _, _, second) = facts[*place];
                made(candidate(&place.to_string(), ahead, behind), second)
            }).collect();
            by_distance(&mut all);
            for one in all.iter_mut().filter(|c| c.reason.is_none()) {
                let (_, _, bytes, key_files, _) = facts[one.image.tag.parse::<usize>().unwrap()];
                (one.bytes, one.key_files) = (Some(bytes), key_files);
            }
            by_cost(&mut all, full(0));
            let best = cheapest(&all, full(0)).cloned();
            let least = all.iter().filter_map(|c| c.cost(full(0))).min();
            (best, least)
        };
        let order: Vec<usize> = (0..facts.len()).collect();
        let mut other: Vec<usize> = order.iter().rev().copied().collect();
        let by = turn % facts.len().max(1);
        other.rotate_left(by);
        let (best, least) = choose(&order);
        proptest::prop_assert_eq!(best.as_ref().and_then(|b| b.cost(full(0))), least);
        proptest::prop_assert_eq!(best, choose(&other).0);
    }
}

#[test]
fn one_that_is_not_weighed_is_not_refused() {
    let with = |bytes, reason| Candidate {
        bytes,
        reason,
        ..candidate("a", 3, 1)
    };
    let verdicts = [
        with(Some(1_000), None),
        with(Some(1 << 30), None),
        with(None, Some(Reason::Farther)),
        with(Some(1_000), Some(Reason::Gone)),
        Candidate {
            divergence: None,
            ..with(None, Some(Reason::NoRecord))
        },
    ]
    .map(|candidate| candidate.verdict(full(1 << 20)));
    insta::assert_snapshot!(verdicts.join("\n"), @r"
    3 commits, 1.0 kB
    3 commits, 1.1 GB; no: a full clone is cheaper
    3 commits; not weighed: others are nearer
    3 commits, 1.0 kB; no: it was removed meanwhile
    no: it has no record in this repository
    ");
}
