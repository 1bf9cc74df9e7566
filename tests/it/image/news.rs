//! What takes an image to another commit is handed over as the objects of a create are; git asks for it
//! only where the host cannot know what the image has.

use std::process::Command;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;
use crate::common::sshd::Sshd;

/// What an image holds of its history: where it stands, all its refs and their logs, and whether it is whole.
const STATE: &str = r"
cat .git/HEAD
git for-each-ref --format='%(refname) %(objectname)'
git status --porcelain --branch --ignored
git fsck --full 2>&1 | grep -v ^dangling || true
git count-objects -v | grep -e ^count -e garbage
grep -c '^[0-9a-f]* 00* ' .git/logs/HEAD || true
cut -d' ' -f1,2 .git/logs/refs/remotes/host/* | tail -n1
find .git -maxdepth 1 | sort
";

/// `git dkr` with a git of which a case for `sh` makes something else.
fn with_git(lab: &Lab, repo: &Repo, args: &[&str], case: &str) -> Command {
    let text = format!("case \" $* \" in {case} esac\nexec \"$REAL_GIT\" \"$@\"");
    lab.script("bin/git", &text);
    let path = std::env::var_os("PATH").unwrap();
    let mut all = std::env::split_paths(&path).map(|directory| directory.join("git"));
    let real = all.find(|git| git.exists()).unwrap();
    let mut command = lab.dkr_command(&repo.path, args);
    command.env("PATH", lab.bin_first()).env("REAL_GIT", real);
    command
}

/// Runs it with a git that serves no fetch.
#[track_caller]
fn unasked(lab: &Lab, repo: &Repo, args: &[&str]) -> Outcome {
    let none = "*' upload-pack '*) echo 'no fetch' >&2; exit 1 ;;";
    outcome(&mut with_git(lab, repo, args, none))
}

/// An update that fetches nothing.
#[track_caller]
fn updated<'a>(lab: &'a Lab, repo: &Repo, args: &[&str]) -> Image<'a> {
    let image = lab.image(&unasked(lab, repo, &[&["update-image"], args].concat()).ok());
    assert_eq!(image.label("type"), "update");
    assert_eq!(image.sh("git rev-parse HEAD"), image.label("commit"));
    assert_eq!(lab.leftovers(), [""; 0]);
    image
}

/// What git says of the tags of a repository, and of an image.
const TAGS: &str = "git for-each-ref --format='%(refname:short) %(objecttype)' refs/tags";

/// The same update by a fetch, over the host's sshd.
#[track_caller]
fn as_fetched(lab: &Lab, sshd: &Sshd, repo: &Repo, below: &str, image: &Image) {
    let found = image.sh(STATE);
    let head = repo.head();
    repo.git(["reset", "--quiet", "--hard", below]);
    // With one more step before the clone, so that nothing is taken from the engine's cache.
    let mut command = lab.dkr_command(&repo.path, ["create-image", "--from=none"]);
    let base = lab.image(&outcome(command.env("DKR_CACHES", "bazel")).ok());
    let base = base.id().to_owned();
    repo.git(["reset", "--quiet", "--hard", &head]);
    let mut command = lab.dkr_command(&repo.path, ["update-image"]);
    command.arg("--ssh-key").arg(&sshd.key);
    let fetched = lab.image(&outcome(command.env("DKR_SSH_PORT", &sshd.port)).ok());
    assert_eq!(fetched.label("parent"), base);
    assert_eq!(found, fetched.sh(STATE));
}

#[test]
fn an_update_is_as_a_fetch_would_have_left_it() {
    let Some(lab) = Lab::new() else { return };
    let sha256 = Repo::init(&lab, &crate::common::unique(), &["--object-format=sha256"]);
    sha256.commit("Begin", &[("a", "1\n")]);
    let sshd = Sshd::start(&lab);
    for repo in [lab.repo(), sha256] {
        let below = repo.commit("More", &[("b", "2\n"), ("directory/c", "3\n")]);
        repo.git(["tag", "-a", "-m", "A release", "v1"]);
        lab.create(&repo, &[]);
        repo.commit("New", &[("b", "3\n"), ("directory/d", "4\n")]);
        repo.git(["tag", "light"]);
        repo.git(["tag", "-a", "-m", "A release", "v2"]);
        repo.git(["tag", "-a", "-m", "Of a tag", "nested", "v2"]);
        repo.commit("Newer", &[("b", "4\n")]);
        let image = updated(&lab, &repo, &[]);
        assert_eq!(image.sh("git tag"), "light\nnested\nv1\nv2");
        assert_eq!(image.sh("ls .git/objects/pack/*.pack | wc -l"), "2");
        as_fetched(&lab, &sshd, &repo, &below, &image);
    }
}

#[test]
fn so_is_one_of_a_history_that_was_rewritten_or_taken_back() {
    let Some(lab) = Lab::new() else { return };
    let (repo, sshd) = (lab.repo(), Sshd::start(&lab));
    let root = repo.head();
    let old = repo.commit("Old", &[("old", "1\n")]);
    lab.create(&repo, &[]);
    repo.git(["reset", "--quiet", "--hard", &root]);
    let new = repo.commit("New", &[("new", "1\n")]);
    let image = updated(&lab, &repo, &[]);
    as_fetched(&lab, &sshd, &repo, &old, &image);
    let packs = "ls .git/objects/pack/*.pack | wc -l";
    let before = lab.update(&repo, &[]).sh(packs);
    // There is nothing to send.
    repo.git(["reset", "--quiet", "--hard", &root]);
    let image = updated(&lab, &repo, &[]);
    assert_eq!(image.sh(packs), before);
    as_fetched(&lab, &sshd, &repo, &new, &image);
}

#[test]
fn a_commit_that_no_branch_follows_moves_on_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "release"]);
    lab.create(&repo, &["release"]);
    repo.commit("More", &[("b", "2\n")]);
    repo.git(["tag", "--force", "release"]);
    let image = updated(&lab, &repo, &["release"]);
    assert_eq!(image.sh("cat .git/HEAD; git fsck --full 2>&1"), repo.head());
}

#[test]
fn tags_are_added_and_none_of_another_branch() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    for tag in ["moved", "gone", "kept"] {
        repo.git(["tag", tag]);
    }
    let base = lab.create(&repo, &[]);
    let old = base.sh("git rev-parse moved");
    repo.branch("other", "main")
        .commit("A secret", &[("secret", "other\n")]);
    repo.git(["tag", "-a", "-m", "Of the other", "7-elsewhere-7"]);
    repo.git(["tag", "aside"]);
    repo.checkout("main").commit("More", &[("b", "2\n")]);
    repo.git(["tag", "--force", "moved"]);
    repo.git(["tag", "--delete", "gone"]);
    repo.git(["tag", "late", &old]);
    let image = updated(&lab, &repo, &[]);
    assert_eq!(image.sh("git tag"), "gone\nkept\nlate\nmoved");
    assert_eq!(image.sh("git rev-parse moved"), old);
    let secret = repo.git(["rev-parse", "other:secret"]);
    let look = format!("git cat-file -t {secret} 2>/dev/null || echo none");
    assert_eq!(image.sh(&look), "none");
    assert!(!image.layers_unpacked().hold("7-elsewhere-7"));
}

#[test]
fn a_create_on_another_image_fetches_nothing_either() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "-a", "-m", "A release", "v1"]);
    repo.branch("topic", "main")
        .commit("Topic", &[("t", "1\n")]);
    repo.git(["tag", "topic-1"]);
    let topic = lab.create(&repo, &[]);
    repo.checkout("main").commit("More", &[("b", "2\n")]);
    repo.git(["tag", "-a", "-m", "A release", "v2"]);
    repo.git(["tag", "aside", "topic"]);
    let outcome = unasked(&lab, &repo, &["create-image"]).ok();
    outcome.says(&format!("on {}: ", topic.tag));
    let image = lab.image(&outcome);
    assert_eq!(image.sh(TAGS), "v1 tag\nv2 tag");
    assert_eq!(
        image.sh("git fsck --full 2>&1 | grep -v ^dangling || git rev-parse HEAD"),
        repo.head()
    );
}

/// Each time git has to ask: the same update fails where nothing is served.
#[track_caller]
fn asks<'a>(lab: &'a Lab, repo: &Repo) -> Image<'a> {
    unasked(lab, repo, &["update-image"])
        .fails()
        .says("no fetch");
    let image = lab.update(repo, &[]);
    assert_eq!(
        image.sh("git rev-parse HEAD; git status --porcelain; git fsck --full 2>&1 | grep -v ^dangling || true"),
        repo.head()
    );
    image
}

#[test]
fn git_asks_for_a_tag_that_was_put_on_an_old_commit() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.git(["tag", "-a", "-m", "Late", "late"]);
    repo.commit("More", &[("b", "2\n")]);
    assert_eq!(asks(&lab, &repo).sh(TAGS), "late tag");
    // Once.
    repo.commit("More", &[("b", "3\n")]);
    updated(&lab, &repo, &[]);
}

#[test]
fn git_asks_where_the_host_has_lost_what_the_image_has() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.commit("Old", &[("old", "1\n")]);
    lab.create(&repo, &[]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.commit("New", &[("new", "1\n")]);
    repo.git(["update-ref", "-d", "refs/notes/dkr"]);
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["gc", "--quiet", "--prune=now"]);
    assert_eq!(asks(&lab, &repo).sh("ls"), "a\nnew");
}

#[test]
fn git_asks_where_the_image_is_not_what_the_host_takes_it_for() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf(
        "[post_clone]\nRUN git -c user.name=B -c user.email=b@x commit --quiet --allow-empty -m Own\n",
    );
    lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2\n")]);
    repo.conf("");
    asks(&lab, &repo);

    let partial = lab.repo();
    partial.commit("More", &[("b", "2\n")]);
    partial.conf("filter = blob:none\n");
    partial.commit("More", &[("b", "3\n")]);
    lab.create(&partial, &[]);
    partial.conf("");
    // What was left out comes with the file that is as it was.
    partial.commit("As it was", &[("b", "2\n")]);
    assert_eq!(asks(&lab, &partial).sh("cat b"), "2");

    let shallow = lab.repo();
    shallow.commits(3);
    let shallow = shallow.clone_with(&["--depth=2"]);
    lab.create(&shallow, &[]);
    shallow.git(["fetch", "--quiet", "--unshallow"]);
    shallow.commit("More", &[("b", "2\n")]);
    assert_eq!(asks(&lab, &shallow).sh("cat .git/shallow | wc -l"), "1");
}

#[test]
fn what_goes_wrong_here_is_the_error_of_the_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    repo.commit("Noise", &[("noise", &"some noise\n".repeat(1000))]);
    let blob = repo.lose("HEAD:noise");
    lab.dkr(&repo.path, ["update-image"])
        .fails()
        .says("cannot send the objects")
        .says(&blob)
        .says("fsck looks for what is broken");
    assert_eq!(lab.images(), [base.id()]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn nothing_stays_of_one_that_is_interrupted() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let base = lab.create(&repo, &[]);
    repo.commit("More", &[("b", "2\n")]);
    let command = with_git(
        &lab,
        &repo,
        &["update-image"],
        "*' pack-objects '*) : >\"$HOME/packing\"; exec sleep 1000 ;;",
    );
    let running = crate::common::dkr::spawn(command);
    crate::common::wait_until("the packing", || lab.path("home/packing").exists());
    running.signal(rustix::process::Signal::TERM);
    running.ends().exits(143).says("interrupted");
    assert_eq!(lab.images(), [base.id()]);
    assert_eq!(lab.leftovers(), [""; 0]);
    let packs = std::fs::read_dir(lab.path("cache/git-dkr/packs")).unwrap();
    assert_eq!(packs.count(), 0);
}

#[test]
fn a_stream_that_is_cut_short_is_noticed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    // In the middle of an entry, and after the first.
    for length in [1500, 1024] {
        let ssh = format!(r#"#!/bin/sh\n/usr/bin/ssh "$@" | head -c {length}"#);
        let place = "/usr/local/bin/ssh";
        repo.conf(&format!(
            "[post_clone]\nRUN echo '{ssh}' >{place} && chmod 755 {place}\n"
        ));
        let base = lab.create(&repo, &["--from=none"]);
        repo.commit("More", &[("b", &length.to_string())]);
        lab.dkr(&repo.path, ["update-image"])
            .fails()
            .says("the objects arrived incomplete");
        assert_eq!(lab.tagged(&base.tag).id(), base.id());
        assert_eq!(lab.leftovers(), [""; 0]);
    }
}
