//! How far an image is behind, in a repository of a long history: generated, with a commit-graph,
//! and removed when dropped.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use git_dkr::git::ObjectId;

use super::site::Site;
use super::{Claim, Row, medians};

/// A bare repository of empty trees: of each seven commits three are on `main`, one of them a
/// merge, and four on a branch that began up to forty commits before.
pub struct Long {
    directory: tempfile::TempDir,
    /// The ids of the commits on the first-parent line of `main`, the oldest first, each with how
    /// many commits were made up to it.
    pub main: Vec<(usize, ObjectId)>,
}

impl Long {
    pub fn new(commits: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut long = Self {
            directory,
            main: Vec::new(),
        };
        long.git(&["init", "-q", "--bare"]);
        let (stream, main) = stream(commits);
        let marks = long.path().join("marks");
        let export = format!("--export-marks={}", marks.display());
        let mut child = long
            .command(&["fast-import", "--quiet", &export])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(stream.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
        long.git(&["commit-graph", "write", "--reachable", "--no-progress"]);
        let mut ids = vec![None; commits + 8];
        for line in std::fs::read_to_string(marks).unwrap().lines() {
            let (mark, id) = line[1..].split_once(' ').unwrap();
            ids[mark.parse::<usize>().unwrap()] = ObjectId::parse(id);
        }
        let id = |mark: usize| (mark, ids[mark].clone().unwrap());
        long.main = main.into_iter().map(id).collect();
        long
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// The tip of `main`, and the commit of its line that is about so many behind it.
    pub fn behind(&self, count: usize) -> (&ObjectId, &ObjectId) {
        let (made, tip) = self.main.last().unwrap();
        let at = self.main.partition_point(|(mark, _)| mark + count < *made);
        (tip, &self.main[at].1)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(self.directory.path()).args(args);
        command
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = self
            .command(args)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// For `git fast-import`, and the marks of the commits on the line of `main`.
fn stream(commits: usize) -> (String, Vec<usize>) {
    let mut stream = String::with_capacity(commits * 110);
    let mut made = 0;
    let mut commit = |from: Option<usize>, merge: Option<usize>| {
        made += 1;
        let date = 1_000_000_000 + made * 60;
        write!(
            stream,
            "commit refs/heads/main\nmark :{made}\ncommitter B <b@e> {date} +0000\ndata 0\n"
        )
        .unwrap();
        for (word, mark) in [("from", from), ("merge", merge)] {
            if let Some(mark) = mark {
                writeln!(stream, "{word} :{mark}").unwrap();
            }
        }
        made
    };
    let mut main = vec![commit(None, None)];
    // A linear congruential generator (Knuth, MMIX).
    let mut state = 1u64;
    while main[main.len() - 1] < commits {
        for _ in 0..2 {
            main.push(commit(main.last().copied(), None));
        }
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let back = 1 + (state >> 33) as usize % 40;
        let mut side = main[main.len().saturating_sub(back)];
        for _ in 0..4 {
            side = commit(Some(side), None);
        }
        main.push(commit(main.last().copied(), Some(side)));
    }
    let tip = main[main.len() - 1];
    write!(stream, "reset refs/heads/main\nfrom :{tip}\n\n").unwrap();
    (stream, main)
}

/// `git dkr check` of one image that is very far behind: for the first time, and when that was
/// found out before.
pub fn check(site: &Site) -> [Row; 2] {
    let long = Long::new(500_000);
    let (tip, old) = long.behind(350_000);
    let range = format!("{old}..{tip}");
    let _image = site.image_at(&long.path(), "main", old.as_str());
    let path = long.path();
    let far = path.join("dkr/far");
    let path = path.to_str().unwrap();
    let checked = |forget: bool| {
        medians(
            11,
            || {
                if forget {
                    let _ = std::fs::remove_file(&far);
                }
                let said = site.dkr(&["check", path]);
                assert!(said.contains("10,000+ commits behind main"), "{said}");
            },
            || drop(long.git(&["rev-list", "--count", &range])),
        )
    };
    let row = |what, (ours, theirs)| Row {
        what,
        ours,
        theirs,
        claim: Claim::Most(Duration::from_millis(10)),
    };
    [
        row(
            "first check, 350,000 behind | rev-list --count",
            checked(true),
        ),
        row(
            "check, 350,000 behind | git rev-list --count",
            checked(false),
        ),
    ]
}
