//! What is taken, and that it is the same each time.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use git_dkr::overlay::snapshot::manifest::{EntryKind, Name};
use git_dkr::overlay::snapshot::{self, Baseline, Exclusions};
use git_dkr::ui::Printer;

use crate::overlay::trees::{Trees, about, before, change, describe, level, noise, same, write};

#[test]
fn what_a_run_changed_and_nothing_else() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| {
        write(&root.join("etc/change"), "new");
        fs::remove_file(root.join("etc/gone")).unwrap();
        fs::remove_dir_all(root.join("opt/tree")).unwrap();
        write(&root.join("opt/in-place/file"), "two");
        write(&root.join("var/cache/apt/x.deb"), "x");
        write(&root.join("tmp/x"), "x");
        write(&root.join("root/.cache/pip/x"), "x");
    });
    let entries = taken.manifest.entries.iter();
    let kinds: Vec<String> = entries
        .map(|entry| {
            let kind = match &entry.kind {
                EntryKind::Directory => "directory",
                EntryKind::Parent => "parent",
                EntryKind::File { .. } => "file",
                _ => "other",
            };
            format!("{} {kind}", entry.path)
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "etc directory",
            "etc/change file",
            "opt directory",
            "opt/in-place parent",
            "opt/in-place/file file",
            "var directory",
            "var/cache directory",
        ]
    );
    let removed: Vec<String> = taken.manifest.removed.iter().map(Name::to_string).collect();
    let tree = ["opt/tree", "opt/tree/a", "opt/tree/a/b", "opt/tree/c"];
    assert_eq!(removed, [&["etc/gone"], &tree[..]].concat());
    assert_eq!(taken.remarks, [""; 0]);
}

#[test]
fn nothing_changed_is_nothing() {
    let trees = Trees::new(before);
    let taken = trees.take(|_| {});
    assert!(taken.manifest.entries.is_empty() && taken.manifest.removed.is_empty());
    trees.restore(&taken);
    trees.assert_alike();
}

#[test]
fn a_change_that_hides_is_found() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| {
        // The same size and time, as some installers write.
        let path = root.join("etc/same-size");
        let time = path.metadata().unwrap().modified().unwrap();
        write(&path, "bbbb");
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    });
    assert!(
        taken
            .manifest
            .find(&Name::parse("etc/same-size").unwrap())
            .is_some()
    );
    trees.restore(&taken);
    assert_eq!(
        fs::read(trees.fresh().join("etc/same-size")).unwrap(),
        b"bbbb"
    );
}

#[test]
fn asked_for_is_taken_from_where_nothing_is() {
    let trees = Trees::new(before);
    let taken = trees.take_also(&["/root/.cache/tool", "/etc/keep"], |root| {
        write(&root.join("root/.cache/tool/deep/x"), "x");
        write(&root.join("root/.cache/other"), "x");
    });
    trees.restore(&taken);
    let fresh = trees.fresh();
    assert!(fresh.join("root/.cache/tool/deep/x").exists());
    assert!(!fresh.join("root/.cache/other").exists());
    assert!(
        taken
            .manifest
            .find(&Name::parse("etc/keep").unwrap())
            .is_some()
    );
    for (wrong, why) in [
        (
            "/proc/self",
            "SNAPSHOT /proc/self cannot be taken: the kernel's",
        ),
        ("/no/such", "SNAPSHOT /no/such: there is no such path"),
        (
            "/to-etc/keep",
            "SNAPSHOT /to-etc/keep cannot be taken: /to-etc is a link",
        ),
    ] {
        let root = trees.built();
        let _ = std::os::unix::fs::symlink("etc", root.join("to-etc"));
        let out = Exclusions::new(&root, None, &[]);
        let before = Baseline::scan(&root, &out).unwrap();
        let to = trees.path("never");
        let result = snapshot::create(
            before,
            snapshot::SnapshotSubject {
                root: &root,
                left_out: &out,
                also: &[wrong.into()],
                about: about(&root),
                source_date: None,
                printer: Printer::default(),
            },
            &to,
        );
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
        assert!(!to.exists());
    }
}

/// The same change at another hour, in another place, is the same archive.
#[test]
fn the_same_changes_give_the_same_bytes() {
    let (one, other) = (Trees::new(before), Trees::new(before));
    let first = one.take(change);
    std::thread::sleep(std::time::Duration::from_millis(30));
    let second = other.take(change);
    assert_eq!(first.manifest, second.manifest);
    assert_eq!(first.sha256, second.sha256);
    level(&one);
    level(&other);
    same(&describe(&one.built()), &describe(&other.built()));
    assert_eq!(
        first.sha256,
        git_dkr::digest::of(fs::read(one.archive()).unwrap())
    );
    assert_eq!(first.size, one.archive().metadata().unwrap().len());
}

#[test]
fn tar_lists_and_unpacks_it() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let tar = |args: &[&str]| {
        let mut tar = Command::new("tar");
        tar.arg("--zstd").args(args).arg("-f").arg(trees.archive());
        let out = tar.current_dir(trees.path("")).output().unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let list = tar(&["-t", "--quoting-style=literal"]);
    assert!(
        list.contains("new/many/299") && list.contains(&"f".repeat(200)),
        "{list}"
    );
    assert!(
        list.lines().last().unwrap() == ".git-dkr-manifest.json",
        "{list}"
    );
    fs::create_dir(trees.path("unpacked")).unwrap();
    tar(&["-x", "-C", "unpacked"]);
    let read = |root: &Path| fs::read(root.join("new/large")).unwrap();
    assert!(read(&trees.path("unpacked")) == read(&trees.built()));
    assert_eq!(
        fs::read(trees.path("unpacked/new/sparse")).unwrap().len(),
        20 << 20
    );
    let read = git_dkr::overlay::restore::read_manifest(&trees.archive()).unwrap();
    assert_eq!(read, taken.manifest);
}

#[test]
fn what_cannot_be_taken_is_said() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| {
        UnixListener::bind(root.join("opt/socket")).unwrap();
        std::os::unix::fs::symlink("../../../outside", root.join("opt/out")).unwrap();
        let null = rustix::fs::makedev(1, 3);
        let kind = rustix::fs::FileType::CharacterDevice;
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("opt/null"),
            kind,
            0o666.into(),
            null,
        )
        .unwrap();
    });
    assert_eq!(
        taken.remarks,
        [
            "left out, as it is a device: /opt/null",
            "left out, as it is a link that leads out of the root: /opt/out",
            "left out, as it is a socket: /opt/socket",
        ]
    );
    trees.restore(&taken);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let trees = Trees::new(before);
    let disk = crate::overlay::restore::Tmpfs::new(&trees.path("small"), "size=1m");
    let root = trees.built();
    let out = Exclusions::new(&root, None, &[]);
    let scan = Baseline::scan(&root, &out).unwrap();
    write(&root.join("opt/large"), noise(3 << 20, 1));
    let to = disk.0.join("archive");
    let error = snapshot::create(
        scan,
        snapshot::SnapshotSubject {
            root: &root,
            left_out: &out,
            also: &[],
            about: about(&root),
            source_date: None,
            printer: Printer::default(),
        },
        &to,
    )
    .unwrap_err();
    assert!(format!("{error:#}").contains("No space left"), "{error:#}");
    assert_eq!(fs::read_dir(&disk.0).unwrap().count(), 0);
}
