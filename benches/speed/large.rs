//! What a large repository costs: its first image beside a clone in a Dockerfile and beside loading the
//! same files as a ready layer; a second branch; an update. Then the bytes of an update's layer, and
//! the memory that serving takes. `cargo bench -- large`.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::site::{Site, Sshd};
use super::{Claim, Row, timed};

/// Rounds, as each clones the repository several times.
const ROUNDS: usize = 3;
/// An image by hand, and the one that is loaded.
const LOADED: &str = "dkr-bench-loaded:1";

pub fn rows(site: &Site) -> Vec<Row> {
    site.lengthen(300);
    let sshd = Sshd::start(site);
    site.build_by_hand(&sshd);
    create(site, &[]);
    let mut times = Times::default();
    for round in 0..ROUNDS {
        times.by_hand.push(timed(&mut || {
            site.commit();
            site.build_by_hand(&sshd);
        }));
        site.git(&["repack", "-adq", "--no-write-bitmap-index"]);
        times.plain.push(timed(&mut || create(site, &[])));
        site.git(&["repack", "-adbq"]);
        times
            .all
            .push(timed(&mut || create(site, &["--objects=all"])));
        times.bitmap.push(timed(&mut || create(site, &[])));
        times.load.push(load(site, round));
        let (second, update) = (back(site, 200), back(site, 100));
        times.second.push(timed(&mut || {
            ahead(site, &format!("second-{round}"), &second)
        }));
        times.update.push(updated(site, round, &update));
        times.rebase.push(rebased(site, &sshd, &update));
    }
    layer(site);
    memory(site);
    times.rows()
}

#[derive(Default)]
struct Times {
    by_hand: Vec<Duration>,
    plain: Vec<Duration>,
    all: Vec<Duration>,
    bitmap: Vec<Duration>,
    load: Vec<Duration>,
    second: Vec<Duration>,
    update: Vec<Duration>,
    rebase: Vec<Duration>,
}

impl Times {
    fn rows(self) -> Vec<Row> {
        let median = |mut times: Vec<Duration>| {
            times.sort();
            times[times.len() / 2]
        };
        let (by_hand, bitmap) = (median(self.by_hand), median(self.bitmap));
        let row = |what, ours, theirs, limit| Row {
            what,
            ours,
            theirs,
            claim: Claim::Times(limit),
        };
        vec![
            row(
                "create, with a bitmap | git clone in a Dockerfile",
                bitmap,
                by_hand,
                0.2,
            ),
            row(
                "create --objects all | the same",
                median(self.all),
                by_hand,
                0.2,
            ),
            row(
                "create, without a bitmap | the same",
                median(self.plain),
                by_hand,
                0.5,
            ),
            row(
                "create, with a bitmap | docker load",
                bitmap,
                median(self.load),
                1.2,
            ),
            row(
                "a branch 200 commits away | git clone",
                median(self.second),
                by_hand,
                0.05,
            ),
            row(
                "update by 100 commits | fetch, rebase",
                median(self.update),
                median(self.rebase),
                0.5,
            ),
        ]
    }
}

/// A whole image of main, at a commit of its own.
fn create(site: &Site, options: &[&str]) {
    site.commit();
    site.dkr(&[&["create-image", "main", "--from=none"], options].concat());
}

/// The commit that main is this many commits ahead of, or a few more.
fn back(site: &Site, count: usize) -> String {
    let ahead = |steps: usize| -> usize {
        let range = format!("main~{steps}..main");
        let counted = site.git(&["rev-list", "--count", &range]);
        counted.trim().parse().unwrap()
    };
    let steps = (1..).find(|steps| ahead(*steps) >= count).unwrap();
    site.git(&["rev-parse", &format!("main~{steps}")])
        .trim()
        .to_owned()
}

/// The image of a new branch that begins at a commit and goes a way of its own.
fn ahead(site: &Site, branch: &str, from: &str) {
    let tree = format!("{from}^{{tree}}");
    let tip = site.git(&["commit-tree", &tree, "-p", from, "-m", branch]);
    site.git(&["branch", "-f", branch, tip.trim()]);
    site.dkr(&["create-image", branch]);
}

fn updated(site: &Site, round: usize, from: &str) -> Duration {
    let branch = format!("update-{round}");
    site.git(&["branch", "-f", &branch, from]);
    site.dkr(&["create-image", &branch]);
    site.git(&["branch", "-f", &branch, "main"]);
    timed(&mut || drop(site.dkr(&["update-image", &branch])))
}

/// The same by hand, on a clone that was made by hand.
fn rebased(site: &Site, sshd: &Sshd, from: &str) -> Duration {
    let now = site.git(&["rev-parse", "main"]);
    site.git(&["reset", "-q", "--hard", from]);
    site.build_by_hand(sshd);
    site.git(&["reset", "-q", "--hard", now.trim()]);
    timed(&mut || site.rebase_by_hand(sshd))
}

/// `docker load` of the clone as one ready layer, with which the image is another each time.
fn load(site: &Site, round: usize) -> Duration {
    let directory = tempfile::tempdir_in(site.directory.path()).unwrap();
    let image = site.dkr(&["list-images", ".", "main", "--format=json"]);
    let image: serde_json::Value = serde_json::from_str(&image).unwrap();
    let script = r#"cd "$1"
        docker run --rm --entrypoint tar "$2" -C / -c workspace > layer.tar
        echo "$3" > nonce
        tar -rf layer.tar nonce
        id=$(sha256sum layer.tar | cut -d' ' -f1)
        echo '{"architecture":"amd64","os":"linux","config":{"Labels":{"dkr-bench":"1"}},"rootfs":{"type":"layers","diff_ids":["sha256:'$id'"]}}' > config.json
        echo '[{"Config":"config.json","RepoTags":["'$4'"],"Layers":["layer.tar"]}]' > manifest.json
        tar -cf image.tar config.json manifest.json layer.tar"#;
    let mut cmd = Command::new("sh");
    cmd.args(["-ec", script, "sh"]).arg(directory.path());
    cmd.arg(image[0]["tag"].as_str().unwrap())
        .arg(round.to_string())
        .arg(LOADED);
    site.run(&mut cmd);
    let archive = directory.path().join("image.tar");
    let time = timed(&mut || drop(site.docker(&["load", "-q", "-i", archive.to_str().unwrap()])));
    site.docker(&["rmi", "-f", LOADED]);
    time
}

/// What the layer of an update weighs, beside what it must hold: the new objects, packed, the changed
/// files, git's index.
fn layer(site: &Site) {
    let from = back(site, 100);
    site.git(&["branch", "-f", "layer", &from]);
    site.dkr(&["create-image", "layer"]);
    site.git(&["branch", "-f", "layer", "main"]);
    let tag = site.dkr(&["update-image", "layer"]);
    let sizes = site.docker(&["history", "--human=false", "--format={{.Size}}", tag.trim()]);
    let size: u64 = sizes.lines().next().unwrap().parse().unwrap();
    let script = r#"cd "$1"
        pack=$(printf '%s\n^%s\n' main "$2" | git pack-objects --revs --stdout -q --delta-base-offset | wc -c)
        files=$(git diff --name-only --diff-filter=d "$2" main | xargs -r cat | wc -c)
        echo $((pack + files + $(wc -c < .git/index)))"#;
    let mut cmd = Command::new("sh");
    cmd.args(["-ec", script, "sh"]).arg(&site.repo).arg(&from);
    let needed: u64 = site.run(&mut cmd).trim().parse().unwrap();
    let ratio = size as f64 / needed as f64;
    println!(
        "\nlayer of an update by 100 commits: {size} bytes, {ratio:.2} times what it must hold, at most 1.2"
    );
}

/// The most memory that git dkr has while it makes a whole image.
fn memory(site: &Site) {
    for objects in ["all", "exact"] {
        site.commit();
        let objects = format!("--objects={objects}");
        let mut child = site
            .dkr_command(&["create-image", "main", "--from=none", &objects])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut most = String::new();
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
            let status = status.unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            most = line.map_or(most, |line| line.trim().to_owned());
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("memory of git dkr while it serves with {objects}: {most}, at most 64 MB");
    }
}
