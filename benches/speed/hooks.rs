//! What our hooks cost git.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::site::Site;
use super::{Claim, Row, medians};

/// An upstream and two clones of it, one of them with our hooks.
struct Clones<'a> {
    site: &'a Site,
    with: PathBuf,
    without: PathBuf,
}

impl<'a> Clones<'a> {
    fn new(site: &'a Site) -> Self {
        let directory = site.directory.path();
        let clones = Self {
            site,
            with: directory.join("with"),
            without: directory.join("without"),
        };
        for clone in [&clones.with, &clones.without] {
            site.git(&["clone", "-q", ".", clone.to_str().unwrap()]);
        }
        let with = clones.with.to_str().unwrap();
        site.dkr(&["hooks", "install", with]);
        site.dkr(&["create-image", with, "origin/main"]);
        clones
    }

    fn fetch(&self, clone: &Path) {
        let mut git = Command::new("git");
        git.arg("-C").arg(clone).args(["fetch", "-q"]);
        assert!(git.stderr(Stdio::null()).status().unwrap().success());
    }
}

/// A fetch of a ref that no image follows, one that brings news of an image, one that brings
/// nothing, and the call of the hook that concerns nobody.
pub fn rows(site: &Site) -> [Row; 4] {
    let clones = Clones::new(site);
    let fetched = || {
        medians(
            21,
            || {
                site.commit();
                clones.fetch(&clones.with);
            },
            || {
                site.commit();
                clones.fetch(&clones.without);
            },
        )
    };
    let news = fetched();
    let watch = clones.with.join(".git/dkr/watch");
    std::fs::write(watch, "refs/remotes/origin/other\n").unwrap();
    let other = fetched();
    clones.fetch(&clones.with);
    clones.fetch(&clones.without);
    let nothing = medians(
        21,
        || clones.fetch(&clones.with),
        || clones.fetch(&clones.without),
    );
    let call = clones.call();
    let row = |what, (ours, theirs), claim| Row {
        what,
        ours,
        theirs,
        claim,
    };
    let more = |ms| Claim::More(Duration::from_millis(ms));
    [
        row("git fetch of a ref, with hooks | without", other, more(5)),
        row("the same of a ref with an image", news, more(5)),
        row(
            "git fetch of nothing, with hooks | without",
            nothing,
            more(1),
        ),
        row(
            "a call of the hook that is no concern | sh",
            call,
            Claim::Most(Duration::from_micros(1200)),
        ),
    ]
}

impl Clones<'_> {
    /// The hook for a ref that nobody watches, and a shell that does nothing.
    fn call(&self) -> (Duration, Duration) {
        let hook = self.with.join(".git/hooks/reference-transaction");
        let id = self.site.git(&["rev-parse", "HEAD"]);
        let line = format!("{0} {0} refs/heads/x\n", id.trim());
        let input = self.site.directory.path().join("line");
        std::fs::write(&input, line).unwrap();
        // Many at a time, as one is over too soon to be measured.
        let run = |file: &Path| {
            let began = Instant::now();
            // Git calls it twice for each change.
            for state in ["prepared", "committed"].iter().cycle().take(20) {
                let mut cmd = Command::new(file);
                cmd.arg(state).current_dir(&self.with);
                cmd.stdin(std::fs::File::open(&input).unwrap());
                assert!(cmd.status().unwrap().success());
            }
            began.elapsed() / 20
        };
        let empty = self.site.directory.path().join("empty");
        std::fs::write(&empty, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&empty, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..9 {
            times[0].push(run(&hook));
            times[1].push(run(&empty));
        }
        times.iter_mut().for_each(|times| times.sort());
        (times[0][4], times[1][4])
    }
}
