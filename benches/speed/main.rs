//! What the README claims about speed, each beside what a user would do instead, in one run:
//! ratios, as machines differ. Prints a table and asserts nothing. `make bench`.
//!
//! `BENCH_REPO=path` measures with that repository instead of a generated one. `cargo bench -- layers`
//! measures layers, which take a quarter of an hour, and nothing else; `-- overlay` snapshots alone;
//! `-- large` what a large repository costs, for which git's own is a good one; `-- networks` what comes to a
//! container without the host's network; `-- proxy` what comes to a sandbox; `-- containers` what containers in
//! the background cost.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod containers;
mod history;
mod hooks;
mod large;
mod layers;
mod networks;
mod overlay;
mod proxy;
mod site;

use std::time::{Duration, Instant};

use site::{Site, Sshd};

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    if std::env::args().any(|arg| arg == "overlay") {
        print(overlay::rows());
        return;
    }
    if std::env::args().any(|arg| arg == "proxy") {
        print(vec![proxy::row()]);
        return;
    }
    let site = Site::new();
    if std::env::args().any(|arg| arg == "layers") {
        print(layers::rows(&site));
        return;
    }
    if std::env::args().any(|arg| arg == "large") {
        print(large::rows(&site));
        return;
    }
    if std::env::args().any(|arg| arg == "containers") {
        print(containers::rows(&site));
        return;
    }
    if std::env::args().any(|arg| arg == "networks") {
        print(networks::rows(&site));
        return;
    }
    let mut rows = networks::start(&site);
    rows.extend([
        nothing_to_do(&site),
        list(&site),
        create(&site),
        clone(&site),
    ]);
    rows.extend(containers::rows(&site));
    rows.extend(hooks::rows(&site));
    rows.extend(history::check(&site));
    rows.extend(overlay::rows());
    rows.push(proxy::row());
    print(rows);
}

fn print(rows: Vec<Row>) {
    println!("\n{:<48} {:>9} {:>9}   claimed", "", "git dkr", "instead");
    for row in rows {
        row.print();
    }
}

/// Two ways to the same end, and what is claimed of them.
struct Row {
    what: &'static str,
    ours: Duration,
    theirs: Duration,
    claim: Claim,
}

enum Claim {
    /// At most this many times.
    Times(f64),
    /// At most this much more.
    More(Duration),
    /// At most this long.
    Most(Duration),
}

impl Row {
    fn print(&self) {
        let (ours, theirs) = (self.ours.as_secs_f64(), self.theirs.as_secs_f64());
        let (holds, claim) = match self.claim {
            Claim::Times(limit) => {
                let ratio = ours / theirs;
                (ratio <= limit, format!("{ratio:.2} times, at most {limit}"))
            }
            Claim::More(limit) => {
                let more = (ours - theirs) * 1e3;
                let limit = limit.as_secs_f64() * 1e3;
                (
                    more <= limit,
                    format!("{more:.0} ms more, at most {limit:.0}"),
                )
            }
            Claim::Most(limit) => {
                let limit = limit.as_secs_f64();
                let text = format!("{:.1} ms, at most {:.1}", ours * 1e3, limit * 1e3);
                (ours <= limit, text)
            }
        };
        let mark = if holds { "" } else { "  MISSED" };
        println!(
            "{:<48} {ours:>8.3}s {theirs:>8.3}s   {claim}{mark}",
            self.what
        );
    }
}

/// Medians of interleaved runs, so that a busy moment hits both.
fn medians(runs: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (Duration, Duration) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    ours();
    theirs();
    for _ in 0..runs {
        a.push(timed(&mut ours));
        b.push(timed(&mut theirs));
    }
    a.sort();
    b.sort();
    (a[runs / 2], b[runs / 2])
}

fn timed(run: &mut impl FnMut()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

fn nothing_to_do(site: &Site) -> Row {
    let (ours, theirs) = medians(
        21,
        || drop(site.dkr(&["create-image"])),
        || drop(site.docker(&["version"])),
    );
    Row {
        what: "create-image with nothing to do | docker version",
        ours,
        theirs,
        claim: Claim::Most(Duration::from_millis(100)),
    }
}

fn list(site: &Site) -> Row {
    let _many = site.many_images(200);
    let (ours, theirs) = medians(
        11,
        || drop(site.dkr(&["list-images"])),
        || drop(site.docker(&["images"])),
    );
    Row {
        what: "list-images | docker images, 200 images",
        ours,
        theirs,
        claim: Claim::Times(1.5),
    }
}

/// The same base, packages and branch; each run at a commit of its own, so that nothing is cached
/// from the clone on.
fn create(site: &Site) -> Row {
    let sshd = Sshd::start(site);
    let (ours, theirs) = medians(
        5,
        || {
            site.commit();
            site.dkr(&["create-image"]);
        },
        || {
            site.commit();
            site.build_by_hand(&sshd);
        },
    );
    Row {
        what: "create-image | git clone in a Dockerfile",
        ours,
        theirs,
        claim: Claim::Times(1.05),
    }
}

fn clone(site: &Site) -> Row {
    let sshd = Sshd::start(site);
    let (ours, theirs) = medians(5, || site.clone_embedded(), || site.clone_over(&sshd));
    Row {
        what: "clone over the embedded server | over sshd",
        ours,
        theirs,
        claim: Claim::Times(1.1),
    }
}
