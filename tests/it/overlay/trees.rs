//! Trees to be snapshotted and restored, and all that there is to say of one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use git_dkr::overlay::restore::{self, Restored};
use git_dkr::overlay::snapshot::{self, About, Baseline, Exclusions, Machine, TakenSnapshot};
use git_dkr::ui::Printer;
use rustix::fs::XattrFlags;
use tempfile::TempDir;

/// A root that is built, one that was like it before, and what a restore needs.
pub struct Trees {
    directory: TempDir,
}

impl Trees {
    /// Both with the same files.
    pub fn new(fill: impl Fn(&Path)) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("dkr-test-")
            .tempdir()
            .unwrap();
        let trees = Self { directory };
        fs::create_dir(trees.built()).unwrap();
        fill(&trees.built());
        trees.copy(&trees.built(), &trees.fresh());
        trees
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn built(&self) -> PathBuf {
        self.path("built")
    }

    pub fn fresh(&self) -> PathBuf {
        self.path("fresh")
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn archive(&self) -> PathBuf {
        self.path("archive")
    }

    pub fn copy(&self, from: &Path, to: &Path) {
        let done = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(done.unwrap().success());
    }

    /// Changes the built one, and takes the snapshot.
    pub fn take(&self, change: impl FnOnce(&Path)) -> TakenSnapshot {
        self.take_also(&[], change)
    }

    pub fn take_also(&self, also: &[&str], change: impl FnOnce(&Path)) -> TakenSnapshot {
        let root = self.built();
        let out = Exclusions::new(&root, None, &[]);
        let before = Baseline::scan(&root, &out).unwrap();
        change(&root);
        let also: Vec<PathBuf> = also.iter().map(PathBuf::from).collect();
        snapshot::create(
            before,
            snapshot::SnapshotSubject {
                root: &root,
                left_out: &out,
                also: &also,
                about: about(&root),
                source_date: None,
                printer: Printer::default(),
            },
            &self.archive(),
        )
        .unwrap()
    }

    /// Into the other one.
    pub fn restore(&self, taken: &TakenSnapshot) -> Restored {
        self.try_restore(&taken.sha256).unwrap()
    }

    pub fn try_restore(&self, sha256: &str) -> anyhow::Result<Restored> {
        restore::restore(
            &self.fresh(),
            &self.state(),
            &self.archive(),
            expected(sha256),
            Printer::default(),
        )
    }

    pub fn assert_alike(&self) {
        same(&describe(&self.built()), &describe(&self.fresh()));
    }

    /// That nothing is left in our own directory but what was applied.
    pub fn assert_tidy(&self) {
        assert!(!self.state().join("stage").exists());
        let beside = describe(&self.fresh());
        assert!(
            !beside.keys().any(|path| path.contains(".git-dkr")),
            "{beside:?}"
        );
    }
}

/// The key of every snapshot here.
pub const KEY: &str = "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e";

pub fn expected(sha256: &str) -> restore::Expected<'_> {
    restore::Expected { key: KEY, sha256 }
}

pub fn about(root: &Path) -> About {
    let machine = Machine::of(root);
    About {
        key: KEY.to_owned(),
        name: None,
        arch: machine.arch,
        os: machine.os,
        env: vec![("A".into(), "b c".into())],
        workdir: "/srv".into(),
    }
}

pub type Tree = BTreeMap<String, String>;

/// Says what differs, and not all that is alike.
pub fn same(a: &Tree, b: &Tree) {
    let mut differ = Vec::new();
    for path in a
        .keys()
        .chain(b.keys().filter(|path| !a.contains_key(*path)))
    {
        if a.get(path) != b.get(path) {
            differ.push(format!("{path}: {:?} | {:?}", a.get(path), b.get(path)));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// Each path below a root with all that is kept of it.
pub fn describe(root: &Path) -> Tree {
    let (mut tree, mut directories) = (Tree::new(), vec![root.to_owned()]);
    let mut inodes = BTreeMap::new();
    while let Some(directory) = directories.pop() {
        let mut children: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        children.sort();
        for path in children {
            let meta = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap();
            let name = name.as_os_str().as_bytes().escape_ascii().to_string();
            if meta.is_dir() {
                directories.push(path.clone());
            }
            if meta.is_file() {
                let inode: &mut Vec<String> = inodes.entry((meta.dev(), meta.ino())).or_default();
                inode.push(name.clone());
            }
            tree.insert(name, line(&path, &meta));
        }
    }
    for mut names in inodes.into_values().filter(|names| names.len() > 1) {
        names.sort();
        for name in &names {
            *tree.get_mut(name).unwrap() += &format!(" one with {names:?}");
        }
    }
    tree
}

fn line(path: &Path, meta: &fs::Metadata) -> String {
    let kind = meta.file_type();
    let what = if kind.is_symlink() {
        format!("-> {:?}", fs::read_link(path).unwrap())
    } else if kind.is_file() {
        git_dkr::digest::of(fs::read(path).unwrap())
    } else if kind.is_fifo() {
        "fifo".to_owned()
    } else {
        assert!(kind.is_dir(), "{path:?}");
        "directory".to_owned()
    };
    let mut list = [0; 4096];
    let length = rustix::fs::llistxattr(path, &mut list[..]).unwrap_or(0);
    let mut xattrs = BTreeMap::new();
    for name in list[..length]
        .split(|b| *b == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = [0; 4096];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        xattrs.insert(name.escape_ascii().to_string(), value[..length].to_vec());
    }
    format!(
        "{:o} {}:{} {}.{:09} {xattrs:?} {what}",
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.mtime(),
        meta.mtime_nsec()
    )
}

pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

pub fn attribute(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

/// Bytes that do not pack well.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A root with some of everything.
pub fn before(root: &Path) {
    for (path, text) in [
        ("etc/keep", "keep"),
        ("etc/change", "old"),
        ("etc/same-size", "aaaa"),
        ("etc/mode", "mode"),
        ("etc/owner", "owner"),
        ("etc/gone", "gone"),
        ("etc/to-directory", "file"),
        ("etc/to-link", "file"),
        ("opt/tree/a/b", "b"),
        ("opt/tree/c", "c"),
        ("opt/to-file/x/y", "y"),
        ("opt/to-file/z", "z"),
        ("opt/empty-later/x", "x"),
        ("opt/with space/ümlaut", "u"),
        ("opt/attributes", "attributes"),
        ("opt/in-place/file", "one"),
        ("tmp/volatile", "1"),
        ("root/.cache/x", "1"),
    ] {
        write(&root.join(path), text);
    }
    symlink("etc/keep", root.join("link")).unwrap();
    symlink("keep", root.join("etc/link-to-file")).unwrap();
    fs::hard_link(root.join("etc/keep"), root.join("opt/first")).unwrap();
    attribute(&root.join("opt/attributes"), "user.old", b"1");
    // As it is on a machine: nothing is new.
    let touched = Command::new("find")
        .arg(root)
        .args([
            "-exec",
            "touch",
            "-h",
            "-d",
            "2020-02-02 02:02:02.123456789",
            "{}",
            "+",
        ])
        .status();
    assert!(touched.unwrap().success());
}

/// What a run may do to it.
pub fn change(root: &Path) {
    let at = |path: &str| root.join(path);
    write(&at("etc/change"), "new and longer");
    write(&at("etc/same-size"), "bbbb");
    mode(&at("etc/mode"), 0o4711);
    chown(at("etc/owner"), Some(12), Some(34)).unwrap();
    for path in [
        "etc/gone",
        "etc/to-directory",
        "etc/to-link",
        "etc/link-to-file",
        "opt/empty-later/x",
    ] {
        fs::remove_file(at(path)).unwrap();
    }
    write(&at("etc/to-directory/inside/deep"), "directory now");
    symlink("/etc/keep", at("etc/to-link")).unwrap();
    write(&at("etc/link-to-file"), "file now");
    fs::remove_dir_all(at("opt/tree")).unwrap();
    fs::remove_dir_all(at("opt/to-file")).unwrap();
    write(&at("opt/to-file"), "file now");
    fs::hard_link(at("etc/keep"), at("opt/second")).unwrap();
    write(&at("new/one"), "linked");
    fs::hard_link(at("new/one"), at("new/other")).unwrap();
    fs::hard_link(at("new/one"), at("etc/third")).unwrap();
    attribute(&at("opt/attributes"), "user.new", b"\xff\0");
    rustix::fs::lremovexattr(at("opt/attributes"), "user.old").unwrap();
    attribute(&at("new"), "user.of-a-directory", b"x");
    // Opened for reading by the owner; version 2 of the capability's format.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    attribute(&at("new/one"), "security.capability", &capability);
    write(&at("opt/in-place/file"), "two");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("new/fifo"),
        rustix::fs::FileType::Fifo,
        0o640.into(),
        0,
    )
    .unwrap();
    write(
        &root.join("new").join(OsStr::from_bytes(b"\xff%41\n")),
        "not UTF-8",
    );
    symlink(OsStr::from_bytes(b"\xfe"), at("new/strange")).unwrap();
    lchown(at("new/strange"), Some(5), Some(6)).unwrap();
    write(&at("new/empty"), "");
    fs::create_dir_all(at("new/locked/empty")).unwrap();
    write(&at("new/locked/file"), "locked");
    mode(&at("new/locked"), 0o500);
    mode(&at("new/locked/empty"), 0o2775);
    chown(at("new/locked/empty"), Some(7), Some(8)).unwrap();
    write(
        &at(&format!("new/{}/{}", "d".repeat(120), "f".repeat(200))),
        "long",
    );
    write(&at("new/large"), noise(9_500_000, 3));
    let sparse = fs::File::create(at("new/sparse")).unwrap();
    sparse.set_len(20 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"in the middle", 11 << 20).unwrap();
    for index in 0..300 {
        write(
            &at(&format!("new/many/{index}")),
            noise(index * 97, index as u64),
        );
    }
    write(&at("tmp/volatile"), "2");
    write(&at("root/.cache/x"), "2");
}

/// Without what no snapshot takes.
pub fn level(trees: &Trees) {
    for root in [trees.built(), trees.fresh()] {
        for path in ["tmp", "root/.cache"] {
            let _ = fs::remove_dir_all(root.join(path));
        }
        let _ = fs::remove_dir_all(root.join("root"));
    }
}
