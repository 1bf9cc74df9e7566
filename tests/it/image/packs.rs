//! How the objects come into an image: what `git clone` would have left, without its work.

use crate::common::dkr::{Outcome, binary, outcome};
use crate::common::engine::{Gate, Lab};
use crate::common::repo::Repo;
use crate::common::sshd::Sshd;

/// What a clone leaves, but for times, names of hosts and packs, and in which files its tags are.
const STATE: &str = r#"
git config --local --list | sort
git for-each-ref --format='%(refname) %(objectname) %(*objectname) %(symref)'
cat .git/HEAD
grep remotes .git/packed-refs || echo none
find .git/refs -type f ! -path '*/tags/*' | sort
for log in $(find .git/logs -type f | sort); do echo "$log"; sed 's/@[^>]*> [0-9]* /> /' "$log"; done
find .git -maxdepth 1 | sort
git status --porcelain --branch
git ls-files --stage
git count-objects -v | grep -v size
git fsck --full 2>&1
"#;

/// The names of what was put together here, of which nothing may be left.
fn prepared(lab: &Lab) -> Vec<String> {
    let entries = std::fs::read_dir(lab.path("cache/git-dkr/packs"));
    let names = entries.into_iter().flatten();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Two images of the same: one made of a plain clone over the host's sshd.
#[track_caller]
fn same_as_a_clone(lab: &Lab, repo: &Repo, branch_from: &str) {
    let sshd = Sshd::start(lab);
    let mut command = lab.dkr_command(&repo.path, ["create-image", branch_from]);
    command.arg("--ssh-key").arg(&sshd.key);
    let cloned = lab.image(&outcome(command.env("DKR_SSH_PORT", &sshd.port)).ok());
    let clone = cloned.sh(STATE);
    // One more step before the clone, so that it is not taken from the engine's cache.
    let mut command = lab.dkr_command(&repo.path, ["create-image", branch_from]);
    let image = lab.image(&outcome(command.env("DKR_CACHES", "bazel")).ok());
    assert_ne!(image.id(), cloned.id());
    assert_eq!(image.sh(STATE), clone);
    assert_eq!(prepared(lab), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

/// Some history, with tags in it and on another branch.
fn repo(lab: &Lab) -> Repo<'_> {
    let repo = lab.repo();
    repo.git(["tag", "light"]);
    repo.commit("More", &[("b", "2\n"), ("directory/c", "3\n")]);
    repo.git(["tag", "-a", "-m", "A release", "v1"]);
    repo.git(["tag", "-a", "-m", "Of a tag", "nested", "v1"]);
    repo.branch("other", "main");
    repo.commit("A secret", &[("secret", "other\n")]);
    repo.git(["tag", "elsewhere"]);
    repo.checkout("main");
    repo
}

#[test]
fn a_branch_is_as_a_clone_would_have_left_it() {
    let Some(lab) = Lab::new() else { return };
    same_as_a_clone(&lab, &repo(&lab), "main");
}

#[test]
fn so_is_a_commit() {
    let Some(lab) = Lab::new() else { return };
    same_as_a_clone(&lab, &repo(&lab), "main~1");
}

#[test]
fn so_is_sha256() {
    let Some(lab) = Lab::new() else { return };
    let repo = Repo::init(&lab, &crate::common::unique(), &["--object-format=sha256"]);
    repo.commit("Begin", &[("a", "1")]);
    repo.git(["tag", "-a", "-m", "A release", "v1"]);
    same_as_a_clone(&lab, &repo, "main");
}

#[test]
fn so_is_a_history_that_is_cut_off() {
    let Some(lab) = Lab::new() else { return };
    let full = lab.repo();
    full.commits(3);
    same_as_a_clone(&lab, &full.clone_with(&["--depth=2"]), "main");
}

#[test]
fn nothing_of_other_branches_unless_all_is_asked_for() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    repo.git(["commit-graph", "write", "--reachable"]);
    let look = format!(
        "git cat-file -t {} 2>/dev/null || echo none; ls .git/objects/info",
        repo.git(["rev-parse", "other:secret"])
    );
    let exact = lab.create(&repo, &[]);
    assert_eq!(exact.sh(&look), "none\ncommit-graph");
    let all = lab.create(&repo, &["--objects", "all"]);
    assert_eq!(all.sh(&look), "blob\ncommit-graph");
    assert_eq!(
        all.sh("git fsck --full 2>&1 | grep -v ^dangling || git status --porcelain"),
        ""
    );
    // The one is not taken for the other, either way.
    assert_ne!(exact.label("cache_key"), all.label("cache_key"));
    repo.git(["config", "dkr.objects", "all"]);
    assert_eq!(lab.create(&repo, &[]).id(), all.id());
    let exact = lab.create(&repo, &["--objects=exact"]);
    assert_eq!(exact.sh(&look), "none\ncommit-graph");
    assert_eq!(exact.sh("git fsck --full 2>&1"), "");
}

#[test]
fn all_is_not_taken_from_the_build_of_another_repository() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let other = repo.clone_with(&[]);
    repo.branch("private", "main");
    repo.commit("Secret", &[("secret", "a password\n")]);
    let look = format!(
        "git cat-file -t {} 2>/dev/null || echo none",
        repo.git(["rev-parse", "private:secret"])
    );
    repo.checkout("main");
    let all = ["--objects=all", "--force-rebuild"];
    assert_eq!(lab.create(&repo, &all).sh(&look), "blob");
    assert_eq!(lab.create(&other, &all).sh(&look), "none");
    // Nor from one of before it was purged.
    repo.git(["branch", "-qD", "private"]);
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["gc", "-q", "--prune=now"]);
    assert_eq!(lab.create(&repo, &all).sh(&look), "none");
}

#[test]
fn a_build_that_is_forced_brings_a_bitmap_made_since() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let files = "ls .git/objects/pack .git/objects/info | grep -cE 'bitmap|graph' || :";
    assert_eq!(lab.create(&repo, &[]).sh(files), "0");
    repo.git(["repack", "-adqb"]);
    repo.git(["commit-graph", "write", "--reachable"]);
    let image = lab.create(&repo, &["--force-rebuild"]);
    assert_eq!(image.sh(files), "2");
}

#[test]
fn a_bitmap_goes_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    let lines = |upto: u32| -> String { (0..upto).map(|line| format!("line {line}\n")).collect() };
    repo.commit("Many lines", &[("long", &lines(20_000))]);
    // Git makes deltas from the longest, which stays behind.
    repo.branch("longer", "main");
    repo.commit("More lines", &[("long", &lines(20_100))]);
    repo.checkout("main");
    repo.git(["repack", "-adfqb"]);
    // What a user's config says of packs is not for ours.
    repo.git(["config", "--global", "pack.indexVersion", "1"]);
    repo.git(["config", "--global", "pack.packSizeLimit", "1m"]);
    let image = lab.create(&repo, &[]);
    image.sh("git rev-list --test-bitmap HEAD && git fsck --full");
    assert_eq!(prepared(&lab), [""; 0]);
}

#[test]
fn all_is_refused_where_it_cannot_be() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.dkr(&repo.path, ["create-image", "--objects=some"])
        .exits(2)
        .says("possible values: exact, all");
    lab.dkr(
        &repo.path,
        ["create-image", "--objects=all", "--ssh-key=/key"],
    )
    .fails()
    .says("serves `exact` alone");
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    let partial = repo.clone_with(&["--filter=blob:none"]);
    lab.dkr(&partial.path, ["create-image", "--objects=all"])
        .fails()
        .says("partial clone");
    assert_eq!(lab.images(), [""; 0]);
}

#[test]
fn what_goes_wrong_here_is_the_error_of_the_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.write("noise", &"some noise\n".repeat(1000));
    repo.git(["add", "noise"]);
    repo.commit("Noise", &[]);
    let blob = repo.lose("HEAD:noise");
    lab.dkr(&repo.path, ["create-image"])
        .fails()
        .says("cannot send the objects")
        .says(&blob)
        .says("fsck looks for what is broken");
    assert_eq!(lab.images(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
    assert_eq!(prepared(&lab), [""; 0]);
}

#[test]
fn a_directory_that_is_there_already_is_not_touched() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[pre_clone]\nRUN mkdir /workspace && touch /workspace/file\n");
    lab.dkr(&repo.path, ["create-image"])
        .fails()
        .says("/workspace exists already and is not empty");
    repo.conf("[pre_clone]\nRUN mkdir /workspace\n");
    assert_eq!(lab.create(&repo, &[]).sh("git status --porcelain"), "");
}

/// A create whose base image has this program where another is, and fails.
#[track_caller]
fn fails_with(lab: &Lab, place: &str, program: &str) -> Outcome {
    let repo = lab.repo();
    repo.commit("More", &[("b", "2\n")]);
    repo.conf(&format!(
        "[pre_clone]\nRUN echo '{program}' >{place} && chmod 755 {place}\n"
    ));
    let outcome = lab.dkr(&repo.path, ["create-image"]).fails();
    assert_eq!(lab.images(), [""; 0]);
    assert_eq!(prepared(lab), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
    outcome
}

#[test]
fn a_stream_that_is_cut_short_is_noticed() {
    let Some(lab) = Lab::new() else { return };
    // In the middle of an entry, and after the first.
    for length in [2000, 1024] {
        let ssh = format!(r#"#!/bin/sh\n/usr/bin/ssh "$@" | head -c {length}"#);
        fails_with(&lab, "/usr/local/bin/ssh", &ssh).says("the objects arrived incomplete");
    }
}

#[test]
fn a_full_disk_in_the_container() {
    let Some(lab) = Lab::new() else { return };
    let tar = r#"#!/bin/sh\necho "tar: x: Cannot write: No space left on device" >&2\nexit 2"#;
    fails_with(&lab, "/usr/local/bin/tar", tar).says("no space left on the disk");
    // It is full when files are written, of which git says nothing.
    let git = r#"#!/bin/sh\nif echo "$*" | grep -q checkout\nthen echo "error: unable to write file" >&2 && ln -s /dev/full .git/dkr-probe && exit 128\nfi\nexec /usr/bin/git "$@""#;
    fails_with(&lab, "/usr/local/bin/git", git).says("no space left on the disk");
}

#[test]
fn a_full_disk_here() {
    let Some(lab) = Lab::new() else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may mount");
        return;
    }
    let repo = lab.repo();
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    std::fs::write(repo.path.join("noise"), noise).unwrap();
    repo.git(["add", "noise"]);
    repo.commit("Noise", &[]);
    // A small file system where objects are packed, for this process alone.
    let script = "mkdir -p \"$XDG_CACHE_HOME/git-dkr/packs\" \
        && mount -t tmpfs -o size=100k tmpfs \"$XDG_CACHE_HOME/git-dkr/packs\" && exec \"$@\"";
    let mut command = lab.command("unshare");
    command
        .args([
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            binary(),
            "create-image",
        ])
        .current_dir(&repo.path);
    outcome(&mut command)
        .fails()
        .says("cannot send the objects")
        .says("XDG_CACHE_HOME names another directory");
    assert_eq!(lab.images(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn nothing_stays_of_a_build_that_is_interrupted() {
    use rustix::process::Signal;
    let Some(lab) = Lab::new() else { return };
    // A git that packs for ever.
    let slow = lab.script(
        "bin/git",
        "case \" $* \" in *' pack-objects '*) : >\"$HOME/packing\"; exec sleep 1000 ;; esac\n\
         exec \"$REAL_GIT\" \"$@\"",
    );
    let (repo, gate) = (lab.repo(), Gate::new());
    repo.conf(&format!("[pre_clone]\n{}", gate.step()));
    let path = std::env::var("PATH").unwrap();
    let git = std::env::split_paths(&path).map(|directory| directory.join("git"));
    let real = git.into_iter().find(|git| git.exists()).unwrap();
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    let path = format!("{}:{path}", slow.parent().unwrap().display());
    command.env("PATH", path).env("REAL_GIT", real);
    let running = crate::common::dkr::spawn(command);
    let step = gate.reached();
    crate::common::wait_until("the packing", || lab.path("home/packing").exists());
    assert_eq!(prepared(&lab).len(), 1);
    running.signal(Signal::TERM);
    running.ends().exits(143).says("interrupted");
    step.wait_for_end();
    assert_eq!(prepared(&lab), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
    assert_eq!(lab.images(), [""; 0]);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.file("cache/git-dkr/packs/git-dkr-dead/.alive", "");
    lab.file(
        "cache/git-dkr/packs/git-dkr-dead/view/objects/pack/tmp",
        "half",
    );
    lab.create(&repo, &[]);
    assert_eq!(prepared(&lab), [""; 0]);
}
