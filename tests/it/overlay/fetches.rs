//! `FETCH`: what is downloaded, what is unpacked, and what is refused.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use git_dkr::digest;
use git_dkr::net::{Address, Secret};
use git_dkr::overlay::containerfile::DownloadSource;
use git_dkr::overlay::fetch::{FetchSpec, FetchedFile, fetch};
use git_dkr::overlay::github::GitHubClient;
use tar::EntryType;
use tempfile::TempDir;

use crate::overlay::http::{noise, quick};
use crate::overlay::server::{Answer, Server, TOKEN};

struct Place {
    server: Server,
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            server: Server::start(),
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(place.path("")).unwrap();
        place
    }

    /// Of this name in the root.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("root").join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    }

    fn wanted(&self, source: &str, dest: &str) -> FetchSpec {
        FetchSpec {
            source: DownloadSource::parse(source).unwrap(),
            dest: dest.to_owned(),
            sha256: None,
            chmod: None,
        }
    }

    fn run(&self, wanted: &FetchSpec) -> anyhow::Result<FetchedFile> {
        let api = Address::parse(&self.server.api()).unwrap();
        let hub = GitHubClient::new(api, Secret::new(TOKEN), quick());
        let downloads = self.directory.path().join("downloads");
        fetch(wanted, &self.path(""), &hub, &downloads)
    }

    fn fetch(&self, source: &str, dest: &str) -> anyhow::Result<FetchedFile> {
        self.run(&self.wanted(source, dest))
    }

    /// All that is in the root, and nothing else is left in the directory of downloads.
    fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.path(""), &self.path(""), &mut found);
        found.sort();
        found
    }
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_dir() && !path.is_symlink() {
            found.push(format!("{name}/"));
            walk(root, &path, found);
        } else {
            found.push(name);
        }
    }
}

/// An entry: kind, name as it is, target, content, mode.
type Entry<'a> = (EntryType, &'a str, &'a str, &'a str, u32);

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const SAME: EntryType = EntryType::Link;

/// A tar archive; names are written as they are, whatever they are.
fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, target, content, mode) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn usual() -> Vec<u8> {
    archive(&[
        (DIRECTORY, "./", "", "", 0o755),
        (DIRECTORY, "top/", "", "", 0o750),
        (FILE, "top/tool", "", "#!/bin/sh\n", 0o4755),
        (FILE, "top/read me", "", "hello", 0o640),
        (LINK, "top/link", "tool", "", 0o777),
        (LINK, "top/deep/up", "../tool", "", 0o777),
        (SAME, "top/same", "top/tool", "", 0o755),
    ])
}

const USUAL: [&str; 7] = [
    "top/",
    "top/deep/",
    "top/deep/up",
    "top/link",
    "top/read me",
    "top/same",
    "top/tool",
];

#[test]
fn files_are_placed() {
    let place = Place::new();
    let url = place.server.file("/a/tool%201", "text");
    let placed = place.fetch(&url, "/opt/tool").unwrap();
    assert_eq!((placed.bytes, placed.unpacked), (4, None));
    assert_eq!(place.read("opt/tool"), "text");
    assert_eq!(place.mode("opt/tool"), 0o644);
    // A directory, by the slash at its end or because it is one.
    place.fetch(&url, "/bin/").unwrap();
    place.fetch(&format!("{url}?query"), "/opt").unwrap();
    let mut wanted = place.wanted(&url, "/opt/tool");
    wanted.chmod = Some(0o755);
    place.run(&wanted).unwrap();
    assert_eq!(place.mode("opt/tool"), 0o755);
    let tree = ["bin/", "bin/tool 1", "opt/", "opt/tool", "opt/tool 1"];
    assert_eq!(place.tree(), tree);
    // No name to take.
    let root = place.server.file("/", "text");
    assert!(place.fetch(&root, "/opt/").is_err());
    assert_eq!(place.tree(), tree);
    // In use, or a link: the name changes its file as a whole.
    symlink("/opt/tool", place.path("bin/link")).unwrap();
    place.server.file("/a/tool%201", "other");
    place.fetch(&url, "/bin/link").unwrap();
    assert_eq!(place.read("opt/tool"), "other");
}

#[test]
fn a_root_is_not_left() {
    let place = Place::new();
    let url = place.server.file("/x", "text");
    std::fs::create_dir(place.path("real")).unwrap();
    symlink("/real", place.path("abs")).unwrap();
    symlink("../../..", place.path("up")).unwrap();
    place.fetch(&url, "/abs/one").unwrap();
    place.fetch(&url, "/up/../../two").unwrap();
    let tar = place.server.file("/x.tar", usual());
    place.fetch(&tar, "/abs").unwrap();
    assert_eq!(place.read("real/one"), "text");
    assert_eq!(place.read("two"), "text");
    assert_eq!(place.read("real/top/read me"), "hello");
}

#[test]
fn archives_are_unpacked_whatever_packs_them() {
    use std::io::Read;
    let tar = usual();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let bzip2 = {
        let mut all = Vec::new();
        let mut encoder = bzip2::read::BzEncoder::new(&*tar, bzip2::Compression::fast());
        encoder.read_to_end(&mut all).unwrap();
        all
    };
    let zstd = zstd::encode_all(&*tar, 3).unwrap();
    let xz = {
        let mut child = std::process::Command::new("xz")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&tar).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    for (name, bytes) in [
        ("tar", tar),
        ("gzip", gzip),
        ("bzip2", bzip2),
        ("zstd", zstd),
        ("xz", xz),
    ] {
        let place = Place::new();
        // The name says nothing.
        let url = place.server.file("/download", bytes.clone());
        let placed = place.fetch(&url, "/opt").unwrap();
        assert_eq!(placed.unpacked, Some(5), "{name}");
        let tree: Vec<String> = place.tree();
        assert_eq!(tree[0], "opt/");
        assert_eq!(tree[1..], USUAL.map(|name| format!("opt/{name}")), "{name}");
        assert_eq!(place.mode("opt/top"), 0o750);
        assert_eq!(place.mode("opt/top/tool"), 0o755);
        assert_eq!(place.mode("opt/top/read me"), 0o640);
        let modified = std::fs::metadata(place.path("opt/top/tool"))
            .unwrap()
            .modified()
            .unwrap();
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_000_000_000);
        // Half of it: nothing is placed.
        let place = Place::new();
        let url = place.server.file(
            "/download",
            &bytes[..bytes.len() - if name == "tar" { 3000 } else { 20 }],
        );
        let half = place.fetch(&url, "/opt");
        assert!(
            half.as_ref()
                .map_or(true, |placed| placed.unpacked.is_none()),
            "{name} {half:?}"
        );
        assert!(!place.path("opt/top").exists(), "{name}");
    }
}

#[test]
fn zip_archives_keep_modes() {
    let place = Place::new();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer
        .add_directory("top", options.unix_permissions(0o750))
        .unwrap();
    writer
        .start_file("top/tool", options.unix_permissions(0o755))
        .unwrap();
    writer.write_all(b"text").unwrap();
    writer.add_symlink("top/link", "tool", options).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let url = place.server.file("/x", bytes.clone());
    assert_eq!(place.fetch(&url, "/opt").unwrap().unpacked, Some(2));
    assert_eq!(place.mode("opt/top/tool"), 0o755);
    assert_eq!(place.mode("opt/top"), 0o750);
    assert_eq!(place.read("opt/top/link"), "text");
    // What a program reads as it is.
    let url = place.server.file("/x.jar", bytes);
    assert_eq!(place.fetch(&url, "/opt/").unwrap().unpacked, None);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.add_symlink("out", "../../etc", options).unwrap();
    let url = place
        .server
        .file("/y", writer.finish().unwrap().into_inner());
    assert!(place.fetch(&url, "/opt").is_err());
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("../out", options).unwrap();
    let url = place
        .server
        .file("/z", writer.finish().unwrap().into_inner());
    assert!(place.fetch(&url, "/opt").is_err());
    assert_eq!(
        place.tree(),
        [
            "opt/",
            "opt/top/",
            "opt/top/link",
            "opt/top/tool",
            "opt/x.jar"
        ]
    );
}

#[test]
fn a_compressed_file_is_a_file() {
    let place = Place::new();
    let zstd = zstd::encode_all(&b"no archive"[..], 3).unwrap();
    for bytes in [
        zstd,
        b"BZh".to_vec(),
        vec![0x1f, 0x8b],
        vec![0; 2000],
        Vec::new(),
    ] {
        let url = place.server.file("/x.gz", bytes.clone());
        assert_eq!(place.fetch(&url, "/x").unwrap().unpacked, None);
        assert!(std::fs::read(place.path("x")).unwrap() == bytes);
    }
}

#[test]
fn hostile_archives_place_nothing() {
    let place = Place::new();
    let evil: [&[Entry]; 14] = [
        &[(FILE, "/etc/passwd", "", "x", 0o644)],
        &[(FILE, "../out", "", "x", 0o644)],
        &[(FILE, "a/../../out", "", "x", 0o644)],
        &[(LINK, "a", "/etc", "", 0o777)],
        &[(LINK, "a", "..", "", 0o777)],
        &[(LINK, "a/b", "../..", "", 0o777)],
        // A link that seems deep and is not.
        &[(LINK, "a", ".", "", 0o777), (LINK, "a/b", "..", "", 0o777)],
        &[
            (DIRECTORY, "t", "", "", 0o755),
            (LINK, "p/q/l", "m/../../x", "", 0o777),
        ],
        &[(SAME, "a", "/etc/passwd", "", 0o644)],
        &[(SAME, "a", "../../root/x", "", 0o644)],
        &[(LINK, "l", "f", "", 0o777), (SAME, "a", "l", "", 0o644)],
        &[(EntryType::Char, "null", "", "", 0o666)],
        &[(EntryType::Fifo, "fifo", "", "", 0o666)],
        &[(FILE, "a", "", "x", 0o644), (DIRECTORY, "a", "", "", 0o755)],
    ];
    for (number, entries) in evil.iter().enumerate() {
        let good: Entry = (FILE, "good", "", "x", 0o644);
        let entries = [&[good], *entries].concat();
        let url = place.server.file("/x.tar", archive(&entries));
        let error = place.fetch(&url, "/opt").unwrap_err();
        assert!(
            git_dkr::report::hint(&error).is_some(),
            "{number}: {error:#}"
        );
        assert_eq!(place.tree(), [""; 0], "{number}");
    }
}

#[test]
fn archives_go_into_what_is_there() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("usr/lib")).unwrap();
    std::fs::write(place.path("usr/lib/kept"), "kept").unwrap();
    std::fs::write(place.path("usr/lib/tool"), "old").unwrap();
    symlink("usr/lib", place.path("lib")).unwrap();
    let tar = archive(&[
        (FILE, "lib/tool", "", "new", 0o755),
        (FILE, "new/x", "", "x", 0o644),
    ]);
    let url = place.server.file("/x.tar", tar);
    place.fetch(&url, "/").unwrap();
    assert!(place.path("lib").is_symlink());
    assert_eq!(place.read("usr/lib/tool"), "new");
    assert_eq!(place.read("usr/lib/kept"), "kept");
    // A file for a directory, or the other way: nothing is placed.
    let tar = archive(&[
        (FILE, "a", "", "x", 0o644),
        (FILE, "usr/lib", "", "x", 0o755),
    ]);
    let url = place.server.file("/y.tar", tar);
    assert!(place.fetch(&url, "/").is_err());
    assert!(!place.path("a").exists());
    let tar = archive(&[
        (FILE, "a", "", "x", 0o644),
        (FILE, "usr/lib/kept/x", "", "x", 0o755),
    ]);
    let url = place.server.file("/z.tar", tar);
    assert!(place.fetch(&url, "/").is_err());
    assert_eq!(
        place.tree(),
        [
            "lib",
            "new/",
            "new/x",
            "usr/",
            "usr/lib/",
            "usr/lib/kept",
            "usr/lib/tool"
        ]
    );
}

#[test]
fn digests_are_checked_before_anything_is_placed() {
    let place = Place::new();
    for bytes in [usual(), b"text".to_vec()] {
        let url = place.server.file("/x", bytes.clone());
        let mut wanted = place.wanted(&url, "/opt/x");
        wanted.sha256 = Some("0".repeat(64));
        let error = place.run(&wanted).unwrap_err();
        assert!(error.to_string().contains(&digest::of(&bytes)), "{error:#}");
        assert_eq!(place.tree(), [""; 0]);
        wanted.sha256 = Some(digest::of(&bytes));
        place.run(&wanted).unwrap();
        std::fs::remove_dir_all(place.path("opt")).unwrap();
        // A body that is shorter than it was.
        place.server.next("GET", "/x", Answer::Short(3));
        assert!(place.run(&wanted).is_err());
        assert_eq!(place.tree(), [""; 0]);
    }
}

#[test]
fn a_fetch_that_broke_off_is_gone_on_with() {
    let place = Place::new();
    let bytes = noise(50_000);
    let url = place.server.file("/x", bytes.clone());
    place.server.times(5, "GET", "/x", Answer::Cut(1000));
    assert!(place.fetch(&url, "/x").is_err());
    assert_eq!(place.tree(), [""; 0]);
    place.server.forget();
    place.fetch(&url, "/x").unwrap();
    assert_eq!(place.server.seen()[0].headers["range"], "bytes=5000-");
    assert!(std::fs::read(place.path("x")).unwrap() == bytes);
    let left = std::fs::read_dir(place.directory.path().join("downloads")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn repositories_come_without_their_top_directory() {
    let place = Place::new();
    let server = &place.server;
    server.repo("ada/things");
    server.state().private = true;
    let of = |text: &str| {
        archive(&[
            (DIRECTORY, "ada-things-1234/", "", "", 0o755),
            (FILE, "ada-things-1234/f", "", text, 0o644),
        ])
    };
    for at in ["", "v1.0", "feature/x", "v%2B1"] {
        server.tarball("ada/things", at, of(at));
    }
    let read = |source: &str| {
        let placed = place.fetch(source, "/opt").unwrap();
        (placed.from, place.read("opt/f"))
    };
    let pair = |from: &str, text: &str| (from.to_owned(), text.to_owned());
    assert_eq!(read("github:ada/things"), pair("github:ada/things", ""));
    server.state().latest = Some("v1.0".into());
    assert_eq!(
        read("github:ada/things"),
        pair("github:ada/things@v1.0", "v1.0")
    );
    assert_eq!(read("github:ada/things@feature/x").1, "feature/x");
    assert_eq!(read("github:ada/things@v+1").1, "v%2B1");
    assert_eq!(place.tree(), ["opt/", "opt/f"]);
    let sent = server.seen().iter().filter(|seen| seen.elsewhere).count();
    assert_eq!(sent, 4);
    server.token_stayed();
    let error = place.fetch("github:ada/things@none", "/opt").unwrap_err();
    assert_eq!(error.to_string(), "there is no github:ada/things@none");
    let error = place.fetch("github:ada/nothing", "/opt").unwrap_err();
    assert!(
        format!("{error:#}").contains("no ada/nothing, or the token"),
        "{error:#}"
    );
}
