//! Both caches: what is put is there as a whole, or not at all.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use git_dkr::digest;
use git_dkr::net::{Address, Secret};
use git_dkr::overlay::cache::{
    CacheLocation, CorruptEntry, DirectoryCache, Index, Releases, SnapshotCache, StoreResult,
};
use git_dkr::overlay::containerfile::GitHubRepo;
use git_dkr::overlay::github::GitHubClient;
use git_dkr::ui::Printer;
use tempfile::TempDir;

use crate::overlay::http::{noise, quick};
use crate::overlay::server::{Answer, Server, TOKEN};

const PART: u64 = 1000;

/// A cache, and files to put into it.
pub struct CacheLab {
    pub directory: TempDir,
    pub cache: SnapshotCache,
}

impl CacheLab {
    fn directory() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = SnapshotCache::Directory(DirectoryCache::new(
            &directory.path().join("cache"),
            Printer::default(),
        ));
        Self { directory, cache }
    }

    fn releases(server: &Server) -> Self {
        Self::releases_with(server, Some(TOKEN), PART)
    }

    fn releases_with(server: &Server, token: Option<&str>, part: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let token = token.map(|token| Secret::new(token).unwrap());
        let hub = GitHubClient::new(Address::parse(&server.api()).unwrap(), token, quick());
        let repo = GitHubRepo::parse("ada/things").unwrap();
        let cache = Releases::new(hub, &repo, part, &directory.path().join("downloads"));
        let cache = SnapshotCache::Releases(Box::new(cache));
        Self { directory, cache }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An archive of so many bytes, and its index under a key of this digit.
    fn archive(&self, digit: &str, len: usize) -> (PathBuf, Index) {
        let path = self.path(&format!("archive-{digit}-{len}"));
        let bytes = noise(len);
        std::fs::write(&path, &bytes).unwrap();
        let made = "2026-01-02T03:04:05Z".parse().unwrap();
        let index = Index::new(
            None,
            &digit.repeat(64),
            &digest::of(&bytes),
            len as u64,
            made,
        );
        (path, index)
    }

    fn put(&self, archive: &(PathBuf, Index), replace: bool) -> anyhow::Result<StoreResult> {
        self.cache
            .put(&archive.0, &archive.1, replace, &Arc::default())
    }

    fn get(&self, tag: &str) -> anyhow::Result<Vec<u8>> {
        let index = self.cache.find(tag)?.unwrap();
        let archive = self.cache.get(&index, &Arc::new(AtomicU64::new(0)))?;
        Ok(std::fs::read(archive.path())?)
    }

    #[track_caller]
    fn has(&self, archive: &(PathBuf, Index)) {
        let bytes = self.get(&archive.1.tag).unwrap();
        assert!(bytes == std::fs::read(&archive.0).unwrap());
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(directory))
            .into_iter()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }
}

fn server() -> Server {
    let server = Server::start();
    server.repo("ada/things");
    server
}

/// Writing, reading, replacing, listing, removing: the same for both.
fn round(lab: &CacheLab) {
    let one = lab.archive("1", 2500);
    assert_eq!(lab.cache.find(&one.1.tag).unwrap(), None);
    assert_eq!(lab.put(&one, false).unwrap(), StoreResult::Stored);
    assert_eq!(lab.put(&one, false).unwrap(), StoreResult::WasThere);
    lab.has(&one);
    lab.has(&one);
    let found = lab.cache.find(&one.1.tag).unwrap().unwrap();
    assert_eq!(found.with_parts(Vec::new()), one.1);
    let other = lab.archive("1", 1000);
    assert_eq!(lab.put(&other, false).unwrap(), StoreResult::WasThere);
    lab.has(&one);
    assert_eq!(lab.put(&other, true).unwrap(), StoreResult::Stored);
    // What is replaced may be no good though it says it is.
    assert_eq!(lab.put(&other, true).unwrap(), StoreResult::Stored);
    assert_eq!(lab.put(&other, false).unwrap(), StoreResult::WasThere);
    lab.has(&other);
    let two = lab.archive("2", 10);
    lab.put(&two, false).unwrap();
    let list = lab.cache.list().unwrap();
    let listed: Vec<(&str, u64)> = list.iter().map(|entry| (&*entry.tag, entry.size)).collect();
    assert_eq!(listed, [(&*one.1.tag, 1000), (&*two.1.tag, 10)]);
    let gone = lab.cache.prune(1).unwrap();
    assert_eq!(gone.len(), 1);
    assert_eq!(lab.cache.list().unwrap().len(), 1);
    lab.cache.remove(&two.1.tag).unwrap();
    lab.cache.remove(&one.1.tag).unwrap();
    assert_eq!(lab.cache.list().unwrap(), []);
    // An archive that is not what its digest says is no entry.
    std::fs::write(&two.0, noise(11)).unwrap();
    assert!(lab.put(&two, false).is_err());
    assert_eq!(lab.cache.list().unwrap(), []);
}

/// Whoever may write to a shared directory can put a FIFO there.
#[test]
fn a_cache_reads_nothing_but_files() {
    let lab = CacheLab::directory();
    let (archive, index) = lab.archive("a", 100);
    let put = lab.cache.put(&archive, &index, false, &Arc::default());
    put.unwrap();
    let json = lab.path("cache").join(format!("{}.json", index.tag));
    std::fs::remove_file(&json).unwrap();
    let made = Command::new("mkfifo").arg(&json).status().unwrap();
    assert!(made.success());
    let error = lab.cache.find(&index.tag).unwrap_err();
    assert!(
        format!("{error:#}").contains("not a regular file"),
        "{error:#}"
    );
}

#[test]
fn a_directory_keeps() {
    let lab = CacheLab::directory();
    round(&lab);
    assert_eq!(lab.names("cache"), [""; 0]);
    let one = lab.archive("1", 2500);
    lab.put(&one, false).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&lab.path("cache")), 0o700);
    let names = lab.names("cache");
    assert_eq!(names.len(), 2);
    for name in names {
        assert_eq!(mode(&lab.path("cache").join(name)), 0o600);
    }
}

#[test]
fn releases_keep() {
    let server = server();
    let lab = CacheLab::releases(&server);
    round(&lab);
    assert!(server.drafts().is_empty(), "{:?}", server.drafts());
    assert!(server.state().refs.is_empty() && server.state().releases.is_empty());
    assert_eq!(lab.names("downloads"), [""; 0]);
    server.token_stayed();
    let one = lab.archive("1", 2500);
    lab.put(&one, false).unwrap();
    let release = server.published(&one.1.tag).unwrap();
    let sizes: Vec<u64> = release.assets.iter().map(|asset| asset.size).collect();
    assert_eq!(sizes[..3], [1000, 1000, 500]);
    assert_eq!(release.assets[0].name, format!("{}.tar.zst.000", one.1.tag));
    assert_eq!(release.assets[3].name, format!("{}.json", one.1.tag));
    assert_eq!(release.make_latest, "false");
    // All may read what is public.
    CacheLab::releases_with(&server, None, PART).has(&one);
}

#[test]
fn a_directory_that_was_meddled_with_is_corrupt() {
    let lab = CacheLab::directory();
    let one = lab.archive("1", 2500);
    let tag = &one.1.tag;
    let file = |end: &str| {
        let names = lab.names("cache");
        let name = names.iter().find(|name| name.ends_with(end)).unwrap();
        lab.path("cache").join(name)
    };
    let other = noise(2501)[1..].to_vec();
    let meddles: [&dyn Fn(); 6] = [
        &|| std::fs::write(file(".json"), "{").unwrap(),
        &|| std::fs::write(file(".json"), vec![b' '; 3 << 20]).unwrap(),
        &|| std::fs::remove_file(file(".zst")).unwrap(),
        &|| std::fs::write(file(".zst"), "short").unwrap(),
        &|| std::fs::write(file(".zst"), &other).unwrap(),
        &|| {
            std::fs::remove_file(file(".zst")).unwrap();
            let text = std::fs::read_to_string(file(".json")).unwrap();
            let name = format!("{tag}.{}.tar.zst", &one.1.sha256[..12]);
            std::fs::write(file(".json"), text.replace(&name, "../../etc/passwd")).unwrap();
        },
    ];
    for (number, meddle) in meddles.iter().enumerate() {
        assert_eq!(
            lab.put(&one, false).unwrap(),
            StoreResult::Stored,
            "{number}"
        );
        meddle();
        let found = lab.get(tag);
        if number != 4 {
            let error = found.unwrap_err();
            assert!(CorruptEntry::is(&error), "{number}: {error:#}");
        } else {
            // Only its digest tells, and that is for the reader to see.
            assert_eq!(found.unwrap(), other);
            assert_eq!(lab.put(&one, false).unwrap(), StoreResult::WasThere);
            lab.cache.remove(tag).unwrap();
        }
    }
    assert!(lab.cache.list().unwrap()[0].broken);
    lab.cache.prune(5).unwrap();
    assert_eq!(lab.names("cache"), [""; 0]);
}

#[test]
fn releases_that_were_meddled_with_are_corrupt() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 2500);
    let meddles: [&dyn Fn(&mut crate::overlay::server::Release); 5] = [
        &|release| drop(release.assets.remove(3)),
        &|release| drop(release.assets.remove(1)),
        &|release| release.assets[0].state = "starter".into(),
        &|release| release.assets[0].bytes[5] ^= 1,
        &|release| release.assets[3].bytes.fill(b' '),
    ];
    for (number, meddle) in meddles.iter().enumerate() {
        assert_eq!(
            lab.put(&one, true).unwrap(),
            StoreResult::Stored,
            "{number}"
        );
        meddle(&mut server.state().releases[0]);
        let error = lab.get(&one.1.tag).unwrap_err();
        assert!(CorruptEntry::is(&error), "{number}: {error:#}");
    }
    // The old one was there until the new was complete.
    assert_eq!(lab.put(&one, false).unwrap(), StoreResult::Stored);
    lab.has(&one);
    assert_eq!(server.state().releases.len(), 1);
}

#[test]
fn an_upload_that_broke_off_is_gone_on_with() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 4500);
    server.times(5, "POST", ".tar.zst.002", Answer::HangUp(100));
    assert!(lab.put(&one, false).is_err());
    assert_eq!(server.published(&one.1.tag).map(|release| release.id), None);
    assert_eq!(lab.cache.find(&one.1.tag).unwrap(), None);
    let draft = server.drafts().remove(0);
    assert_eq!(draft.assets.len(), 3);
    // The last of them did not arrive whole, and what the second holds is not ours.
    assert_eq!(draft.assets[2].state, "starter");
    server.state().releases[0].assets[1].digest = "0".repeat(64);
    server.forget();
    assert_eq!(lab.put(&one, false).unwrap(), StoreResult::Stored);
    lab.has(&one);
    assert_eq!(server.count("POST", ".000"), 0);
    assert_eq!(server.count("POST", ".001"), 1);
    assert_eq!(server.count("POST", ".002"), 1);
    assert!(server.drafts().is_empty());
}

#[test]
fn an_upload_whose_answer_is_lost_is_not_made_again() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 1500);
    server.next("POST", ".tar.zst.001", Answer::Lost);
    server.next("POST", ".tar.zst.000", Answer::HangUp(10));
    server.next("POST", ".tar.zst.000", Answer::status(502));
    let count = Arc::new(AtomicU64::new(0));
    let put = lab.cache.put(&one.0, &one.1, false, &count).unwrap();
    assert_eq!(put, StoreResult::Stored);
    assert_eq!(server.count("POST", ".000"), 3);
    assert_eq!(server.count("POST", ".001"), 1);
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 1500);
    lab.has(&one);
}

#[test]
fn the_old_release_stays_until_the_new_is_complete() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let (one, other) = (lab.archive("1", 1500), lab.archive("1", 1600));
    lab.put(&one, false).unwrap();
    server.next("POST", ".tar.zst.001", Answer::status(422));
    assert!(lab.put(&other, true).is_err());
    lab.has(&one);
    assert_eq!(lab.put(&other, true).unwrap(), StoreResult::Stored);
    lab.has(&other);
}

#[test]
fn drafts_are_found_behind_many_releases() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 1500);
    server.times(5, "POST", ".tar.zst.001", Answer::status(500));
    assert!(lab.put(&one, false).is_err());
    let mut other = server.drafts().remove(0);
    other.draft = false;
    for number in 0..250 {
        other.id = 10_000 + number;
        other.tag = format!("v{number}");
        server.state().releases.push(other.clone());
    }
    server.forget();
    assert_eq!(lab.put(&one, false).unwrap(), StoreResult::Stored);
    assert_eq!(server.count("POST", ".000"), 0);
    assert_eq!(server.count("GET", "/releases?"), 3);
    assert_eq!(lab.cache.list().unwrap().len(), 1);
}

#[test]
fn a_draft_that_another_run_took_over_is_left_alone() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 1500);
    server.next(
        "POST",
        ".tar.zst.001",
        Answer::Late(std::time::Duration::from_millis(300)),
    );
    std::thread::scope(|scope| {
        let first = scope.spawn(|| lab.put(&one, false).unwrap());
        crate::common::wait_until("the second part", || server.count("POST", ".001") == 1);
        let second = CacheLab::releases(&server).put(&one, false).unwrap();
        let both = [first.join().unwrap(), second];
        assert!(both.contains(&StoreResult::Stored), "{both:?}");
    });
    lab.has(&one);
    assert_eq!(server.state().releases.len(), 1);
}

#[test]
fn many_at_once() {
    let server = server();
    let directory = CacheLab::directory();
    let one = directory.archive("1", 30_000);
    let other = directory.archive("1", 40_000);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (directory, one, other) = (&directory, &one, &other);
            scope.spawn(move || {
                for _ in 0..10 {
                    directory
                        .put(if number % 2 == 0 { one } else { other }, true)
                        .unwrap();
                    let bytes = directory.get(&one.1.tag);
                    // Between finding and opening it another may have taken its place.
                    assert!(
                        bytes
                            .as_ref()
                            .map_or_else(CorruptEntry::is, |bytes| bytes.len() % 10_000 == 0)
                    );
                }
            });
        }
    });
    assert_eq!(
        directory.names("cache").len(),
        2,
        "{:?}",
        directory.names("cache")
    );
    assert!(directory.get(&one.1.tag).is_ok());
    let shelves: Vec<CacheLab> = (0..3).map(|_| CacheLab::releases(&server)).collect();
    let one = shelves[0].archive("2", 3000);
    std::thread::scope(|scope| {
        for lab in &shelves {
            scope.spawn(|| lab.put(&one, false));
        }
    });
    shelves[0].put(&one, false).unwrap();
    shelves[0].has(&one);
    let published = server
        .state()
        .releases
        .iter()
        .filter(|release| !release.draft)
        .count();
    assert_eq!(published, 1);
}

#[test]
fn a_download_that_broke_off_is_gone_on_with() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 2500);
    lab.put(&one, false).unwrap();
    let second = server.published(&one.1.tag).unwrap().assets[1].id;
    let second = format!("/storage/{second}?");
    server.times(5, "GET", &second, Answer::Cut(100));
    assert!(lab.get(&one.1.tag).is_err());
    assert_eq!(lab.names("downloads").len(), 1);
    server.forget();
    lab.has(&one);
    let seen = server.seen();
    let again = seen
        .iter()
        .find(|seen| seen.path.contains(&second))
        .unwrap();
    assert_eq!(again.headers["range"], "bytes=500-");
    assert_eq!(lab.names("downloads"), [""; 0]);
    // What is there of another run is no beginning of it.
    let broken = lab.path("downloads").join(&one.1.sha256);
    for len in [1500, 2500, 9000] {
        std::fs::write(&broken, vec![0; len]).unwrap();
        lab.has(&one);
    }
    std::fs::write(&broken, vec![0; 500]).unwrap();
    lab.has(&one);
    // A part that is shorter than it was.
    server.next("GET", &second, Answer::Short(10));
    assert!(lab.get(&one.1.tag).is_err());
    lab.has(&one);
}

#[test]
fn refusals_say_what_to_do() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 10);
    let hint = |error: &anyhow::Error| git_dkr::report::hint(error).unwrap_or_default();
    let mut told = Vec::new();
    let mut tell = |what: &str, error: anyhow::Error| {
        let text = format!("{what}: {error:#}\n  {}", hint(&error));
        assert!(!text.contains("gho_") && !hint(&error).is_empty(), "{text}");
        told.push(text.replace(&server.api(), "[API]"));
    };
    let anonymous = CacheLab::releases_with(&server, None, PART);
    tell("no token", anonymous.put(&one, false).unwrap_err());
    let wrong = CacheLab::releases_with(&server, Some("gho_wrong"), PART);
    tell("bad token", wrong.cache.find(&one.1.tag).unwrap_err());
    server.state().read_only = true;
    tell("may read", lab.put(&one, false).unwrap_err());
    server.state().private = true;
    tell("private", anonymous.cache.find(&one.1.tag).unwrap_err());
    server.state().repos.clear();
    tell("no repository", lab.cache.find(&one.1.tag).unwrap_err());
    tell("no repository", lab.cache.list().unwrap_err());
    *server.state() = crate::overlay::server::State::default();
    server.repo("ada/things");
    let empty = r#"{"message":"Repository is empty."}"#.to_owned();
    server.next(
        "PATCH",
        "/releases/",
        Answer::Status(422, Vec::new(), empty),
    );
    tell("empty", lab.put(&one, false).unwrap_err());
    server.token_stayed();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn uploads_go_to_the_api_alone() {
    let server = server();
    let lab = CacheLab::releases(&server);
    let one = lab.archive("1", 10);
    let body = serde_json::json!({
        "id": 1, "tag_name": one.1.tag, "draft": true, "published_at": null, "assets": [],
        "upload_url": server.elsewhere("/up{?name,label}"),
    });
    server.next(
        "POST",
        "/releases",
        Answer::Status(201, Vec::new(), body.to_string()),
    );
    let error = lab.put(&one, false).unwrap_err();
    assert!(error.to_string().contains("another host"), "{error:#}");
    assert_eq!(server.count("POST", "/up"), 0);
}

#[test]
fn places_open() {
    let place = CacheLocation::parse("dir:/nowhere/at/all").unwrap();
    let cache = SnapshotCache::open(&place, Printer::default()).unwrap();
    assert_eq!(cache.list().unwrap(), []);
    assert_eq!(
        cache.find(&format!("layer-{}", "1".repeat(64))).unwrap(),
        None
    );
    assert_eq!(cache.prune(0).unwrap(), []);
    cache.remove("layer-x").unwrap();
    assert!(!Path::new("/nowhere").exists());
}

#[test]
fn what_a_dead_run_left_is_swept() {
    let lab = CacheLab::directory();
    let one = lab.archive("1", 10);
    lab.put(&one, false).unwrap();
    let cache = lab.path("cache");
    let orphan = cache.join(format!(
        "layer-{}.{}.tar.zst",
        "2".repeat(64),
        "0".repeat(12)
    ));
    let (old, new, alive) = (
        cache.join(".tmp-old"),
        cache.join(".tmp-new"),
        cache.join(".tmp-alive"),
    );
    for file in [&orphan, &old, &new, &alive] {
        std::fs::write(file, "x").unwrap();
    }
    let held = std::fs::File::options().write(true).open(&alive).unwrap();
    held.lock().unwrap();
    let age = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    held.set_modified(age).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(age)
        .unwrap();
    let reading = lab
        .cache
        .get(
            &lab.cache.find(&one.1.tag).unwrap().unwrap(),
            &Arc::default(),
        )
        .unwrap();
    assert_eq!(lab.cache.prune(0).unwrap(), []);
    assert!(reading.path().exists());
    assert!(!orphan.exists() && !old.exists() && new.exists() && alive.exists());
    drop(reading);
    assert_eq!(lab.cache.prune(0).unwrap().len(), 1);
    let server = server();
    let lab = CacheLab::releases(&server);
    server.times(10, "POST", "/assets?", Answer::status(500));
    for digit in ["1", "2"] {
        assert!(lab.put(&lab.archive(digit, 10), false).is_err());
    }
    server.state().releases[0].body =
        r#"{"sha256":"","run":"","at":"2020-01-01T00:00:00Z"}"#.into();
    let others = crate::overlay::server::Release {
        id: 999,
        body: "Notes of somebody.".into(),
        ..server.drafts().remove(0)
    };
    server.state().releases.push(others);
    lab.cache.prune(5).unwrap();
    assert_eq!(server.drafts().len(), 2);
}

/// Memory stays small: what is sent and received goes through, a piece at a time.
#[test]
fn archives_stream() {
    let server = server();
    let lab = CacheLab::releases_with(&server, Some(TOKEN), 200 << 20);
    let path = lab.path("large");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(300 << 20).unwrap();
    let (size, sha256) = digest::of_reader(std::fs::File::open(&path).unwrap()).unwrap();
    let made = "2026-01-02T03:04:05Z".parse().unwrap();
    let index = Index::new(None, &"1".repeat(64), &sha256, size, made);
    let before = most_memory();
    lab.put(&(path, index), false).unwrap();
    let grown = most_memory() - before;
    assert!(grown < 100 << 20, "{grown}");
}

/// The most memory that this process ever had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

#[test]
fn a_full_disk_leaves_the_old_entry() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("cache");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "none"])
        .arg(&disk)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED a_full_disk_leaves_the_old_entry: may not mount");
        return;
    }
    let cache = SnapshotCache::Directory(DirectoryCache::new(&disk, Printer::default()));
    let lab = CacheLab { directory, cache };
    let (small, large) = (lab.archive("1", 10_000), lab.archive("1", 90_000));
    let stored = lab.put(&small, false);
    let failed = lab.put(&large, true);
    let bytes = lab.get(&small.1.tag);
    let names = lab.names("cache");
    assert!(
        Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(stored.unwrap(), StoreResult::Stored);
    let error = failed.unwrap_err();
    assert!(git_dkr::report::hint(&error).is_some(), "{error:?}");
    assert_eq!(bytes.unwrap().len(), 10_000);
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Killed without a word, a writer leaves the old entry or the new one, and what it leaves besides is
/// swept.
#[test]
fn a_writer_that_is_killed_leaves_an_entry() {
    let lab = CacheLab::directory();
    let one = lab.archive("1", 300_000);
    lab.put(&one, false).unwrap();
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "overlay::caches::writes_until_it_is_killed",
                "--ignored",
            ])
            .env("DKR_TEST_SHELF", lab.directory.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        crate::common::wait_until("a writer", || {
            lab.path(&format!("began-{}", child.id())).exists()
        });
        std::thread::sleep(std::time::Duration::from_millis(round * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        let len = lab.get(&one.1.tag).unwrap().len();
        assert!(len == 300_000 || len == 200_000, "{len}");
    }
    let age = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    for name in lab
        .names("cache")
        .iter()
        .filter(|name| name.starts_with(".tmp"))
    {
        let file = std::fs::File::options()
            .write(true)
            .open(lab.path("cache").join(name));
        file.unwrap().set_modified(age).unwrap();
    }
    lab.cache.prune(1).unwrap();
    assert_eq!(lab.names("cache").len(), 2, "{:?}", lab.names("cache"));
    assert!(lab.get(&one.1.tag).is_ok());
}

#[test]
#[ignore = "the other half of the test above, which starts and kills it"]
fn writes_until_it_is_killed() {
    let lab = std::path::PathBuf::from(std::env::var_os("DKR_TEST_SHELF").unwrap());
    let own = CacheLab {
        directory: tempfile::tempdir_in(&lab).unwrap(),
        cache: SnapshotCache::Directory(DirectoryCache::new(
            &lab.join("cache"),
            Printer::default(),
        )),
    };
    let archives = [own.archive("1", 200_000), own.archive("1", 300_000)];
    std::fs::write(lab.join(format!("began-{}", std::process::id())), "").unwrap();
    loop {
        for (archive, index) in &archives {
            own.cache
                .put(archive, index, true, &Arc::default())
                .unwrap();
        }
    }
}
