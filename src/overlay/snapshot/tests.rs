use std::fs;

use super::*;
use crate::ui::Printer;

fn about(key: &str) -> About {
    let machine = Machine::of(Path::new("/nowhere"));
    About {
        key: key.repeat(64),
        arch: machine.arch,
        os: machine.os,
        workdir: "/".to_owned(),
        ..About::default()
    }
}

/// Small files, and some over blocks, which begin and end anywhere in them.
fn fill(root: &Path) {
    for (index, size) in [0, 1, 511, 512, 513, 4 << 20, (4 << 20) - 512, 9_000_001, 77]
        .iter()
        .enumerate()
    {
        let bytes: Vec<u8> = (0..*size)
            .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 9) as u8)
            .collect();
        fs::write(root.join(format!("file-{index}")), bytes).unwrap();
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let overlay = tempfile::tempdir().unwrap();
    let root = overlay.path().join("root");
    fs::create_dir(&root).unwrap();
    let out = Exclusions::new(&root, None, &[]);
    let mut all = Vec::new();
    for threads in [1, 2, 7] {
        let _ = fs::remove_dir_all(&root);
        fs::create_dir(&root).unwrap();
        let before = Baseline::scan(&root, &out).unwrap();
        fill(&root);
        let to = overlay.path().join(threads.to_string());
        let taken = create_on(
            threads,
            before,
            SnapshotSubject {
                root: &root,
                left_out: &out,
                also: &[],
                about: about("a"),
                source_date: Some(1),
                printer: Printer::default(),
            },
            &to,
        )
        .unwrap();
        assert!(taken.manifest.blocks.len() > 3);
        assert!(
            taken
                .manifest
                .entries
                .iter()
                .all(|entry| entry.mtime == manifest::Time(1, 0))
        );
        for entry in &taken.manifest.entries {
            let manifest::EntryKind::File { sha256, .. } = &entry.kind else {
                panic!()
            };
            let bytes = fs::read(root.join(entry.path.path())).unwrap();
            assert_eq!(*sha256, crate::digest::of(bytes), "{}", entry.path);
        }
        all.push(fs::read(to).unwrap());
    }
    assert!(all[0] == all[1] && all[0] == all[2]);
}

/// What a log was is still there when it has grown; what another file was is not.
#[test]
fn a_file_that_changes_meanwhile_is_taken_as_it_was_or_not_at_all() {
    let overlay = tempfile::tempdir().unwrap();
    let root = overlay.path().join("root");
    fs::create_dir(&root).unwrap();
    let out = Exclusions::new(&root, None, &[]);
    let before = Baseline::scan(&root, &out).unwrap();
    fs::write(root.join("log"), "a line").unwrap();
    let changes = changes::compare(before, &root, &out, &[]).unwrap();
    let found = entries::entries(&root, &changes, manifest::Time(0, 0), None).unwrap();
    let mut manifest = SnapshotManifest {
        version: 1,
        about: about("a"),
        entries: found.entries,
        removed: Vec::new(),
        blocks: Vec::new(),
    };
    let written = |manifest: &mut SnapshotManifest| {
        let mut to = tempfile::tempfile().unwrap();
        archive::write(&root, manifest, &mut to, 2, |_| {})
    };
    let still = written(&mut manifest).unwrap();
    fs::write(root.join("log"), "a line and more").unwrap();
    assert_eq!(written(&mut manifest).unwrap(), still);
    for now in ["a", ""] {
        fs::write(root.join("log"), now).unwrap();
        let error = written(&mut manifest).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/log changes while the snapshot is taken"
        );
    }
}
