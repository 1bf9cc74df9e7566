//! `filter` in `.dkr.conf`: old contents of files come when somebody asks for them.

use crate::common::dkr::outcome;
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::sshd::Sshd;

/// The objects that the image lacks.
const MISSING: &str =
    "git rev-list --objects --all --missing=print --no-object-names | grep -c '^?' || :";

fn repo(lab: &Lab) -> Repo<'_> {
    let repo = lab.repo();
    for number in 0..5 {
        repo.commit(
            "Change",
            &[
                ("src/x", &format!("src {number}\n")),
                ("docs/x", &format!("docs {number}\n")),
            ],
        );
    }
    repo
}

#[test]
fn old_contents_are_left_out_and_come_when_asked_for() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    let head = repo.conf("filter = blob:none\n");
    let image = lab.create(&repo, &[]);
    assert_eq!(
        image.sh("git status --porcelain; git rev-parse HEAD; cat src/x"),
        head + "\nsrc 4"
    );
    assert_eq!(image.sh(MISSING), "8");
    assert_eq!(
        image.sh("git config remote.host.partialclonefilter"),
        "blob:none"
    );

    let asked = lab
        .start(
            &repo,
            &[],
            "git show HEAD~3:src/x && git status --porcelain",
        )
        .ok();
    assert_eq!(asked.stdout, "src 2\n");

    // An update leaves them out, too, and takes what the new commit has.
    repo.commit("Change", &[("src/x", "5\n")]);
    repo.commit("Change", &[("src/x", "6\n")]);
    let image = lab.update(&repo, &[]);
    assert_eq!(image.sh("git status --porcelain; cat src/x"), "6");
    assert_eq!(image.sh(MISSING), "9");

    // And so does a container that goes to a newer commit.
    repo.commit("Change", &[("src/x", "7\n")]);
    let asked = lab
        .start(&repo, &[], "cat src/x; git show HEAD~2:src/x")
        .ok();
    assert_eq!(asked.stdout, "7\n5\n");
}

#[test]
fn with_sparse_only_what_is_checked_out_comes() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    repo.conf("filter = blob:none\nsparse = src\n");
    let image = lab.create(&repo, &[]);
    assert_eq!(image.sh("git status --porcelain; ls"), "a\nsrc");
    assert_eq!(image.sh(MISSING), "9");
    repo.conf("filter = blob:none\nsparse = docs\n");
    let image = lab.update(&repo, &[]);
    assert_eq!(image.sh("git status --porcelain; cat docs/x"), "docs 4");
    assert_eq!(image.sh(MISSING), "8");
}

#[test]
fn an_update_does_not_bring_another_filter() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    lab.create(&repo, &[]);
    repo.conf("filter = blob:none\n");
    let outcome = lab.dkr(&repo.path, ["update-image"]).ok();
    outcome.says("filter changed since");
    assert_eq!(lab.image(&outcome).sh(MISSING), "0");
}

#[test]
fn a_partial_clone_on_the_host_fetches_no_more_than_is_wanted() {
    let Some(lab) = Lab::new() else { return };
    let origin = repo(&lab);
    origin.conf("filter = blob:none\n");
    origin.git(["config", "uploadpack.allowFilter", "true"]);
    let repo = origin.clone_with(&["--filter=blob:none", "--no-checkout"]);
    let lacking = || {
        let listed = repo.git(["rev-list", "--objects", "--missing=print", "HEAD"]);
        listed.lines().filter(|line| line.starts_with('?')).count()
    };
    assert!(lacking() > 8);
    let image = lab.create(&repo, &[]);
    assert_eq!(image.sh("git status --porcelain; cat src/x"), "src 4");
    assert_eq!(lacking(), 8);
}

#[test]
fn the_host_s_own_sshd_serves_what_git_s_config_allows() {
    let Some(lab) = Lab::new() else { return };
    let (repo, sshd) = (repo(&lab), Sshd::start(&lab));
    repo.conf("filter = blob:none\n");
    let dkr = |args: &[&str]| {
        let mut command = lab.dkr_command(&repo.path, args);
        outcome(
            command
                .env("DKR_SSH_PORT", &sshd.port)
                .env("DKR_SSH_KEY", &sshd.key),
        )
        .ok()
    };
    let image = lab.image(&dkr(&["create-image"]));
    assert_eq!(image.sh(MISSING), "8");
    // This sshd does not pass the protocol's version on.
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    repo.git(["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let asked = dkr(&["start-image", "--", "git", "show", "HEAD~3:src/x"]);
    assert_eq!(asked.stdout, "src 2\n");
}
