//! What it costs a container not to share the host's network. `cargo bench -- networks`.

use std::fs::File;
use std::io::{Read, copy};
use std::time::Duration;

use super::site::Site;
use super::{Claim, Row, medians};

/// The bytes of a fetch, which do not compress.
const BYTES: u64 = 300_000_000;

pub fn rows(site: &Site) -> Vec<Row> {
    let mut rows = start(site);
    rows.push(fetch(site));
    rows
}

/// A container that does nothing, beside one that is started by hand in the same network.
pub fn start(site: &Site) -> Vec<Row> {
    let tag = site.dkr(&["create-image"]);
    let row = |what, network: &str| {
        let network = format!("--network={network}");
        let ours = ["start-image", ".", "main", &network, "--", "true"];
        let theirs = ["run", "--rm", &network, "--entrypoint", "true", tag.trim()];
        let (ours, theirs) = medians(21, || drop(site.dkr(&ours)), || drop(site.docker(&theirs)));
        Row {
            what,
            ours,
            theirs,
            claim: Claim::More(Duration::from_millis(150)),
        }
    };
    vec![
        row("start-image -- true | docker run, host", "host"),
        row("start-image -- true | docker run, bridge", "bridge"),
        row("start-image -- true | docker run, none", "none"),
    ]
}

/// A large branch that comes into a container over an exec, and over the host's network.
fn fetch(site: &Site) -> Row {
    site.dkr(&["create-image"]);
    site.git(&["checkout", "-q", "-b", "large"]);
    let mut random = File::open("/dev/urandom").unwrap().take(BYTES);
    copy(
        &mut random,
        &mut File::create(site.repo.join("large")).unwrap(),
    )
    .unwrap();
    site.git(&["add", "large"]);
    site.commit();
    site.git(&["checkout", "-q", "main"]);
    site.git(&["gc", "-q"]);
    let fetch = |network: &str| {
        let network = format!("--network={network}");
        let start = ["start-image", ".", "main", "--no-update", &network, "--"];
        let fetch = ["git", "fetch", "--quiet", "host", "large"];
        site.dkr(&[&start[..], &fetch].concat());
    };
    let (ours, theirs) = medians(5, || fetch("none"), || fetch("host"));
    Row {
        what: "fetch of 300 MB over an exec | over TCP",
        ours,
        theirs,
        claim: Claim::Times(1.25),
    }
}
