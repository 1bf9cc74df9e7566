//! Images kept as files.

use rustix::process::Signal;
use serde_json::json;

use crate::common::{run, wait_until};
use crate::profile::lab::{Lab, ask, begin, manifest, record};

#[test]
fn an_image_comes_back_from_its_archive_if_that_is_whole_and_its_own() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.profile(json!({ "install_cmds": ["echo one > /one"] }));
    lab.build(&repo, false);
    let tar = format!("{}.tar", lab.id);
    assert_eq!(lab.archives(), [tar.as_str()]);
    let built = lab.tagged(&lab.tag()).id().to_owned();

    // The engine has lost the image.
    lab.docker(&["rmi", &lab.tag()]);
    assert_eq!(lab.build(&repo, false)["reused_cache"], true);
    assert_eq!(manifest(&repo)["result"], "loaded");
    assert_eq!(lab.tagged(&lab.tag()).id(), built);

    // And the archive is broken: it is set aside, and the build goes on.
    lab.docker(&["rmi", &lab.tag()]);
    let file = std::fs::File::options()
        .write(true)
        .open(lab.archive())
        .unwrap();
    file.set_len(1 << 20).unwrap();
    let outcome = ask(&lab, &lab.request(&repo, false), &[]).ok();
    outcome.says("is not used").says("set-aside-1");
    assert_eq!(lab.answer(&repo, &outcome)["reused_cache"], false);
    assert_eq!(lab.archives(), [tar.clone(), format!("{tar}.set-aside-1")]);

    // Somebody else's image under our name is not taken.
    lab.docker(&["rmi", &lab.tag()]);
    lab.docker(&["tag", "debian:bookworm-slim", &lab.tag()]);
    let mut save = std::process::Command::new(lab.docker);
    run(save
        .args(["save", "--output"])
        .arg(lab.archive())
        .arg(lab.tag()));
    lab.docker(&["rmi", &lab.tag()]);
    let outcome = ask(&lab, &lab.request(&repo, false), &[]).ok();
    outcome.says("was not made by git dkr").says("set-aside-2");
    assert_eq!(lab.answer(&repo, &outcome)["reused_cache"], false);
    assert_eq!(lab.tagged(&lab.tag()).sh("cat /one"), "one");
}

#[test]
fn where_archives_are_kept() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let profile = lab.profile(json!({ "install_cmds": ["true"] }));
    let request = json!({ "repo_dir": repo.path, "profile_path": profile, "force_rebuild": true })
        .to_string();
    let tar = format!("image-cache/{}.tar", lab.id);
    ask(&lab, &request, &[]).ok();
    let usual = repo.path.join(".tmp-test").join(&tar);
    assert!(usual.is_file());
    std::fs::remove_file(usual).unwrap();
    let root = lab.path("elsewhere");
    ask(&lab, &request, &[("PF_TMP_DIR", root.to_str().unwrap())]).ok();
    assert!(root.join(&tar).is_file());
    // The archive of the first run was in the repository, and is not in the image of the second.
    let files = lab
        .tagged(&lab.tag())
        .sh("find . -name '*.tar' -o -name .pf_manifest");
    assert_eq!(files, "");
}

/// Interrupts a build while its archive is written, by an engine that would go on with it for minutes.
#[track_caller]
fn interrupted_in_save(lab: &Lab, request: &str, signal: Signal) -> crate::common::dkr::Outcome {
    let pid_file = lab.path("pid");
    let _ = std::fs::remove_file(&pid_file);
    let (docker, pid) = (lab.docker.display(), pid_file.display());
    lab.script(
        "bin/docker",
        &format!(
            "case $1 in
            save) echo $$ >'{pid}.new'; mv '{pid}.new' '{pid}'; for i in $(seq 3000); do echo x; sleep 0.1; done ;;
            *) exec '{docker}' \"$@\" ;;
            esac"
        ),
    );
    let running = begin(lab, request, &[("PATH", &lab.bin_first())]);
    wait_until("the archive is written", || pid_file.exists());
    running.signal(signal);
    let outcome = running.finish();
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let process = std::path::Path::new("/proc").join(pid.trim());
    wait_until("the end of what wrote it", || !process.exists());
    outcome
}

#[test]
fn what_a_run_that_was_stopped_left_is_completed_by_the_next() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.profile(json!({ "install_cmds": ["echo one > /one"] }));
    let outcome = interrupted_in_save(&lab, &lab.request(&repo, false), Signal::KILL);
    assert_eq!(outcome.code, None);
    let [left] = &lab.archives()[..] else {
        panic!("{:?}", lab.archives())
    };
    assert!(left.starts_with(".git-dkr-"), "{left}");
    // Not a file, and so not ours.
    run(std::process::Command::new("mkfifo").arg(lab.path("images/.git-dkr-fifo")));

    assert_eq!(lab.build(&repo, false)["reused_cache"], true);
    let tar = format!("{}.tar", lab.id);
    assert_eq!(lab.archives(), [".git-dkr-fifo", tar.as_str()]);
    // Nor did it forget how the image was built.
    assert!(record(&repo, "build.log").contains("echo one"));

    // The archive that is there is of another image than the one that is built.
    lab.profile(json!({ "install_cmds": ["echo two > /one"] }));
    interrupted_in_save(&lab, &lab.request(&repo, true), Signal::TERM)
        .exits(143)
        .says("the image was built; the next run keeps its archive");
    assert_eq!(lab.archives(), [".git-dkr-fifo"]);
    lab.build(&repo, false);
    lab.docker(&["rmi", &lab.tag()]);
    lab.build(&repo, false);
    assert_eq!(manifest(&repo)["result"], "loaded");
    assert_eq!(lab.tagged(&lab.tag()).sh("cat /one"), "two");
}
