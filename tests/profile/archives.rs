//! Images kept as files.

use serde_json::json;

use crate::common::run;
use crate::lab::{Lab, ask, manifest};

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
