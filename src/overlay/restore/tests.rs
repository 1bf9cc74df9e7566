use std::fs;
use std::path::PathBuf;

use super::journal::Journal;
use super::*;
use crate::overlay::snapshot::{self, About, Baseline, Exclusions, TakenSnapshot};
use crate::ui::Printer;

struct RestoredRoot {
    directory: tempfile::TempDir,
}

impl RestoredRoot {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Files of all sorts are changed in one of two like roots.
    fn new() -> (Self, TakenSnapshot) {
        let overlay = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for root in ["built", "fresh"].map(|name| overlay.path(name)) {
            for path in ["a/old", "a/gone/x", "to-file/x", "same"] {
                fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
                fs::write(root.join(path), "old").unwrap();
            }
            fs::write(root.join("to-directory"), "file").unwrap();
        }
        let root = overlay.path("built");
        let out = Exclusions::new(&root, None, &[]);
        let before = Baseline::scan(&root, &out).unwrap();
        fs::write(root.join("a/old"), "new").unwrap();
        fs::remove_dir_all(root.join("a/gone")).unwrap();
        fs::remove_dir_all(root.join("to-file")).unwrap();
        fs::write(root.join("to-file"), "file").unwrap();
        fs::remove_file(root.join("to-directory")).unwrap();
        fs::create_dir_all(root.join("to-directory/new")).unwrap();
        fs::write(root.join("to-directory/new/x"), "x").unwrap();
        fs::hard_link(root.join("to-directory/new/x"), root.join("a/x")).unwrap();
        let machine = Machine::of(&root);
        let about = About {
            key: "a".repeat(64),
            arch: machine.arch,
            os: machine.os,
            workdir: "/".to_owned(),
            ..About::default()
        };
        let to = overlay.path("archive");
        let taken = snapshot::create(
            before,
            snapshot::SnapshotSubject {
                root: &root,
                left_out: &out,
                also: &[],
                about,
                source_date: None,
                printer: Printer::default(),
            },
            &to,
        )
        .unwrap();
        (overlay, taken)
    }

    fn assert_restored(&self, taken: &TakenSnapshot) {
        let key = taken.manifest.about.key.clone();
        assert!(
            is_applied(
                &self.path("fresh"),
                &self.path("state"),
                &[key],
                Printer::default()
            )
            .unwrap()
        );
        assert_eq!(
            fs::read(self.path("fresh/to-directory/new/x")).unwrap(),
            b"x"
        );
        assert!(!self.path("state/stage").exists());
    }
}

/// Stops after each single step of the second half, as if killed there.
#[test]
fn a_commit_is_completed_from_wherever_it_ended() {
    let mut last = 0;
    for steps in 0.. {
        let (overlay, taken) = RestoredRoot::new();
        let (root, state_directory) = (overlay.path("fresh"), overlay.path("state"));
        let state = StateDirectory::open(&state_directory, Printer::default()).unwrap();
        let mut stage = state.begin().unwrap();
        let at = state.stage();
        let (file, Opened { manifest, json }) = open(&overlay.path("archive")).unwrap();
        let sites = RestoreDirectories {
            root: &root,
            state: &state_directory,
            stage: &at,
        };
        let plan = plan::plan(sites, &manifest, None).unwrap();
        stage.note(&json, &plan.journal).unwrap();
        stage::stage(&file, &taken.sha256, &manifest, &plan, |_| {}).unwrap();
        let journal = &plan.journal;
        fs::write(
            at.join("journal.json"),
            serde_json::to_vec(journal).unwrap(),
        )
        .unwrap();
        std::mem::forget(stage);
        let all = journal.removals.len() + journal.places.len() + journal.directories.len();
        let some = |from: usize, length: usize| steps.clamp(from, from + length) - from;
        let removals = some(0, journal.removals.len());
        let places = some(journal.removals.len(), journal.places.len());
        let directories = some(
            journal.removals.len() + journal.places.len(),
            journal.directories.len(),
        );
        let part = Journal {
            key: journal.key.clone(),
            removals: journal.removals[..removals].to_vec(),
            places: journal.places[..places].to_vec(),
            directories: journal.directories[journal.directories.len() - directories..].to_vec(),
            times: Vec::new(),
        };
        part.carry_out(&root).unwrap();
        drop(state);
        let mended = mend(&root, &state_directory, Printer::default()).unwrap();
        assert_eq!(
            mended,
            Some(Recovered::Completed(journal.key.clone(), Vec::new()))
        );
        overlay.assert_restored(&taken);
        if steps == all {
            last = all;
            break;
        }
    }
    assert!(last > 8, "{last}");
}

#[test]
fn layers_are_one_over_the_other() {
    let (overlay, taken) = RestoredRoot::new();
    let mut under = taken.manifest.clone();
    under.about.key = "b".repeat(64);
    // What the upper one changes again, or removes, is its own affair.
    under.removed.clear();
    for entry in &mut under.entries {
        entry.mode = if entry.kind.is_directory() {
            entry.mode
        } else {
            0
        };
    }
    let (root, state) = (overlay.path("built"), overlay.path("state"));
    record(&state, &under, Printer::default()).unwrap();
    record(&state, &taken.manifest, Printer::default()).unwrap();
    let [under, over] = [&under, &taken.manifest].map(|manifest| manifest.about.key.clone());
    let applied = |keys: &[&String]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).clone()).collect();
        is_applied(&root, &state, &keys, Printer::default()).unwrap()
    };
    assert!(applied(&[&under, &over]) && applied(&[&over]) && applied(&[]));
    assert!(!applied(&[&over, &under]) && !applied(&[&under]));
    assert!(!applied(&[&over, &"c".repeat(64)]));
}
