//! Archives that somebody made to do harm, or that broke on the way: refused, and nothing changed.

use std::fs;
use std::os::unix::fs::symlink;

use git_dkr::digest;
use git_dkr::overlay::restore::{self, Unusable};
use git_dkr::ui::Printer;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::overlay::trees::{Trees, about, before, change, describe, expected, same, write};

/// An archive of this manifest and of blocks that are packed already.
fn craft(manifest: &Value, blocks: &[Vec<u8>]) -> Vec<u8> {
    let json = manifest.to_string();
    let mut last = vec![0; 512];
    last.extend(json.as_bytes());
    let last = zstd::bulk::compress(&last, 3).unwrap();
    let mut bytes = blocks.concat();
    bytes.extend(&last);
    bytes.extend([0x5e, 0x2a, 0x4d, 0x18, 24, 0, 0, 0]);
    bytes.extend(b"git-dkr\n");
    bytes.extend((last.len() as u64).to_le_bytes());
    bytes.extend((json.len() as u64).to_le_bytes());
    bytes
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).unwrap()
}

fn entry(path: &str, kind: &Value) -> Value {
    json!({"path": path, "kind": kind, "mode": 0o755, "uid": 0, "gid": 0, "mtime": [1, 2]})
}

fn file(content: &str, at: u64) -> Value {
    json!({"file": {"size": content.len(), "sha256": digest::of(content), "at": at}})
}

fn manifest(entries: &[Value], raw: usize, packed: usize) -> Value {
    let blocks = json!([{"packed": packed, "raw": raw}]);
    let about = about(std::path::Path::new("/nowhere"));
    json!({"version": 1, "about": about, "entries": entries, "removed": [], "blocks": blocks})
}

/// Restores these bytes with their true digest. Whatever happens, what was there still is; the
/// error.
fn refused(trees: &Trees, bytes: &[u8]) -> anyhow::Error {
    let there = describe(&trees.path(""));
    let without = |tree: &crate::overlay::trees::Tree| {
        let kept = tree
            .iter()
            .filter(|(path, _)| !path.starts_with("state") && *path != "archive");
        kept.map(|(path, line)| (path.clone(), line.clone()))
            .collect()
    };
    fs::write(trees.archive(), bytes).unwrap();
    let error = trees
        .try_restore(&digest::of(bytes))
        .expect_err("it was taken");
    same(&without(&describe(&trees.path(""))), &without(&there));
    trees.assert_tidy();
    error
}

fn corrupt(trees: &Trees, bytes: &[u8], why: &str) {
    let error = refused(trees, bytes);
    let told = format!("{error:#}");
    assert!(
        matches!(error.downcast_ref(), Some(Unusable::Corrupt(_))),
        "{told}"
    );
    assert!(told.contains(why), "{told}");
}

fn small() -> Trees {
    Trees::new(|root| write(&root.join("etc/keep"), "keep"))
}

#[test]
fn a_crafted_archive_is_restored_when_it_is_good() {
    let trees = small();
    let block = pack(b"hello");
    let bytes = craft(
        &manifest(&[entry("x", &file("hello", 0))], 5, block.len()),
        &[block],
    );
    fs::write(trees.archive(), &bytes).unwrap();
    trees.try_restore(&digest::of(&bytes)).unwrap();
    assert_eq!(fs::read(trees.fresh().join("x")).unwrap(), b"hello");
}

#[test]
fn what_leads_out_is_refused() {
    let trees = small();
    write(&trees.path("outside"), "mine");
    let block = pack(b"hello");
    let content = || file("hello", 0);
    for (entries, why) in [
        (vec![entry("../outside", &content())], "does not go down"),
        (vec![entry("/etc/x", &content())], "does not go down"),
        (
            vec![entry("etc/../../outside", &content())],
            "does not go down",
        ),
        (
            vec![entry("l", &json!({"symlink": {"to": ".."}}))],
            "leads out of the root",
        ),
        (
            vec![
                entry("l", &json!({"symlink": {"to": "/"}})),
                entry("l/x", &content()),
            ],
            "does not lie in a directory",
        ),
        (
            vec![entry("l", &json!({"link": {"to": "../outside"}}))],
            "no file before it",
        ),
        (
            vec![entry("l", &json!({"link": {"to": "etc/keep"}}))],
            "no file before it",
        ),
        (
            vec![entry("x", &json!({"device": {"major": 1, "minor": 3}}))],
            "unknown variant",
        ),
        (
            vec![entry("dev", &json!("folder")), entry("dev/x", &content())],
            "belongs to the kernel",
        ),
        (
            vec![entry("x", &content()), entry("x", &content())],
            "twice",
        ),
    ] {
        let bytes = craft(
            &manifest(&entries, 5, block.len()),
            std::slice::from_ref(&block),
        );
        corrupt(&trees, &bytes, why);
    }
}

/// The root itself may hold a link where the snapshot thinks of a directory.
#[test]
fn a_link_on_the_way_is_not_followed() {
    let trees = small();
    let outside = trees.path("outside");
    write(&outside.join("x"), "mine");
    symlink(&outside, trees.fresh().join("opt")).unwrap();
    let block = pack(b"hello");
    for kind in ["folder", "parent"] {
        let entries = [
            entry("opt", &json!(kind)),
            entry("opt/x", &file("hello", 0)),
        ];
        let bytes = craft(
            &manifest(&entries, 5, block.len()),
            std::slice::from_ref(&block),
        );
        let error = refused(&trees, &bytes);
        assert!(
            error
                .to_string()
                .contains("is a link here, and a directory in the snapshot"),
            "{error:#}"
        );
    }
    // Nor when something is removed.
    let mut removes = manifest(&[], 5, block.len());
    removes["blocks"] = json!([]);
    removes["removed"] = json!(["opt/x"]);
    let bytes = craft(&removes, &[]);
    fs::write(trees.archive(), &bytes).unwrap();
    trees.try_restore(&digest::of(&bytes)).unwrap();
    assert!(outside.join("x").exists());
}

#[test]
fn a_file_replaces_no_directory_that_it_does_not_know() {
    let trees = small();
    let block = pack(b"hello");
    let bytes = craft(
        &manifest(&[entry("etc", &file("hello", 0))], 5, block.len()),
        &[block],
    );
    let error = refused(&trees, &bytes);
    assert!(
        error.to_string().contains("which does not have"),
        "{error:#}"
    );
}

#[test]
fn our_own_directory_is_ours() {
    let trees = small();
    let block = pack(b"hello");
    let mut writes = manifest(&[entry("etc", &json!("folder"))], 5, block.len());
    let below = [
        entry("etc/state", &json!("folder")),
        entry("etc/state/lock", &file("hello", 0)),
    ];
    writes["entries"].as_array_mut().unwrap().extend(below);
    let instead = manifest(&[entry("etc", &file("hello", 0))], 5, block.len());
    let mut removes = manifest(&[], 5, block.len());
    removes["removed"] = json!(["etc/state/lock"]);
    for manifest in [writes, instead, removes] {
        let bytes = craft(&manifest, std::slice::from_ref(&block));
        fs::write(trees.archive(), &bytes).unwrap();
        let (root, state) = (trees.fresh(), trees.fresh().join("etc/state"));
        let result = restore::restore(
            &root,
            &state,
            &trees.archive(),
            expected(&digest::of(&bytes)),
            Printer::default(),
        );
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains("git dkr's own"), "{error}");
    }
}

#[test]
fn lies_about_sizes_are_refused() {
    let trees = small();
    let honest = pack(b"hello");
    let one = |content: &str, raw: usize, block: &Vec<u8>| {
        let manifest = manifest(&[entry("x", &file(content, 0))], raw, block.len());
        craft(&manifest, std::slice::from_ref(block))
    };
    corrupt(
        &trees,
        &one("hell", 4, &honest),
        "a block cannot be unpacked",
    );
    corrupt(
        &trees,
        &one("hello!", 6, &honest),
        "a block cannot be unpacked",
    );
    corrupt(
        &trees,
        &one("hello!", 5, &honest),
        "is not where it should be",
    );
    corrupt(
        &trees,
        &one("HELLO", 5, &honest),
        "the content of /x has changed",
    );
    // Zeros that pack to nearly nothing, in a block that should have five bytes.
    let bomb = pack(&vec![0; 64 << 20]);
    corrupt(
        &trees,
        &one("hello", 5, &bomb),
        "a block cannot be unpacked",
    );
    corrupt(&trees, &one("hello", 1 << 40, &bomb), "a block has");
    corrupt(
        &trees,
        &one("hello", 30 << 20, &bomb),
        "bytes hold content of 5",
    );
    // Blocks that are not all, or more than all.
    let twice = craft(
        &manifest(&[], 5, honest.len()),
        &[honest.clone(), honest.clone()],
    );
    corrupt(&trees, &twice, "its blocks are not as long as it says");
    let none = craft(&manifest(&[], 5, honest.len()), &[]);
    corrupt(&trees, &none, "its blocks are not as long as it says");
    let mut trailer = one("hello", 5, &honest);
    let at = trailer.len() - 8;
    trailer[at..].copy_from_slice(&(400_u64 << 20).to_le_bytes());
    corrupt(&trees, &trailer, "its manifest ends in the middle");
    trailer[at..].copy_from_slice(&u64::MAX.to_le_bytes());
    corrupt(&trees, &trailer, "its manifest is too large");
    trailer[at - 8..at].copy_from_slice(&u64::MAX.to_le_bytes());
    corrupt(&trees, &trailer, "its manifest is missing");
}

#[test]
fn what_is_no_archive_is_refused() {
    let trees = small();
    corrupt(&trees, b"", "it is too short");
    corrupt(&trees, &[7; 5000], "it does not end as a snapshot does");
    corrupt(
        &trees,
        &craft(&json!("no manifest"), &[]),
        "its manifest is malformed",
    );
    let mut garbled = craft(&json!({}), &[]);
    let length = garbled.len();
    garbled[..length - 32].fill(9);
    corrupt(&trees, &garbled, "cannot use");
}

#[test]
fn an_archive_that_broke_is_refused() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let there = describe(&trees.fresh());
    let good = fs::read(trees.archive()).unwrap();
    let broken = |bytes: &[u8]| {
        fs::write(trees.archive(), bytes).unwrap();
        let error = trees.try_restore(&taken.sha256).unwrap_err();
        assert!(
            matches!(error.downcast_ref(), Some(Unusable::Corrupt(_))),
            "{error:#}"
        );
        same(&describe(&trees.fresh()), &there);
        trees.assert_tidy();
    };
    for end in [0, 31, 100, good.len() / 2, good.len() - 1] {
        broken(&good[..end]);
    }
    // Anywhere, the manifest and its end included.
    for at in [
        5,
        good.len() / 3,
        good.len() - 3000,
        good.len() - 40,
        good.len() - 20,
    ] {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        broken(&bytes);
    }
    // Right, but another than it should be.
    fs::write(trees.archive(), &good).unwrap();
    let error = trees.try_restore(&"0".repeat(64)).unwrap_err();
    assert!(
        format!("{error:#}").contains("does not match its digest"),
        "{error:#}"
    );
    same(&describe(&trees.fresh()), &there);
    trees.restore(&taken);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, is_trailed: bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("archive");
        let mut all = bytes;
        if is_trailed {
            all.extend([0x5e, 0x2a, 0x4d, 0x18, 24, 0, 0, 0]);
            all.extend(b"git-dkr\n");
            let length = all.len() as u64 - 16;
            all.extend(length.to_le_bytes());
            all.extend(100_u64.to_le_bytes());
        }
        fs::write(&path, &all).unwrap();
        prop_assert!(restore::read_manifest(&path).is_err());
    }
}
