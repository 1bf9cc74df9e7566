//! That a restored tree is the built one, whatever happens on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use git_dkr::overlay::restore::{self, Unusable};
use git_dkr::ui::Printer;

use crate::overlay::trees::{Trees, before, change, describe, expected, level, noise, same, write};

/// A small disk.
pub struct Tmpfs(pub PathBuf);

impl Tmpfs {
    pub fn new(path: &Path, options: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path);
        assert!(mount.status().unwrap().success());
        Self(path.to_owned())
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_restored_tree_is_the_built_one() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let done = trees.restore(&taken);
    assert_eq!(fs::read(trees.fresh().join("tmp/volatile")).unwrap(), b"1");
    assert!(done.written > 300 && done.removed > 5, "{done:?}");
    assert_eq!(done.remarks, [""; 0]);
    trees.assert_tidy();
    level(&trees);
    trees.assert_alike();
    let key = taken.manifest.about.key.clone();
    assert!(
        restore::is_applied(&trees.fresh(), &trees.state(), &[key], Printer::default()).unwrap()
    );
}

#[test]
fn what_is_there_is_left_alone() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    trees.restore(&taken);
    let fresh = trees.fresh();
    let inode =
        |path: &str| std::os::unix::fs::MetadataExt::ino(&fresh.join(path).metadata().unwrap());
    let large = inode("new/large");
    let again = trees.restore(&taken);
    assert_eq!((again.written, again.removed, again.bytes), (0, 0, 0));
    // One file is not what it was, and looks so.
    let path = fresh.join("new/many/200");
    let time = path.metadata().unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[7] ^= 1;
    write(&path, &bytes);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    // A name of a linked file is gone, and one that was removed is back.
    fs::remove_file(fresh.join("new/other")).unwrap();
    write(&fresh.join("etc/gone"), "back");
    let key = [taken.manifest.about.key.clone()];
    assert!(!restore::is_applied(&fresh, &trees.state(), &key, Printer::default()).unwrap());
    let again = trees.restore(&taken);
    assert_eq!((again.written, again.removed), (4, 1));
    assert_eq!(inode("new/large"), large);
    level(&trees);
    trees.assert_alike();
}

#[test]
fn a_built_tree_has_nothing_to_restore() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let root = trees.built();
    let key = [taken.manifest.about.key.clone()];
    assert!(!restore::is_applied(&root, &trees.state(), &key, Printer::default()).unwrap());
    restore::record(&trees.state(), &taken.manifest, Printer::default()).unwrap();
    assert!(restore::is_applied(&root, &trees.state(), &key, Printer::default()).unwrap());
    let done = restore::restore(
        &root,
        &trees.state(),
        &trees.archive(),
        expected(&taken.sha256),
        Printer::default(),
    )
    .unwrap();
    assert_eq!((done.written, done.removed), (0, 0));
}

#[test]
fn an_empty_root_gets_the_directories_on_the_way() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| write(&root.join("opt/in-place/file"), "two"));
    fs::remove_dir_all(trees.fresh()).unwrap();
    fs::create_dir(trees.fresh()).unwrap();
    trees.restore(&taken);
    assert_eq!(
        fs::read(trees.fresh().join("opt/in-place/file")).unwrap(),
        b"two"
    );
}

#[test]
fn a_directory_that_others_use_stays() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| fs::remove_dir_all(root.join("opt/tree")).unwrap());
    write(&trees.fresh().join("opt/tree/a/theirs"), "theirs");
    let done = trees.restore(&taken);
    assert_eq!(done.remarks.len(), 2, "{:?}", done.remarks);
    assert!(trees.fresh().join("opt/tree/a/theirs").exists());
    assert!(!trees.fresh().join("opt/tree/c").exists());
}

/// On the root's own tree lies another file system, and no rename leads there.
#[test]
fn other_mounts_are_written_too() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| {
        write(&root.join("mnt/new/directory/x"), "x");
        write(&root.join("mnt/file"), noise(5 << 20, 9));
    });
    let _disk = Tmpfs::new(&trees.fresh().join("mnt"), "size=20m");
    trees.restore(&taken);
    trees.assert_tidy();
    trees.assert_alike();
}

/// Then content waits beside its place, where it must not stay.
#[test]
fn a_state_on_another_disk_leaves_nothing_beside() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let _disk = Tmpfs::new(&trees.state(), "size=20m");
    let there = describe(&trees.fresh());
    let error = trees.try_restore(&"0".repeat(64)).unwrap_err();
    assert!(
        format!("{error:#}").contains("does not match its digest"),
        "{error:#}"
    );
    same(&describe(&trees.fresh()), &there);
    trees.restore(&taken);
    trees.assert_tidy();
    level(&trees);
    trees.assert_alike();
}

#[test]
fn a_full_disk_changes_nothing() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let there = describe(&trees.fresh());
    // No room at all is seen before; no more files are possible is not.
    for (options, why) in [
        ("size=10m", "are free in"),
        ("nr_inodes=200", "No space left"),
    ] {
        let disk = Tmpfs::new(&trees.path("small"), options);
        let root = disk.0.join("root");
        trees.copy(&trees.fresh(), &root);
        let result = restore::restore(
            &root,
            &disk.0.join("state"),
            &trees.archive(),
            expected(&taken.sha256),
            Printer::default(),
        );
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains(why), "{error}");
        same(&describe(&root), &there);
        assert!(!disk.0.join("state/stage").exists());
    }
}

#[test]
fn two_at_once_do_it_once() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    let both = std::thread::scope(|scope| {
        let one = scope.spawn(|| trees.restore(&taken));
        let other = scope.spawn(|| trees.restore(&taken));
        [one.join().unwrap(), other.join().unwrap()]
    });
    let nothing = both.iter().filter(|done| done.written == 0).count();
    assert_eq!(nothing, 1, "{both:?}");
    level(&trees);
    trees.assert_alike();
}

/// Says where a process of this program restores.
const CHILD: &str = "DKR_TEST_RESTORE_IN";

/// No test but what the next one kills.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    let sha256 = fs::read_to_string(directory.join("sha256")).unwrap();
    let at = |name: &str| directory.join(name);
    restore::restore(
        &at("fresh"),
        &at("state"),
        &at("archive"),
        expected(&sha256),
        Printer::default(),
    )
    .unwrap();
}

#[test]
fn killed_at_any_moment_it_is_undone_or_completed() {
    let trees = Trees::new(|root| {
        before(root);
        for index in 0..400 {
            write(&root.join(format!("usr/{index}")), "old");
        }
    });
    let taken = trees.take(|root| {
        change(root);
        for index in 0..400 {
            write(&root.join(format!("usr/{index}")), format!("new {index}"));
        }
    });
    level(&trees);
    fs::write(trees.path("sha256"), &taken.sha256).unwrap();
    let (old, new) = (describe(&trees.fresh()), describe(&trees.built()));
    trees.copy(&trees.fresh(), &trees.path("old"));
    let start = || {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "overlay::restore::child"])
            .env(CHILD, trees.path(""));
        child
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let began = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = began.elapsed();
    same(&describe(&trees.fresh()), &new);
    const ROUNDS: u32 = 10;
    for round in 0..ROUNDS {
        fs::remove_dir_all(trees.fresh()).unwrap();
        fs::remove_dir_all(trees.state()).unwrap();
        trees.copy(&trees.path("old"), &trees.fresh());
        let mut child = start();
        // From the middle on: the places are changed in the last part.
        std::thread::sleep(whole * (ROUNDS / 2 + round) / (ROUNDS + ROUNDS / 2));
        child.kill().unwrap();
        child.wait().unwrap();
        let mended = restore::mend(&trees.fresh(), &trees.state(), Printer::default()).unwrap();
        trees.assert_tidy();
        let now = describe(&trees.fresh());
        match mended {
            Some(restore::Recovered::Completed(key, _)) => {
                assert_eq!(key, taken.manifest.about.key);
                same(&now, &new);
            }
            _ if now == old => {}
            _ => same(&now, &new),
        }
        trees.restore(&taken);
        same(&describe(&trees.fresh()), &new);
    }
}

#[test]
fn another_kind_of_machine_is_told() {
    let trees = Trees::new(before);
    let taken = trees.take(change);
    write(
        &trees.fresh().join("usr/lib/os-release"),
        "ID=other\nVERSION_ID=1\n",
    );
    let there = describe(&trees.fresh());
    let error = trees.try_restore(&taken.sha256).unwrap_err();
    let why = error.downcast_ref::<Unusable>();
    assert!(matches!(why, Some(Unusable::OtherMachine(..))), "{error:#}");
    same(&describe(&trees.fresh()), &there);
}

#[test]
fn what_a_user_may_not_set_is_refused_to_users() {
    let trees = Trees::new(before);
    let taken = trees.take(|root| write(&root.join("opt/x"), "x"));
    let mut child = Command::new("setpriv");
    let everybody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    child.args(everybody).arg(std::env::current_exe().unwrap());
    child
        .args(["--exact", "overlay::restore::child", "--nocapture"])
        .env(CHILD, trees.path(""));
    fs::write(trees.path("sha256"), &taken.sha256).unwrap();
    for path in ["", "archive", "sha256"] {
        crate::overlay::trees::mode(&trees.path(path), 0o755);
    }
    fs::create_dir(trees.state()).unwrap();
    std::os::unix::fs::chown(trees.state(), Some(65534), Some(65534)).unwrap();
    let out = child.output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr) + String::from_utf8_lossy(&out.stdout);
    assert!(
        !out.status.success() && told.contains("which only root can set"),
        "{told}"
    );
    assert!(!trees.fresh().join("opt/x").exists());
}

#[test]
fn what_a_killed_run_left_is_removed() {
    // A stage that somebody left, and the lock of nobody.
    let trees = Trees::new(before);
    let taken = trees.take(change);
    write(&trees.state().join("stage/0/half"), "x");
    write(&trees.state().join("lock"), "");
    let mended = restore::mend(&trees.fresh(), &trees.state(), Printer::default()).unwrap();
    assert_eq!(mended, Some(restore::Recovered::Undone));
    assert_eq!(
        restore::mend(&trees.fresh(), &trees.state(), Printer::default()).unwrap(),
        None
    );
    trees.restore(&taken);
}
