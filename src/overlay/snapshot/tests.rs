use std::fs;

use super::*;

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
    let site = tempfile::tempdir().unwrap();
    let root = site.path().join("root");
    fs::create_dir(&root).unwrap();
    let out = LeftOut::new(&root, None, &[]);
    let mut all = Vec::new();
    for threads in [1, 2, 7] {
        let _ = fs::remove_dir_all(&root);
        fs::create_dir(&root).unwrap();
        let before = Before::scan(&root, &out).unwrap();
        fill(&root);
        let to = site.path().join(threads.to_string());
        let taken = take_on(threads, before, &root, &out, &[], about("a"), Some(1), &to).unwrap();
        assert!(taken.manifest.blocks.len() > 3);
        assert!(
            taken
                .manifest
                .entries
                .iter()
                .all(|entry| entry.mtime == manifest::Time(1, 0))
        );
        for entry in &taken.manifest.entries {
            let manifest::Kind::File { sha256, .. } = &entry.kind else {
                panic!()
            };
            let bytes = fs::read(root.join(entry.path.path())).unwrap();
            assert_eq!(*sha256, crate::digest::of(bytes), "{}", entry.path);
        }
        all.push(fs::read(to).unwrap());
    }
    assert!(all[0] == all[1] && all[0] == all[2]);
}

/// A file that grows while it is read would be half of the truth.
#[test]
fn a_file_that_changes_meanwhile_is_no_part_of_a_snapshot() {
    let site = tempfile::tempdir().unwrap();
    let root = site.path().join("root");
    fs::create_dir(&root).unwrap();
    let out = LeftOut::new(&root, None, &[]);
    let before = Before::scan(&root, &out).unwrap();
    fs::write(root.join("log"), "a line").unwrap();
    let changes = changes::compare(before, &root, &out, &[]).unwrap();
    let found = entries::entries(&root, &changes, manifest::Time(0, 0), None).unwrap();
    let mut manifest = Manifest {
        version: 1,
        about: about("a"),
        entries: found.entries,
        removed: Vec::new(),
        blocks: Vec::new(),
    };
    for now in ["a line and more", "a", ""] {
        fs::write(root.join("log"), now).unwrap();
        let mut to = tempfile::tempfile().unwrap();
        let error = archive::write(&root, &mut manifest, &mut to, 2, |_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/log changes while the snapshot is taken"
        );
    }
}
