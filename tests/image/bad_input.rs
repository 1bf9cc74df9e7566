//! What is refused: a clear error with a hint, exit code 1 or 2, nothing built, nothing changed.

use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::sshd::keygen;
use crate::common::{Sandbox, run, unique};

/// Runs what must be refused; what it said, without what differs from run to run.
#[track_caller]
fn refused(lab: &Lab, repo: &Repo, args: &[&str]) -> String {
    let (before, images) = (repo.snapshot(), lab.images());
    let outcome = lab.dkr(&repo.path, args).fails();
    before.assert_same(repo);
    nothing_left(lab, &images);
    story(lab, &outcome)
}

/// From the error on: what was reported before it is not of interest here.
fn story(lab: &Lab, outcome: &Outcome) -> String {
    let said = lab.steady(&outcome.stderr);
    let error = said.find("error: ").unwrap();
    said[error..].to_owned()
}

#[track_caller]
fn nothing_left(lab: &Lab, images: &[String]) {
    assert_eq!(lab.images(), images);
    assert_eq!(lab.containers(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

/// The same outside of a repository.
#[track_caller]
fn refused_at(lab: &Lab, folder: &Path, args: &[&str]) -> String {
    let outcome: Outcome = lab.dkr(folder, args).fails();
    nothing_left(lab, &[]);
    story(lab, &outcome)
}

#[test]
fn not_a_repository() {
    let Some(lab) = Lab::new() else { return };
    let folder = lab.path("home");
    insta::assert_snapshot!(refused_at(&lab, &folder, &["create-image"]), @r"
    error: cannot create an image of HEAD
      because: . is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
    insta::assert_snapshot!(refused_at(&lab, &folder, &["update-image", "/", "main"]), @r"
    error: cannot update the image of main
      because: / is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
    insta::assert_snapshot!(refused_at(&lab, &folder, &["start-image", "main"]), @r"
    error: cannot start an image
      because: . is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
}

#[test]
fn a_path_that_does_not_exist() {
    let Some(lab) = Lab::new() else { return };
    let said = refused_at(&lab, lab.root(), &["create-image", "no/such", "main"]);
    assert!(said.contains("because: no/such does not exist"), "{said}");
}

#[test]
fn a_path_that_is_no_repository_alone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    // Not taken for a branch without a word on it.
    std::fs::create_dir(lab.path("plain")).unwrap();
    let path = lab.path("plain").display().to_string();
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", &path]), @r"
    error: cannot create an image of HEAD
      because: [ROOT]/plain is not in a git repository
    hint: give the path of one: git dkr create-image REPO [BRANCH_FROM]
    ");
}

#[test]
fn no_such_branch_or_remote() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.branch("feature/login", "main")
        .remote("origin", &other);
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", "feature/logn"]), @r"
    error: cannot create an image of feature/logn
      because: no branch, tag or commit is called feature/logn in [ROOT]/[REPO]
    hint: did you mean feature/login?
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", "nobody/main"]), @r"
    error: cannot create an image of nobody/main
      because: no branch, tag or commit is called nobody/main in [ROOT]/[REPO]
    hint: the remotes are: origin
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image", "origin/nothing"]), @r"
    error: cannot create an image of origin/nothing
      because: origin has no branch nothing
    hint: git ls-remote --heads origin lists its branches
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["start-image", "nothing-like-it"]), @r"
    error: cannot start an image
      because: no branch, tag or commit is called nothing-like-it in [ROOT]/[REPO]
    hint: git branch -a lists the branches
    ");
}

#[test]
fn a_fetch_that_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("origin", &other);
    let refuses = lab.script("refuses", "echo 'access denied' >&2; exit 1");
    repo.git([
        "config",
        "remote.origin.uploadpack",
        refuses.to_str().unwrap(),
    ]);
    let said = refused(&lab, &repo, &["create-image", "origin/main"]);
    assert!(
        said.contains("cannot fetch main from origin: access denied"),
        "{said}"
    );
    assert!(
        said.contains("\nhint: see that `git fetch origin` works here"),
        "{said}"
    );
}

#[test]
fn a_password_in_a_remote_s_url_is_not_repeated() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let url = "https://me:ghp_secret@127.0.0.1:1/x.git";
    repo.git(["config", "remote.origin.url", url]);
    for verbose in [&[][..], &["-v"]] {
        let args = [verbose, &["create-image", "origin/main"]].concat();
        let said = refused(&lab, &repo, &args);
        assert!(said.contains("cannot fetch main from origin"), "{said}");
        assert!(!said.contains("ghp_secret"), "{said}");
    }
}

#[test]
fn an_empty_repository() {
    let Some(lab) = Lab::new() else { return };
    let repo = Repo::init(&lab, &unique(), &[]);
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image"]), @r"
    error: cannot create an image of HEAD
      because: main has no commit yet
    hint: make a first commit, or name another branch
    ");
}

#[test]
fn no_image_yet() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    insta::assert_snapshot!(refused(&lab, &repo, &["update-image"]), @r"
    error: cannot update the image of HEAD
      because: there is no image of main of [ROOT]/[REPO] to update
    hint: make one: git dkr create-image main
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["start-image", "main"]), @r"
    error: cannot start an image
      because: there is no image of main yet
    hint: git dkr create-image [ROOT]/[REPO] main
    ");
    insta::assert_snapshot!(refused(&lab, &repo, &["start-image", "."]), @r"
    error: cannot start an image
      because: there is no image of this repository yet
    hint: git dkr create-image [ROOT]/[REPO] HEAD
    ");
}

#[test]
fn settings_with_problems_are_all_named_with_their_places() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf(concat!(
        "base_imge = debian\n",
        "packages = make $(touch x)\n",
        "  stale_after = soon\n",
        "volumes = here:there\n",
        "caches = bazle\n",
        "stack = auto\n",
        "just words\n",
        "packages = gcc\n",
        "[pre_clone]\n",
        "RUM true\n",
        "FROM scratch\n",
        "[post-clone]\n",
        "[post_clone]\n",
        "RUN make \\\n",
    ));
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image"]), @r"
    error: cannot create an image of HEAD
      because: the settings at [ID] have problems
      because: .dkr.conf:1:1: unknown key `base_imge`; did you mean `base_image`?
        .dkr.conf:2:12: `$(touch` is not the name of a package
        .dkr.conf:3:17: `soon` is not a whole number
        .dkr.conf:4:11: `here:there` is not a volume: expected /folder:/target or name:/target, and :ro if wanted
        .dkr.conf:5:10: no cache is called `bazle`; did you mean `bazel`?
        .dkr.conf:6:1: `stack` is not supported by this version of git dkr
        .dkr.conf:7:1: expected `key = value` or a [section], found `just words`
        .dkr.conf:8:1: `packages` is already set in line 2
        .dkr.conf:10:1: [pre_clone] `RUM` is no instruction; did you mean RUN?
        .dkr.conf:11:1: [pre_clone] FROM would start another image; set base_image instead
        .dkr.conf:12:1: unknown section [post-clone]; did you mean [post_clone]?
        .dkr.conf:14:1: [post_clone] this RUN ends in a backslash
    hint: the settings are described in README.md, under .dkr.conf
    ");
}

#[test]
fn settings_of_the_machine_with_problems() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["config", "dkr.staleAfter", "soon"]);
    let said = refused(&lab, &repo, &["create-image"]);
    assert!(
        said.contains("git config dkr.staleAfter: `soon` is not a whole number"),
        "{said}"
    );
    repo.git(["config", "--unset", "dkr.staleAfter"]);
    repo.git(["config", "dkr.sshPort", "99999"]);
    insta::assert_snapshot!(refused(&lab, &repo, &["create-image"]), @r"
    error: cannot create an image of HEAD
      because: git config dkr.sshPort: `99999` is not the number of a port
    hint: the settings are described in README.md, under .dkr.conf
    ");
    repo.git(["config", "--unset", "dkr.sshPort"]);
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    let said = outcome(command.env("DKR_BASE_IMAGE", "x y\nRUN true"))
        .fails()
        .stderr;
    assert!(
        said.contains("DKR_BASE_IMAGE in the environment: "),
        "{said}"
    );
}

#[test]
fn ssh_keys_that_are_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.file("not-a-key", "hello\n");
    keygen(&lab, "plain", "");
    keygen(&lab, "locked", "secret");
    let said = |name: &str| {
        let key = lab.path(name).display().to_string();
        refused(&lab, &repo, &["create-image", "--ssh-key", &key])
    };
    insta::assert_snapshot!(said("missing"), @r"
    error: cannot create an image of HEAD
      because: cannot use the ssh key given by --ssh-key
      because: cannot read [ROOT]/missing: No such file or directory (os error 2)
    hint: give the path of a private key: --ssh-key ~/.ssh/id_ed25519
    ");
    insta::assert_snapshot!(said("locked"), @r"
    error: cannot create an image of HEAD
      because: cannot use the ssh key given by --ssh-key
      because: [ROOT]/locked has a passphrase
    hint: make a key for this use without one, or leave --ssh-key out: the embedded server needs no key of yours
    ");
    // The rest is ssh-keygen's, in words of its version.
    for name in ["not-a-key", "plain.pub", "home"] {
        let said = said(name);
        assert!(said.contains("[ROOT]/"), "{said}");
        assert!(said.contains("given by --ssh-key"), "{said}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.file("empty", "\n");
    lab.file("not-a-certificate", "hello\n");
    let said = |option: &str, name: &str| {
        let path = lab.path(name).display().to_string();
        refused(&lab, &repo, &["start-image", option, &path, "--", "true"])
    };
    insta::assert_snapshot!(said("--anthropic-key", "missing"), @r"
    error: cannot start an image
      because: cannot read the key file [ROOT]/missing: No such file or directory (os error 2)
    hint: give a file that holds the key and nothing else: --anthropic-key FILE
    ");
    insta::assert_snapshot!(said("--anthropic-key", "home"), @r"
    error: cannot start an image
      because: cannot read the key file [ROOT]/home: Is a directory (os error 21)
    hint: give a file that holds the key and nothing else: --anthropic-key FILE
    ");
    insta::assert_snapshot!(said("--anthropic-key", "empty"), @r"
    error: cannot start an image
      because: the key file [ROOT]/empty is empty
    hint: give a file that holds the key and nothing else: --anthropic-key FILE
    ");
    insta::assert_snapshot!(said("--ca-bundle", "missing"), @r"
    error: cannot start dkr:[REPO]-main
      because: cannot read the CA bundle [ROOT]/missing: No such file or directory (os error 2)
    hint: give a PEM file: --ca-bundle FILE or git config dkr.caBundle FILE
    ");
    insta::assert_snapshot!(said("--ca-bundle", "not-a-certificate"), @r"
    error: cannot start dkr:[REPO]-main
      because: the CA bundle [ROOT]/not-a-certificate holds no PEM certificate
    hint: convert it: openssl x509 -inform der -in FILE -out FILE.pem
    ");
}

/// Root may read every file, and nobody may not talk to the engine, which is not the subject
/// here: a script stands for it.
#[test]
fn a_key_that_only_others_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let key = keygen(&sandbox, "key", "");
    let docker =
        "case $1 in --version) echo Docker version 20.10.24, build 1 ;; image) echo [] ;; esac";
    sandbox.script("bin/docker", docker);
    // The binary may lie in a folder that is root's alone.
    let binary = sandbox.path("bin/git-dkr");
    std::fs::copy(crate::common::dkr::BINARY, &binary).unwrap();
    let path = std::env::var("PATH").unwrap();

    let mut command = sandbox.command(&binary);
    command
        .args(["create-image", "--ssh-key"])
        .arg(&key)
        .current_dir(&repo.path);
    command.env("PATH", format!("{}:{path}", sandbox.path("bin").display()));
    if rustix::process::geteuid().is_root() {
        repo.git(["config", "--global", "safe.directory", "*"]);
        run(sandbox
            .command("chmod")
            .args(["-R", "o+rwX"])
            .arg(sandbox.root()));
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        command.uid(65534).gid(65534);
    } else {
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o000)).unwrap();
    }
    outcome(&mut command)
        .fails()
        .says("Permission denied")
        .says("--ssh-key");
}

#[test]
fn names_that_are_none() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for name in ["a..b", "a b", "-x", "HEAD", "", "x.lock", "a\nb"] {
        let option = format!("--name={name}");
        let said = refused(&lab, &repo, &["start-image", &option, "--", "true"]);
        assert!(said.contains("is not the name of a branch"), "{said}");
    }
    for name in ["-x", "a/b", "", "a.b", &"x".repeat(64), "$(id)"] {
        let option = format!("--hostname={name}");
        let said = refused(&lab, &repo, &["start-image", &option, "--", "true"]);
        assert!(said.contains("is not a host name"), "{said}");
    }
}

#[test]
fn names_that_are_taken() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    lab.start_work(&repo, "git push --quiet").ok();
    let said = |args: &[&str]| {
        let all = [&["start-image"], args, &["--", "true"]].concat();
        refused(&lab, &repo, &all).replace(&lab.host, "[HOST]")
    };
    insta::assert_snapshot!(said(&["--name=main"]), @r"
    error: cannot start an image
      because: the branch main exists already
    hint: choose another --name, or leave it out for a fresh one
    ");
    insta::assert_snapshot!(said(&["--name=main/x"]), @r"
    error: cannot start an image
      because: the branch main/x exists already
    hint: choose another --name, or leave it out for a fresh one
    ");
    // It was pushed by an earlier container of that name.
    insta::assert_snapshot!(said(&["--name=work", &host]), @r"
    error: cannot start an image
      because: the branch work exists already
    hint: choose another --name, or leave it out for a fresh one
    ");
    insta::assert_snapshot!(said(&["--hostname=main"]), @r"
    error: cannot start an image
      because: the repository has a branch main, so nothing can be pushed below main/
    hint: choose another --hostname
    ");
}

#[test]
fn a_name_below_a_pushed_one_could_never_be_pushed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.start_work(&repo, "git push --quiet").ok();
    let host = format!("--hostname={}", lab.host);
    let args = ["start-image", "--name=work/more", &host, "--", "true"];
    let said = refused(&lab, &repo, &args);
    assert!(said.contains("exists already"), "{said}");
}

#[test]
fn a_host_name_that_a_container_has_already() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    let args = ["start-image", &host, "--", "sh", "-c", "echo up; read end"];
    let first = lab.dkr_spawn(&repo.path, &args);
    first.prints("up");
    lab.start(&repo, &[&host], "true").fails().says(&lab.host);
    first.finish();
}

#[test]
fn a_base_image_that_cannot_be_had() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let before = repo.snapshot();
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    // A registry that nobody runs.
    outcome(command.env("DKR_BASE_IMAGE", "127.0.0.1:1/no/such:image"))
        .fails()
        .says("base image cannot be had")
        .says("base_image");
    before.assert_same(&repo);
    nothing_left(&lab, &[]);
}

#[test]
fn a_package_that_does_not_exist() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("packages = no-such-package-anywhere\n");
    let outcome = lab.dkr(&repo.path, ["create-image"]).fails();
    outcome
        .says("no-such-package-anywhere")
        .says("packages failed");
    nothing_left(&lab, &[]);
}

#[test]
fn a_full_disk_of_the_engine() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    // A step's /dev/shm holds 64 MB.
    repo.conf("[post_clone]\nRUN head -c 200M /dev/zero > /dev/shm/fill\n");
    let said = refused(&lab, &repo, &["create-image"]);
    assert!(said.contains("no space left on the disk"), "{said}");
}

#[test]
fn a_full_disk_here() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let before = repo.snapshot();
    // A file system of one page over the folder for temporary files, for this process alone.
    let script = "mount -t tmpfs -o size=4k tmpfs \"$TMPDIR\" && exec \"$@\"";
    let mut command = lab.command("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]);
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may mount");
        return;
    }
    command
        .arg(crate::common::dkr::BINARY)
        .arg("create-image")
        .current_dir(&repo.path);
    outcome(&mut command)
        .fails()
        .says("No space left on device");
    before.assert_same(&repo);
    nothing_left(&lab, &[]);
}

#[test]
fn no_place_for_temporary_files() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    let outcome = outcome(command.env("TMPDIR", lab.path("missing"))).exits(1);
    outcome
        .says("cannot make a temporary folder")
        .never_says("panicked");
}

#[test]
fn usage_errors_exit_with_2() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    for args in [
        &["create-image", "--no-such-flag"][..],
        &["create-image", "one", "two", "three"],
        &["start-image", "--name"],
        &["list-images", "--format=xml"],
        &["no-such-command"],
        &[],
    ] {
        lab.dkr(&repo.path, args).exits(2).says("--help");
    }
    nothing_left(&lab, &[]);
}
