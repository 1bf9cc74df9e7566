//! What the engine or the machine cannot do.

use super::*;
use crate::common::client;
use crate::common::dkr::outcome;

#[test]
fn a_base_image_that_cannot_be_had() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let before = repo.snapshot();
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    // A registry that nobody runs.
    outcome(command.env("DKR_BASE_IMAGE", "127.0.0.1:1/no/such:image"))
        .fails()
        .says("cannot get the base image")
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
    // A file system of one page over the directory for temporary files, for this process alone.
    let script = "mount -t tmpfs -o size=4k tmpfs \"$TMPDIR\" && exec \"$@\"";
    let mut command = lab.command("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]);
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may mount");
        return;
    }
    command
        .arg(crate::common::dkr::binary())
        .arg("create-image")
        .current_dir(&repo.path);
    outcome(&mut command)
        .fails()
        // Podman keeps files there too, and may say so before we do.
        .says("o space left on device");
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
        .says(if client::is_podman() {
            "no such file or directory"
        } else {
            "cannot make a temporary directory"
        })
        .never_says("panicked");
}
