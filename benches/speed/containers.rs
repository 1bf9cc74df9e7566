//! What containers cost that run in the background and whose work is saved. `cargo bench -- containers`.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::site::Site;
use super::{Claim, Row, medians};

/// Work that lasts longer than all of this.
const WORK: [&str; 2] = ["sleep", "10000"];

pub fn rows(site: &Site) -> Vec<Row> {
    let tag = site.dkr(&["create-image"]);
    let mut rows = saves(site);
    rows.extend(starts(site, tag.trim()));
    rows.push(list(site));
    rows
}

/// Saves, beside the exec that they cannot do without. The one before a save changes a file, or nothing.
fn saves(site: &Site) -> Vec<Row> {
    let names = detached(site, 1);
    let name = names.trim();
    let row = |what, script: &str, most| {
        let exec = ["exec", name, "sh", "-c", script];
        let save = || drop(site.dkr(&["save", name]));
        let (ours, theirs) = medians(21, save, || drop(site.docker(&exec)));
        Row {
            what,
            ours,
            theirs,
            claim: Claim::More(Duration::from_millis(most)),
        }
    };
    let changed = "echo >>/workspace/.dkr.conf";
    let rows = vec![
        row("save of a changed file | docker exec", changed, 500),
        row("save of nothing new | docker exec", ":", 100),
    ];
    remove(site, &names);
    rows
}

/// Containers that are left running, one and ten.
fn starts(site: &Site, tag: &str) -> Vec<Row> {
    let by_hand = |times: usize| {
        let run = ["run", "--detach", "--entrypoint", WORK[0], tag, WORK[1]];
        (0..times).map(|_| site.docker(&run)).collect::<String>()
    };
    let row = |what, count, runs, claim| {
        let (mut started, mut run) = (String::new(), String::new());
        let start = || started += &detached(site, count);
        let (ours, theirs) = medians(runs, start, || run += &by_hand(count));
        remove(site, &started);
        let ids: Vec<&str> = run.lines().collect();
        site.docker(&[&["rm", "--force"], &*ids].concat());
        Row {
            what,
            ours,
            theirs,
            claim,
        }
    };
    let ten = Claim::More(Duration::from_millis(1500));
    vec![
        row(
            "start-image --detach | docker run -d",
            1,
            11,
            Claim::Times(1.2),
        ),
        row(
            "start-image --detach --count 10 | 10 docker run -d",
            10,
            3,
            ten,
        ),
    ]
}

/// A list of ten that run, and of a hundred whose work is saved.
fn list(site: &Site) -> Row {
    let names = detached(site, 10);
    save_hundred(site);
    let (ours, theirs) = medians(
        11,
        || drop(site.dkr(&["list-containers"])),
        || drop(site.docker(&["ps"])),
    );
    remove(site, &names);
    Row {
        what: "list-containers | docker ps, 10 and 100 saved",
        ours,
        theirs,
        claim: Claim::Times(1.5),
    }
}

/// Work of a hundred that are gone, each a commit on a branch, told of as that of one that really was.
fn save_hundred(site: &Site) {
    let started = detached(site, 1);
    let like = started.trim();
    site.docker(&["exec", like, "sh", "-c", "echo >/workspace/new"]);
    site.dkr(&["stop", like]);
    let info = site.git(&["show", &format!("refs/dkr/work/{like}/info:container.json")]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let by = format!("committer a <a@b> {} +0000", now.as_secs());
    let mut stream = String::new();
    for number in 0..100 {
        let name = format!("gone-{number}");
        let commit = |what: &str, rest: &str| {
            format!("commit refs/dkr/work/{name}/{what}\n{by}\ndata 0\n{rest}\n")
        };
        let info = info.replace(like, &name);
        let file = format!("M 644 inline container.json\ndata {}\n{info}", info.len());
        stream += &commit("info", &file);
        stream += &commit("heads/work", "from refs/heads/main^0\n");
    }
    let list = site.directory.path().join("saved");
    std::fs::write(&list, stream).unwrap();
    let mut import = Command::new("git");
    import
        .args(["fast-import", "--quiet"])
        .current_dir(&site.repo);
    import.stdin(File::open(list).unwrap());
    assert!(import.status().unwrap().success());
    remove(site, &started);
}

/// Starts so many; their names, on a line each.
fn detached(site: &Site, count: usize) -> String {
    let count = format!("--count={count}");
    let start = ["start-image", ".", "main", "--detach", &count, "--"];
    site.dkr(&[&start[..], &WORK].concat())
}

fn remove(site: &Site, names: &str) {
    for name in names.lines() {
        site.dkr(&["remove", "--force", name]);
    }
}
