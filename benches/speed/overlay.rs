//! Snapshots of overlays, beside what tar does with the same tree: some 500 MB of this machine's own
//! files, so as to be of all sizes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use git_dkr::overlay::restore;
use git_dkr::overlay::snapshot::{self, About, Baseline, Exclusions, Machine, TakenSnapshot};
use git_dkr::ui::Printer;
use tempfile::TempDir;

use super::{Claim, Row, timed};

const BYTES: u64 = 500_000_000;
const ROUNDS: usize = 5;

pub fn rows() -> Vec<Row> {
    let bench = Bench::new();
    let mut all: [Vec<Duration>; 6] = Default::default();
    let mut taken = None;
    // The first round warms up.
    for round in 0..=ROUNDS {
        let before = Baseline::scan(&bench.path("empty"), &bench.left_out()).unwrap();
        let mut before = Some(before);
        let times = [
            timed(&mut || taken = Some(bench.take(before.take().unwrap()))),
            timed(&mut || bench.tar(&["-I", "zstd -T0", "-cf", "tar.zst", "tree"])),
            bench.time_in_empty(|| bench.restore(taken.as_ref().unwrap())),
            timed(&mut || bench.restore(taken.as_ref().unwrap())),
            bench.time_in_empty(|| bench.tar(&["--zstd", "-xf", "tar.zst", "-C", "fresh"])),
            bench.time_in_empty(|| {
                if round == 0 {
                    bench.tar(&["-czf", "tar.gz", "tree"]);
                }
                bench.tar(&["-xzf", "tar.gz", "-C", "fresh"]);
            }),
        ];
        for (all, time) in all.iter_mut().zip(times).filter(|_| round > 0) {
            all.push(time);
        }
    }
    let [take, tar_zstd, restore, nothing, untar_zstd, untar_gzip] = all.map(|mut times| {
        times.sort();
        times[ROUNDS / 2]
    });
    let size = |name: &str| bench.path(name).metadata().unwrap().len() as f64 / 1e6;
    println!(
        "packed: {:.1} MB, by tar {:.1} MB",
        size("archive"),
        size("tar.zst")
    );
    let row = |what, ours, theirs, claim| Row {
        what,
        ours,
        theirs,
        claim,
    };
    vec![
        row(
            "snapshot of 500 MB | tar with zstd -T0",
            take,
            tar_zstd,
            Claim::Times(1.0),
        ),
        row(
            "restore of it | tar --zstd -x",
            restore,
            untar_zstd,
            Claim::Times(1.0),
        ),
        row(
            "restore of it | tar xzf",
            restore,
            untar_gzip,
            Claim::Times(0.5),
        ),
        row(
            "restore with nothing to do | tar --zstd -x",
            nothing,
            untar_zstd,
            Claim::Most(Duration::from_secs(1)),
        ),
        row(
            "overlay key | sha256sum",
            bench.median(env!("CARGO_BIN_EXE_git-dkr"), &["overlay", "key"]),
            bench.median("sha256sum", &["Containerfile"]),
            Claim::Most(Duration::from_millis(20)),
        ),
    ]
}

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        fs::create_dir(bench.path("empty")).unwrap();
        bench.fill();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn left_out(&self) -> Exclusions {
        Exclusions::new(&self.path("tree"), None, &[])
    }

    /// Each so-manieth file of the machine's programs.
    fn fill(&self) {
        let mut files = Vec::new();
        list(Path::new("/usr"), &mut files);
        files.sort();
        let all: u64 = files.iter().map(|(_, size)| size).sum();
        let step = usize::try_from(all / BYTES).unwrap().max(1);
        for (path, _) in files.iter().step_by(step) {
            let to = self.path("tree").join(path.strip_prefix("/").unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            let _ = fs::copy(path, to);
        }
    }

    fn take(&self, before: Baseline) -> TakenSnapshot {
        let root = self.path("tree");
        let machine = Machine::of(&root);
        let about = About {
            key: "0".repeat(64),
            arch: machine.arch,
            os: machine.os,
            workdir: "/".to_owned(),
            ..About::default()
        };
        let to = self.path("archive");
        let subject = snapshot::SnapshotSubject {
            root: &root,
            left_out: &self.left_out(),
            also: &[],
            about,
            source_date: None,
            printer: Printer::default(),
        };
        snapshot::create(before, subject, &to).unwrap()
    }

    fn restore(&self, taken: &TakenSnapshot) {
        let (root, state) = (self.path("fresh"), self.path("state"));
        let expected = restore::Expected {
            key: &taken.manifest.about.key,
            sha256: &taken.sha256,
        };
        restore::restore(
            &root,
            &state,
            &self.path("archive"),
            expected,
            Printer::default(),
        )
        .unwrap();
    }

    /// The time of what fills an empty root; it is emptied outside of it.
    fn time_in_empty(&self, mut run: impl FnMut()) -> Duration {
        for directory in ["fresh", "state"].map(|name| self.path(name)) {
            let _ = fs::remove_dir_all(&directory);
            fs::create_dir(directory).unwrap();
        }
        timed(&mut run)
    }

    /// Of a program in a directory with a Containerfile.
    fn median(&self, program: &str, args: &[&str]) -> Duration {
        fs::write(self.path("Containerfile"), "RUN true\n").unwrap();
        let run = || {
            let mut command = Command::new(program);
            command.args(args).current_dir(self.0.path());
            timed(&mut || drop(command.output().unwrap()))
        };
        let mut times: Vec<Duration> = (0..=2 * ROUNDS).map(|_| run()).collect();
        times.sort();
        times[ROUNDS]
    }

    fn tar(&self, args: &[&str]) {
        let done = Command::new("tar")
            .args(args)
            .current_dir(self.0.path())
            .status();
        assert!(done.unwrap().success());
    }
}

fn list(directory: &Path, files: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            list(&entry.path(), files);
        } else if meta.is_file() {
            files.push((entry.path(), meta.len()));
        }
    }
}
