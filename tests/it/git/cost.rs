//! What leads from one commit to another.

use super::found;
use crate::common::Sandbox;
use crate::common::repo::Repo;
use git_dkr::git::{Divergence, ObjectId};

#[track_caller]
fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

#[track_caller]
fn divergences<const N: usize>(repo: &Repo, from: [&str; N], to: &str) -> Vec<Divergence> {
    found(repo).divergences(&from.map(id), &id(to)).unwrap()
}

#[track_caller]
fn bytes(repo: &Repo, from: &[&str], to: &str) -> Option<u64> {
    let from: Vec<ObjectId> = from.iter().map(|text| id(text)).collect();
    let from: Vec<&ObjectId> = from.iter().collect();
    found(repo).bytes_between(&from, &id(to)).unwrap()
}

#[test]
fn each_kind_of_neighbour() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let base = repo.head();
    let tip = repo.commits(2);
    let sibling = repo.branch("side", &base).commits(3);
    repo.git(["checkout", "--quiet", "--orphan", "other"]);
    let orphan = repo.commit("Begin again", &[]);
    let nowhere = "0123456789".repeat(4);
    let shared = |ahead, back| Divergence::Shared {
        ahead,
        behind: back,
    };
    assert_eq!(
        divergences(&repo, [&tip, &base, &sibling, &orphan, &nowhere], &tip),
        [
            shared(0, 0),
            shared(2, 0),
            shared(2, 3),
            Divergence::Unrelated,
            Divergence::Missing
        ]
    );
    assert_eq!(divergences(&repo, [&tip], &base), [shared(0, 2)]);
    assert_eq!(divergences(&repo, [], &base), []);
}

#[test]
fn bytes_are_those_of_the_new_objects_alone() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let noise: String = (0..9_000u32)
        .map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let base = repo.commit("Much", &[("much", &noise)]);
    let tip = repo.commit("Little", &[("little", "1")]);
    for packed in [false, true] {
        if packed {
            repo.git(["repack", "-adbq"]);
        }
        let all = bytes(&repo, &[], &tip).unwrap();
        let little = bytes(&repo, &[&base], &tip).unwrap();
        assert!(all > 20_000, "{all}");
        assert!((1..2_000).contains(&little), "{little}");
        assert_eq!(bytes(&repo, &[&tip], &tip), Some(0));
        assert_eq!(bytes(&repo, &[&tip], &base), Some(0));
        assert_eq!(bytes(&repo, &[&base, &tip], &tip), Some(0));
    }
    assert_eq!(bytes(&repo, &[&"0123456789".repeat(4)], &tip), None);
}

#[test]
fn what_a_partial_clone_lacks_is_not_fetched() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let base = repo.head();
    let tip = repo.commit("More", &[("b", "2")]);
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    let partial = repo.clone_with(&["--bare", "--filter=tree:0"]);
    let count = || partial.git(["count-objects", "-v"]);
    let before = count();
    assert_eq!(bytes(&partial, &[&base], &tip), None);
    assert_eq!(count(), before);
}
