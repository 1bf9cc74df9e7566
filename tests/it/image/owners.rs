//! Whose files lie below the git directory, and whom git lets in there.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::{GITCONFIG, run};

/// Somebody who has no account.
const OWNER: u32 = 1234;

/// What one does in a repository, from a create to hooks.
fn work(lab: &Lab, repo: &Repo, dkr: impl Fn(&[&str]) -> Outcome) {
    dkr(&["create-image"]).ok();
    dkr(&["hooks", "install"]).ok();
    let hostname = format!("--hostname={}", lab.host);
    let script = "git commit --quiet --allow-empty -m Work && git push --quiet";
    let pushed = [
        "start-image",
        "--name=work",
        &hostname,
        "--",
        "sh",
        "-c",
        script,
    ];
    dkr(&pushed).ok().never_says("warning");
    lab.pushed_work(repo);
    // A branch of a remote is fetched.
    dkr(&["create-image", "up/main"]).ok();
}

/// As everywhere, but with hooks.
fn config() -> String {
    GITCONFIG.replace("[core]\n\thooksPath = /dev/null\n", "")
}

/// A repository with a remote `up`, which has a commit more.
fn repo(lab: &Lab) -> Repo<'_> {
    let (repo, up) = (lab.repo(), lab.repo());
    up.commit("Theirs", &[("theirs", "1\n")]);
    repo.remote("up", &up);
    repo
}

/// Among so many objects some come into directories that were made before.
const GO_ON: &str = "for n in $(seq 300); do echo $n >t$n; done
git hash-object -w t*
git commit --quiet --allow-empty -m Mine
git notes --ref=dkr add -f -m mine";

/// All that is below the git directory.
fn below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        }
        found.push(path);
    }
}

fn git_files(repo: &Repo) -> Vec<PathBuf> {
    let mut found = Vec::new();
    below(&repo.path.join(".git"), &mut found);
    found
}

/// Root works in the repository of somebody else, as `sudo` does and as jobs in containers of CI. Their
/// config names the worktree as safe, as git asks for it.
#[test]
fn what_root_makes_in_a_repository_is_its_owner_s() {
    let Some(lab) = Lab::new() else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root works in the repositories of others");
        return;
    }
    let repo = repo(&lab);
    let owner = OWNER.to_string();
    // Not ours to give, as somebody has linked it.
    let roots = lab.file("roots", "secret\n");
    std::fs::hard_link(&roots, repo.path.join(".git/objects/linked")).unwrap();
    std::os::unix::fs::symlink(&roots, repo.path.join(".git/objects/link")).unwrap();
    run(Command::new("chmod").arg("755").arg(lab.root()));
    run(Command::new("chown")
        .args(["-R", "-h", &owner])
        .arg(&repo.path));
    run(Command::new("chown").arg("root").arg(&roots));
    let safe = format!("[safe]\n\tdirectory = {}\n", repo.path.display());
    lab.file("gitconfig", config() + &safe);

    work(&lab, &repo, |args| {
        lab.dkr(&repo.path, args.iter().copied())
    });

    let strange = |path: &PathBuf| path.symlink_metadata().unwrap().uid() != OWNER;
    let strangers: Vec<_> = git_files(&repo).into_iter().filter(strange).collect();
    assert_eq!(strangers, [repo.path.join(".git/objects/linked")]);
    assert_eq!(roots.metadata().unwrap().uid(), 0);
    // The owner goes on.
    let mut command = lab.command("setpriv");
    command
        .args([
            "--reuid",
            &owner,
            "--regid",
            &owner,
            "--clear-groups",
            "sh",
            "-ec",
        ])
        .arg(GO_ON)
        .current_dir(&repo.path);
    run(&mut command);
}

/// Who else may read and write is as git has it, whatever the umask.
#[test]
fn a_shared_repository_stays_shared() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    repo.git(["config", "core.sharedRepository", "group"]);
    lab.file("gitconfig", config());
    let before = git_files(&repo);
    work(&lab, &repo, |args| {
        let mut command = lab.command("sh");
        command
            .args([
                "-c",
                "umask 077; exec \"$0\" \"$@\"",
                crate::common::dkr::binary(),
            ])
            .args(args)
            .current_dir(&repo.path);
        outcome(&mut command)
    });
    let mut made = git_files(&repo);
    made.retain(|path| !before.contains(path));
    assert!(made.iter().any(|path| path.ends_with("dkr/watch")));
    assert!(made.iter().any(|path| path.ends_with("notes/dkr")));
    for path in made {
        let mode = path.metadata().unwrap().permissions().mode() & 0o2770;
        let expected = match (path.is_dir(), mode & 0o200 != 0) {
            (true, _) => 0o2770,
            (false, true) if mode & 0o100 != 0 => 0o770,
            (false, true) => 0o660,
            (false, false) => 0o440,
        };
        assert_eq!(
            format!("{mode:o}"),
            format!("{expected:o}"),
            "{}",
            path.display()
        );
    }
}

/// Without `core.sharedRepository` it is the umask that says so.
#[test]
fn others_may_read_what_they_may_read_of_git_s_own() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let mode = |name: &str| {
        let file = repo.path.join(".git").join(name);
        file.metadata().unwrap().permissions().mode() & 0o777
    };
    for name in ["dkr/watch", "dkr/images", "refs/notes/dkr"] {
        assert_eq!(mode(name), mode("refs/heads/main"), "{name}");
    }
}

/// `safe.directory` names the worktree, as people and CI set it; the server asks for the git directory.
#[test]
fn whom_git_lets_into_a_worktree_the_server_lets_in() {
    let Some(lab) = Lab::new() else { return };
    let repo = repo(&lab);
    let other = |args: &[&str]| {
        let mut command = lab.dkr_command(&repo.path, args);
        // Git takes every directory for that of somebody else.
        outcome(command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"))
    };
    let safe = |path: &Path| format!("\tdirectory = {}\n", path.display());
    let remote = repo.git(["config", "remote.up.url"]);
    let remote = PathBuf::from(remote.trim_start_matches("file://")).join(".git");
    let safe = format!("[safe]\n{}{}", safe(&repo.path), safe(&remote));
    lab.file("gitconfig", config() + &safe);
    work(&lab, &repo, other);
}
