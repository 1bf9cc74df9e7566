//! The log of a container: a line for each connection.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use rustix::fs::OFlags;

use super::counted::ByteCounts;
use super::host::HostPort;

/// From this size on a log is set aside, under its name with `.1` behind; one that was there is dropped.
pub(super) const LONGEST_LOG: u64 = 4 << 20;
/// The most of a value that is written.
const LONGEST_VALUE: usize = 300;

/// A container's log.
#[derive(Debug)]
pub(crate) struct EgressLog {
    path: PathBuf,
    file: Mutex<File>,
    limit: u64,
}

impl EgressLog {
    /// Opens a log to append to it, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write the log {}", path.display());
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).with_context(cannot)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(append_to(path).with_context(cannot)?),
            limit: LONGEST_LOG,
        })
    }

    /// Appends a line as one write, so that two processes do not mix theirs. What cannot be written is lost:
    /// a container goes on when the disk is full.
    fn append(&self, line: &str) {
        let Ok(mut file) = self.file.lock() else {
            return;
        };
        if self.is_full(&file)
            && let Ok(next) = self.next()
        {
            *file = next;
        }
        // Past twice the limit another file could not be made.
        let length = file.metadata().map_or(u64::MAX, |data| data.len());
        if length < 2 * self.limit {
            let _ = file.write_all(line.as_bytes());
        }
    }

    fn is_full(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|data| data.len() >= self.limit)
    }

    fn next(&self) -> std::io::Result<File> {
        let there = append_to(&self.path)?;
        // Another process may have set it aside already.
        if !self.is_full(&there) {
            return Ok(there);
        }
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        std::fs::rename(&self.path, aside)?;
        append_to(&self.path)
    }
}

/// Never through a symbolic link, and nothing but a file.
fn append_to(path: &Path) -> std::io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)?;
    let data = file.metadata()?;
    if data.is_file() && data.nlink() == 1 {
        Ok(file)
    } else {
        Err(std::io::Error::other("it is not a file of its own"))
    }
}

/// Whether something was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    Denied,
}

/// One connection or request, which is logged when this is dropped, whatever became of it.
#[derive(Debug)]
pub(super) struct LogEntry {
    log: Arc<EgressLog>,
    method: String,
    target: String,
    began: Instant,
    counts: Arc<ByteCounts>,
    /// What the connection had moved before.
    before: (u64, u64),
    verdict: Verdict,
    reason: String,
}

impl LogEntry {
    pub(super) fn new(log: &Arc<EgressLog>, method: &str, target: &str) -> Self {
        Self {
            log: Arc::clone(log),
            method: method.to_owned(),
            target: target.to_owned(),
            began: Instant::now(),
            counts: Arc::default(),
            before: (0, 0),
            verdict: Verdict::Allowed,
            reason: String::new(),
        }
    }

    /// What is asked for, once it is understood.
    pub(super) fn target(&mut self, target: &HostPort) {
        self.target = target.to_string();
    }

    /// From here on, the bytes of a connection are this entry's.
    pub(super) fn count(&mut self, counts: &Arc<ByteCounts>) {
        self.counts = Arc::clone(counts);
        self.before = (counts.up(), counts.down());
    }

    /// It was refused.
    pub(super) fn denied(&mut self, reason: &str) {
        self.verdict = Verdict::Denied;
        reason.clone_into(&mut self.reason);
    }

    /// It was allowed, and did not work.
    pub(super) fn failed(&mut self, reason: &str) {
        reason.clone_into(&mut self.reason);
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        let line = LogLine {
            verdict: self.verdict,
            method: &self.method,
            target: &self.target,
            up: self.counts.up() - self.before.0,
            down: self.counts.down() - self.before.1,
            took: self.began.elapsed(),
            reason: &self.reason,
        };
        self.log.append(&line.text(Timestamp::now()));
    }
}

/// What a line says.
pub(super) struct LogLine<'a> {
    pub verdict: Verdict,
    pub method: &'a str,
    pub target: &'a str,
    pub up: u64,
    pub down: u64,
    pub took: Duration,
    pub reason: &'a str,
}

impl LogLine<'_> {
    /// `2026-01-02T03:04:05.678Z allowed CONNECT example.com:443 up=1 down=2 ms=3 reason="…"`, with its end.
    pub(super) fn text(&self, at: Timestamp) -> String {
        let verdict = match self.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
        };
        let mut line = format!(
            "{} {verdict} {} {} up={} down={} ms={}",
            at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
            word(self.method),
            word(self.target),
            self.up,
            self.down,
            self.took.as_millis(),
        );
        if !self.reason.is_empty() {
            // A String takes whatever is written to it.
            let _ = write!(line, " reason=\"{}\"", quoted(self.reason));
        }
        line.push('\n');
        line
    }
}

/// One word, whatever a client sent.
fn word(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => quoted(text).replace(' ', "\\x20"),
    }
}

/// Printable ASCII on one line; all else is escaped.
fn quoted(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars().take(LONGEST_VALUE) {
        match letter {
            ' ' => escaped.push(' '),
            letter => escaped.extend(letter.escape_default()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(method: &str, target: &str, reason: &str) -> String {
        LogLine {
            verdict: Verdict::Denied,
            method,
            target,
            up: 1,
            down: 2,
            took: Duration::from_millis(3),
            reason,
        }
        .text("2026-01-02T03:04:05.0607Z".parse().unwrap())
    }

    #[test]
    fn lines() {
        assert_eq!(
            line(
                "CONNECT",
                "example.com:443",
                "it has a private address, 10.0.0.1"
            ),
            "2026-01-02T03:04:05.060Z denied CONNECT example.com:443 up=1 down=2 ms=3 \
             reason=\"it has a private address, 10.0.0.1\"\n"
        );
        assert_eq!(
            line("GET", "a\n2026 allowed é\" \u{1b}[31m", ""),
            "2026-01-02T03:04:05.060Z denied GET a\\n2026\\x20allowed\\x20\\u{e9}\\\"\\x20\\u{1b}[31m \
             up=1 down=2 ms=3\n"
        );
    }

    proptest! {
        #[test]
        fn one_line_of_as_many_words(method in ".*", target in ".*", reason in ".*") {
            let line = line(&method, &target, &reason);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(line.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let words: Vec<&str> = line.split(' ').collect();
            prop_assert_eq!((words[1], words[4], words[5]), ("denied", "up=1", "down=2"));
        }
    }

    #[test]
    fn a_log_is_of_limited_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log/c.log");
        let mut log = EgressLog::open(&path).unwrap();
        log.limit = 1000;
        let log = Arc::new(log);
        for number in 0..100 {
            LogEntry::new(&log, "GET", &format!("host{number}:80")).denied("no");
        }
        let mut files: Vec<_> = std::fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert_eq!(files, [path.clone(), path.with_extension("log.1")]);
        for file in &files {
            let text = std::fs::read_to_string(file).unwrap();
            assert!(
                text.len() < 1200 && text.ends_with("reason=\"no\"\n"),
                "{text}"
            );
            assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        }
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .contains(" host99:80 ")
        );
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.log");
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert!(EgressLog::open(&path).is_err());
    }
}
