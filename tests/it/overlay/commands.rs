//! The commands, on small roots: caches near and far, and what goes wrong on the way.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::dkr::outcome;
use crate::common::wait_until;
use crate::overlay::server::{Answer, TOKEN};
use crate::overlay::small::Small;

const TEXT: &str = "ENV WHO=ada\nWORKDIR /srv\nRUN echo $WHO >who && rm /bin/false\n";
const SHARED: &str = "--cache=github:ada/env";

fn read(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn what_one_machine_pushes_another_restores() {
    let small = Small::new(TEXT);
    let (one, other) = (small.root("one"), small.root("other"));
    small.run(&one, &["push", SHARED]).exits(2); // no --root for it
    small
        .run(&one, &["restore-or-build", SHARED, "--push"])
        .ok()
        .says("pushed");
    small
        .run(&other, &["restore", SHARED])
        .ok()
        .says("from github:ada/env");
    assert_eq!(read(&other, "srv/who"), "ada\n");
    assert!(!other.join("bin/false").exists());
    assert!(read(&other, "etc/profile.d/git-dkr-overlay.sh").contains("WHO=\"ada\""));
    // The second time nobody needs to be asked.
    small.server.forget();
    small.run(&other, &["restore", SHARED]).ok().says("kept");
    small.run(&other, &["restore-or-build", SHARED]).ok();
    assert_eq!(small.server.seen().len(), 0);
    small.server.token_stayed();
}

#[test]
fn the_token_is_in_no_step_and_no_word() {
    let small = Small::new("RUN env >/env; echo token: $GH_TOKEN $GITHUB_TOKEN\n");
    let root = small.root("one");
    let mut command = small.command(&root, &["restore-or-build", "-v", SHARED, "--push"]);
    let outcome = outcome(command.env("GITHUB_TOKEN", TOKEN)).ok();
    assert!(!outcome.stderr.contains(TOKEN), "{}", outcome.stderr);
    assert!(!read(&root, "env").contains(TOKEN));
    let archive = std::fs::read(&small.cached(&root)[0]).unwrap();
    assert!(
        !archive
            .windows(TOKEN.len())
            .any(|part| part == TOKEN.as_bytes())
    );
}

#[test]
fn wrong_answers_are_told_and_lead_to_a_build() {
    let limited = [("x-ratelimit-remaining", "0"), ("retry-after", "4000")];
    for (answer, told) in [
        (Answer::status(404), "is in no cache"),
        (Answer::with(403, &limited), "too many requests"),
        (Answer::status(500), "500"),
    ] {
        let small = Small::new(TEXT);
        let one = small.root("one");
        small
            .run(&one, &["restore-or-build", SHARED, "--push"])
            .ok();
        let root = small.root("other");
        // More often than anybody asks.
        small.server.times(99, "GET", "/releases/tags/", answer);
        small
            .run(&root, &["restore", SHARED])
            .exits(1)
            .says("error: ");
        assert!(!root.join("srv").exists(), "nothing was done");
        small
            .run(&root, &["restore-or-build", SHARED])
            .ok()
            .says(told);
        assert_eq!(read(&root, "srv/who"), "ada\n");
        small.server.token_stayed();
    }
}

#[test]
fn a_damaged_snapshot_is_built_again_and_replaced() {
    let small = Small::new(TEXT);
    let (one, other) = (small.root("one"), small.root("other"));
    small.run(&one, &["build"]).ok();
    let shared = format!("--cache=dir:{}", small.path("shared").display());
    let cache = small.path("one-cache");
    small
        .run(&one, &["restore-or-build", &shared, "--push"])
        .ok();
    damage(&cache);
    std::fs::rename(&cache, small.path("other-cache")).unwrap();
    let outcome = small.run(&other, &["restore"]).fails();
    outcome
        .says("the snapshot is broken")
        .says("hint: git dkr overlay restore-or-build");
    assert!(!other.join("srv").exists());
    small
        .run(&other, &["restore-or-build"])
        .ok()
        .says("building Containerfile instead");
    assert_eq!(read(&other, "srv/who"), "ada\n");
    let third = small.root("third");
    std::fs::rename(small.path("other-cache"), small.path("third-cache")).unwrap();
    small.run(&third, &["restore"]).ok();
}

#[test]
fn two_builds_of_one_root_take_turns() {
    let small = Small::new("RUN echo one >>/log && sleep 1\n");
    let root = small.root("one");
    let first = small.spawn(&root, &["build"]);
    first.says("RUN echo one");
    let second = small.run(&root, &["build"]).ok();
    second.says("waiting");
    first.finish().ok();
    assert_eq!(read(&root, "log"), "one\none\n");
}

#[test]
fn a_build_that_is_stopped_leaves_no_entry_and_no_process() {
    let small = Small::new("RUN echo started; sleep 1000; echo never\n");
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let root = small.root(&format!("root{}", signal.as_raw()));
        let build = small.spawn(&root, &["build"]);
        build.says("| started");
        assert!(!running(&root).is_empty());
        build.signal(signal);
        let outcome = build.ends();
        assert_ne!(outcome.code, Some(0));
        if signal != Signal::KILL {
            outcome.says("interrupted");
        }
        assert_eq!(small.cached(&root), Vec::<std::path::PathBuf>::new());
        if signal == Signal::KILL {
            // Nobody was left to tell them.
            for pid in running(&root) {
                let _ = kill_process(pid, signal);
            }
        }
        wait_until("the end of the step's own processes", || {
            running(&root).is_empty()
        });
        std::fs::write(small.path("Containerfile"), "RUN true\n").unwrap();
        small.run(&root, &["restore-or-build"]).ok();
        small.file(
            "Containerfile",
            "RUN echo started; sleep 1000; echo never\n",
        );
    }
}

/// Changes a bit in the middle of each archive.
fn damage(cache: &Path) {
    for entry in std::fs::read_dir(cache).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "zst") {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

/// The programs of this root that run.
fn running(root: &Path) -> Vec<Pid> {
    let program = root.join("bin/busybox");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ours = processes
        .filter(|one| std::fs::read_link(one.path().join("exe")).is_ok_and(|exe| exe == program));
    let pid = |one: std::fs::DirEntry| one.file_name().to_string_lossy().parse().ok();
    ours.filter_map(pid).filter_map(Pid::from_raw).collect()
}

#[test]
fn a_build_that_failed_is_gone_on_with() {
    let small = Small::new("RUN test -e /one || echo 1 >/one\nRUN flase\n");
    let (one, other) = (small.root("one"), small.root("other"));
    small.run(&one, &["build"]).fails();
    small.file(
        "Containerfile",
        "RUN test -e /one || echo 1 >/one\nRUN true\n",
    );
    small
        .run(&one, &["restore-or-build"])
        .ok()
        .says("did not finish");
    std::fs::rename(small.path("one-cache"), small.path("other-cache")).unwrap();
    small.run(&other, &["restore"]).ok();
    assert_eq!(read(&other, "one"), "1\n");
    // It has come to its end now.
    small
        .run(&one, &["build"])
        .ok()
        .never_says("did not finish");
}

#[test]
fn what_an_earlier_overlay_brought_is_in_the_next() {
    let first = "RUN test -e /one || echo 1 >/one; rm -f /bin/false\n";
    let small = Small::new(first);
    let (one, other) = (small.root("one"), small.root("other"));
    small.run(&one, &["build"]).ok();
    small.file("Containerfile", format!("{first}RUN echo 2 >/two\n"));
    small
        .run(&one, &["build"])
        .ok()
        .says("was applied to this machine before");
    let again = small.run(&one, &["build"]).ok().stdout;
    std::fs::rename(small.path("one-cache"), small.path("other-cache")).unwrap();
    assert_eq!(small.run(&other, &["restore"]).ok().stdout, again);
    assert_eq!([read(&other, "one"), read(&other, "two")], ["1\n", "2\n"]);
    assert!(!other.join("bin/false").exists());
}

#[test]
fn a_push_that_failed_is_made_up_for() {
    let small = Small::new(TEXT);
    let root = small.root("one");
    small
        .server
        .times(99, "POST", "/releases", Answer::status(500));
    small
        .run(&root, &["restore-or-build", SHARED, "--push"])
        .exits(1);
    let directory = format!("--cache=dir:{}", small.path("shared").display());
    small
        .run(&root, &["restore-or-build", &directory, "--push"])
        .ok()
        .says("pushed");
    let other = small.root("other");
    small.run(&other, &["restore", &directory]).ok();
    // It is kept here, too.
    std::fs::remove_dir_all(small.path("shared")).unwrap();
    std::fs::remove_file(other.join("srv/who")).unwrap();
    small.run(&other, &["restore"]).ok();
}

#[test]
fn what_a_push_needs_is_looked_at_before_the_steps() {
    let small = Small::new(TEXT);
    let root = small.root("one");
    let mut command = small.command(&root, &["restore-or-build", SHARED, "--push"]);
    let outcome = outcome(command.env_remove("GH_TOKEN")).fails();
    outcome.says("needs a token").never_says("RUN");
    assert!(!root.join("srv").exists());
}

#[test]
fn a_damaged_shared_snapshot_is_replaced() {
    let small = Small::new(TEXT);
    let shared = format!("--cache=dir:{}", small.path("shared").display());
    let push = |name: &str| {
        let root = small.root(name);
        small
            .run(&root, &["restore-or-build", &shared, "--push"])
            .ok()
    };
    push("one");
    damage(&small.path("shared"));
    push("two")
        .says("building Containerfile instead")
        .says("pushed");
    push("three").says("restored").never_says("instead");
}

#[test]
fn a_snapshot_of_another_containerfile_is_refused() {
    let small = Small::new("RUN echo c >/c\n");
    let root = small.root("one");
    small.run(&root, &["build"]).ok();
    let of_c = small.cached(&root);
    small.file("Containerfile", "RUN echo d >/d\n");
    small.run(&root, &["build"]).ok();
    let of_d: Vec<_> = small
        .cached(&root)
        .into_iter()
        .filter(|path| !of_c.contains(path))
        .collect();
    // C's index with D's archive.
    let index = |paths: &[std::path::PathBuf]| {
        paths
            .iter()
            .find(|path| path.extension().unwrap() == "json")
            .unwrap()
            .clone()
    };
    let key =
        |path: &Path| path.file_stem().unwrap().to_string_lossy()["layer-".len()..].to_owned();
    let (c, d) = (index(&of_c), index(&of_d));
    let text = std::fs::read_to_string(&d)
        .unwrap()
        .replace(&key(&d), &key(&c));
    std::fs::write(&c, text).unwrap();
    for path in of_d
        .iter()
        .filter(|path| path.extension().unwrap() == "zst")
    {
        let name = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace(&key(&d), &key(&c));
        std::fs::copy(path, path.with_file_name(name)).unwrap();
    }
    small.file("Containerfile", "RUN echo c >/c\n");
    let other = small.root("other");
    std::fs::rename(small.path("one-cache"), small.path("other-cache")).unwrap();
    small
        .run(&other, &["restore"])
        .fails()
        .says("of another Containerfile");
    assert!(!other.join("d").exists());
}

#[test]
fn env_follows_the_file_and_keeps_no_token() {
    let small = Small::new("ENV OLD=1 STOLEN=$GH_TOKEN-\nRUN echo [$STOLEN] >/out\n");
    let root = small.root("one");
    small.run(&root, &["build", "-v"]).ok().says("OLD=… ");
    assert_eq!(read(&root, "out"), "[-]\n");
    small.file("Containerfile", "RUN true\n");
    small.run(&root, &["build"]).ok();
    assert!(!root.join("etc/profile.d/git-dkr-overlay.sh").exists());
}

#[test]
fn fetched_in_a_step() {
    let small = Small::new("");
    let address = small.server.file("/tool", "#!/bin/sh\necho tool\n");
    let digest = git_dkr::digest::of("#!/bin/sh\necho tool\n");
    let text = format!(
        "ENV BASE={}\nFETCH --sha256={digest} --chmod=755 ${{BASE}}/tool /usr/bin/\nRUN /usr/bin/tool >/out\n",
        address.strip_suffix("/tool").unwrap()
    );
    small.file("Containerfile", text);
    let root = small.root("one");
    small.run(&root, &["build"]).ok().says("fetched");
    assert_eq!(read(&root, "out"), "tool\n");
    small.server.token_stayed();
    let wrong = format!(
        "FETCH --sha256={} {address} /usr/bin/other\n",
        "0".repeat(64)
    );
    small.file("Containerfile", wrong);
    small.run(&root, &["build"]).fails().says("Containerfile:1");
    assert!(!root.join("usr/bin/other").exists());
}

#[test]
fn snapshot_takes_what_did_not_change() {
    let small = Small::new(
        "WORKDIR /old\nSNAPSHOT data /root/.cache/kept\nRUN echo x >/root/.cache/gone\n",
    );
    let (one, other) = (small.root("one"), small.root("other"));
    for path in ["old/data/a", "root/.cache/kept/b", "root/.cache/other"] {
        std::fs::create_dir_all(one.join(path).parent().unwrap()).unwrap();
        std::fs::write(one.join(path), "here").unwrap();
    }
    small.run(&one, &["build"]).ok();
    std::fs::rename(small.path("one-cache"), small.path("other-cache")).unwrap();
    small.run(&other, &["restore"]).ok();
    assert_eq!(read(&other, "old/data/a"), "here");
    assert_eq!(read(&other, "root/.cache/kept/b"), "here");
    assert!(!other.join("root/.cache/other").exists());
    assert!(!other.join("root/.cache/gone").exists());
    small.file("Containerfile", "SNAPSHOT /none\n");
    small.run(&one, &["build"]).fails().says("/none");
}

#[test]
fn steps_in_their_forms() {
    let small = Small::new(concat!(
        "RUN [\"/bin/sh\", \"-c\", \"echo exec >/exec\"]\n",
        "RUN <<END\n#!/bin/sh\necho script $0 >/script\nEND\n",
        "RUN cat <<A >/here && echo '$HOME' >>/here\nfrom $WHO\nA\n",
        "ENV WHO=ada\n",
        "RUN cat <<A >>/here\nfrom $WHO\nA\n",
    ));
    let root = small.root("one");
    small.run(&root, &["build"]).ok();
    assert_eq!(read(&root, "exec"), "exec\n");
    assert!(read(&root, "script").starts_with("script /tmp/git-dkr-step-"));
    assert_eq!(read(&root, "here"), "from \n$HOME\nfrom ada\n");
    assert_eq!(std::fs::read_dir(root.join("tmp")).unwrap().count(), 0);
}

#[test]
fn what_is_in_a_snapshot_is_shown_and_old_ones_go() {
    let small = Small::new(TEXT);
    let root = small.root("one");
    let shown = small.run(&root, &["inspect"]).ok().stdout;
    assert!(shown.contains("git dkr overlay build makes it"), "{shown}");
    small.run(&root, &["build"]).ok();
    let shown = small.run(&root, &["inspect", "--paths"]).ok().stdout;
    for text in [
        "+ /srv/who",
        "- /bin/false",
        "sets     WHO=\"ada\"",
        "/proc - ",
    ] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
    small.file("Containerfile", "RUN true\n");
    small.run(&root, &["build"]).ok();
    assert_eq!(small.cached(&root).len(), 4);
    let prune = |keep: &str| {
        let mut command = small.dkr_command(
            small.path("").as_path(),
            ["overlay", "prune", "--keep", keep],
        );
        outcome(command.env("DKR_OVERLAY_CACHE_DIR", small.path("one-cache"))).ok()
    };
    prune("1").says("1 snapshot");
    assert_eq!(small.cached(&root).len(), 2);
    prune("0");
    assert_eq!(small.cached(&root).len(), 0);
}

#[test]
fn wrong_arguments_are_told() {
    let small = Small::new(TEXT);
    let root = small.root("one");
    small
        .run(&small.path("none"), &["build"])
        .fails()
        .says("cannot use the root");
    small
        .run(&small.path("Containerfile"), &["build"])
        .exits(1)
        .says("is not a directory");
    small
        .run(&root, &["build", "--cache=gihub:a/b"])
        .fails()
        .says("--cache");
    small
        .run(&root, &["restore-or-build", "--push"])
        .fails()
        .says("there is no shared cache");
    small
        .run(&root, &["restore"])
        .fails()
        .says("this machine's cache");
    assert!(!root.join("srv").exists());
}
