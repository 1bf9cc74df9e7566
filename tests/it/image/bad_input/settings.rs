//! Settings with problems, and files that they name.

use std::os::unix::process::CommandExt;

use super::*;
use crate::common::dkr::outcome;
use crate::common::sshd::keygen;
use crate::common::{Sandbox, run};

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
        "stack = Rust\n",
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
      caused by: the settings at [ID] have problems
      caused by: .dkr.conf:1:1: unknown key `base_imge`; did you mean `base_image`?
        .dkr.conf:2:12: `$(touch` is not the name of a package
        .dkr.conf:3:17: `soon` is not a whole number
        .dkr.conf:4:11: `here:there` is not a volume: expected /directory:/target or name:/target, and :ro if wanted
        .dkr.conf:5:10: no cache is called `bazle`; did you mean `bazel`?
        .dkr.conf:6:9: `Rust` is not the name of a layer
        .dkr.conf:7:1: expected `key = value` or a [section], found `just words`
        .dkr.conf:8:1: `packages` is already set in line 2
        .dkr.conf:10:1: [pre_clone] `RUM` is not an instruction; did you mean RUN?
        .dkr.conf:11:1: [pre_clone] FROM would start another image; set base_image instead
        .dkr.conf:12:1: unknown section [post-clone]; did you mean [post_clone]?
        .dkr.conf:14:1: [post_clone] this RUN ends in a backslash
    hint: docs/configuration.md of git dkr describes the settings
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
      caused by: git config dkr.sshPort: `99999` is not the number of a port
    hint: docs/configuration.md of git dkr describes the settings
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
      caused by: cannot use the ssh key given by --ssh-key
      caused by: cannot read [ROOT]/missing: No such file or directory (os error 2)
    hint: give the path of a private key: --ssh-key ~/.ssh/id_ed25519
    ");
    insta::assert_snapshot!(said("locked"), @r"
    error: cannot create an image of HEAD
      caused by: cannot use the ssh key given by --ssh-key
      caused by: [ROOT]/locked has a passphrase
    hint: make a key without one for this, or leave --ssh-key out: the embedded server needs no key of yours
    ");
    insta::assert_snapshot!(said("home"), @r"
    error: cannot create an image of HEAD
      caused by: cannot use the ssh key given by --ssh-key
      caused by: [ROOT]/home is a directory
    hint: give the file of a private key in it
    ");
    // Also where it is not needed this time.
    lab.create(&repo, &[]);
    for command in ["create-image", "update-image"] {
        let outcome = lab.dkr(&repo.path, [command, "--ssh-key=missing"]).fails();
        outcome.says("cannot use the ssh key given by --ssh-key");
    }
    // The rest is ssh-keygen's, in words of its version.
    for name in ["not-a-key", "plain.pub"] {
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
      caused by: cannot read the key file [ROOT]/missing: No such file or directory (os error 2)
    hint: give a file that holds the key and nothing else: --agent-key FILE
    ");
    insta::assert_snapshot!(said("--anthropic-key", "home"), @r"
    error: cannot start an image
      caused by: cannot read the key file [ROOT]/home: is a directory
    hint: give a file that holds the key and nothing else: --agent-key FILE
    ");
    insta::assert_snapshot!(said("--anthropic-key", "empty"), @r"
    error: cannot start an image
      caused by: the key file [ROOT]/empty is empty
    hint: give a file that holds the key and nothing else: --agent-key FILE
    ");
    insta::assert_snapshot!(said("--ca-bundle", "missing"), @r"
    error: cannot start dkr:[REPO]-main
      caused by: cannot read the CA bundle [ROOT]/missing: No such file or directory (os error 2)
    hint: give a PEM file: --ca-bundle FILE or git config dkr.caBundle FILE
    ");
    insta::assert_snapshot!(said("--ca-bundle", "not-a-certificate"), @r"
    error: cannot start dkr:[REPO]-main
      caused by: the CA bundle [ROOT]/not-a-certificate holds no PEM certificate
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
    let docker = "case $1 in --version) echo Docker version 20.10.24, build 1 ;;
        image) echo '[{\"Id\": \"sha256:0\", \"Os\": \"linux\", \"Architecture\": \"amd64\"}]' ;; esac";
    sandbox.script("bin/docker", docker);
    // The binary may lie in a directory that is root's alone.
    let binary = sandbox.path("bin/git-dkr");
    std::fs::copy(crate::common::dkr::binary(), &binary).unwrap();

    let mut command = sandbox.command(&binary);
    command
        .args(["create-image", "--ssh-key"])
        .arg(&key)
        .current_dir(&repo.path);
    command.env("PATH", sandbox.bin_first());
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

/// Docker would make a directory of root's, silently.
#[test]
fn a_volume_whose_directory_is_missing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let directory = lab.path("no directory");
    repo.conf(&format!("volumes = '{}:/data:ro'\n", directory.display()));
    lab.create(&repo, &[]);
    let said = refused(&lab, &repo, &["start-image", "--", "true"]);
    assert!(
        said.contains("there is no [ROOT]/no directory on this machine, which .dkr.conf:1"),
        "{said}"
    );
    assert!(
        said.contains(" wants at /data\nhint: mkdir -p '[ROOT]/no directory' makes it"),
        "{said}"
    );
    assert!(!directory.exists());
}
