//! Containers that run in the background: what enters them, several at once, and what each may save.

use std::path::PathBuf;
use std::process::Command;

use super::running::{Started, saved};
use crate::common::engine::Lab;
use crate::common::{run, wait_until};

#[test]
fn tmux_goes_on_in_the_background() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let host = format!("--hostname={}", lab.host);
    let args = ["start-image", "--detach", "--name=work", &host];
    assert_eq!(
        lab.dkr(&repo.path, args).ok().stdout,
        format!("{}\n", lab.host)
    );
    let work = Started::of(&lab, &repo, &lab.host);
    let exec = [
        "exec",
        "--",
        "tmux",
        "list-sessions",
        "-F",
        "#{session_name}",
    ];
    wait_until("a session of tmux", || work.dkr(&exec).stdout == "main\n");
    let mut attached = lab.dkr_terminal(&repo.path, &["attach", &work.name]);
    attached
        .shows("/workspace")
        .types("echo 2 >a; echo in-$((40 + 2))")
        .shows("in-42");
    // The session ends with its shell, and what it did is saved.
    attached.types("exit");
    assert_eq!(attached.ends(), 0);
    work.await_gone();
    assert_eq!(work.text("wip/workspace", "a"), "2");
}

#[test]
fn ten_at_once_save_and_push_what_is_their_own() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "git commit -q --allow-empty -m \"of $(hostname)\"; git push -q; hostname >mine; exec sleep 1000";
    let args = [
        "start-image",
        "--detach",
        "--count",
        "10",
        "--",
        "sh",
        "-c",
        script,
    ];
    let outcome = lab.dkr(&repo.path, args).ok();
    let all: Vec<Started> = outcome
        .stdout
        .lines()
        .map(|name| Started::of(&lab, &repo, name))
        .collect();
    let mut names: Vec<&str> = all.iter().map(|one| &*one.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 10);
    for one in &all {
        wait_until("all was pushed", || {
            let test = ["exec", "--", "test", "-s", "mine"];
            one.dkr(&test).code == Some(0)
        });
    }
    let saves = all
        .iter()
        .map(|one| lab.dkr_spawn(&repo.path, &["save", &one.name]));
    for save in saves.collect::<Vec<_>>() {
        save.ends().ok().says("1 changed file");
    }
    for one in &all {
        assert_eq!(one.text("wip/workspace^3", "mine"), one.name);
        let pushed = repo.git([
            "for-each-ref",
            "--format=%(subject)",
            &format!("refs/heads/{}", one.name),
        ]);
        assert_eq!(pushed, format!("of {}", one.name));
    }
    let stops = all
        .iter()
        .map(|one| lab.dkr_spawn(&repo.path, &["stop", &one.name]));
    for stop in stops.collect::<Vec<_>>() {
        stop.ends().ok().says("1 changed file: git dkr resume");
    }
    for one in &all {
        one.await_gone();
        assert_eq!(one.text("wip/workspace^3", "mine"), one.name);
    }
}

#[test]
fn a_container_saves_below_its_own_name_alone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let other = "refs/dkr/work/other/wip/workspace";
    repo.git(["update-ref", other, "main"]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; git commit -qam Two");
    work.save();
    let before = repo.git(["for-each-ref", "--format=%(refname) %(objectname)"]);
    let own = format!("refs/dkr/work/{}", work.name);
    let lock = "mkdir /run/dkr/saving";
    work.sh(lock);
    for to in [
        other,
        "refs/dkr/work/other/heads/x",
        "refs/dkr/work/other/info",
        &format!("{own}/info"),
        &format!("{own}/heads"),
        &format!("{own}/other/x"),
        &format!("{own}-2/heads/x"),
        &own,
        "refs/heads/main",
        &format!("refs/heads/{}/work", work.name),
        "refs/tags/x",
        "refs/notes/dkr",
    ] {
        for what in ["HEAD", ""] {
            let send = format!(
                "! git send-pack --receive-pack=git-dkr-save --force ssh://dkr-host/workspace '{what}:{to}' 2>&1"
            );
            let said = work.sh(&send);
            // To delete what is not seen is refused by git before it asks.
            assert!(
                said.contains("this is no saved work of")
                    || (what.is_empty() && said.contains("error")),
                "{to}: {said}"
            );
        }
    }
    // A push is no way there either, and what others saved is not seen.
    let push = work.sh(&format!("! git push host HEAD:{own}/heads/x 2>&1"));
    assert!(
        push.contains("a container may push to refs/heads/"),
        "{push}"
    );
    let seen = work.sh("git ls-remote host");
    assert!(!seen.contains("refs/dkr"), "{seen}");
    assert_eq!(
        repo.git(["for-each-ref", "--format=%(refname) %(objectname)"]),
        before
    );
}

#[test]
fn any_network_and_user_and_a_sandbox_save() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for options in [
        &["--network=none", "--user=agent"][..],
        &["--network=host"],
        &["--sandbox"],
    ] {
        let work = Started::new(&lab, &repo, options);
        work.sh("echo 2 >a; echo new >new");
        work.save().says("2 changed files");
        assert_eq!(work.text("wip/workspace", "a"), "2");
        work.sh("echo 3 >a");
        work.dkr(&["stop"])
            .ok()
            .says("2 changed files: git dkr resume");
        work.await_gone();
        assert_eq!(work.text("wip/workspace", "a"), "3");
        assert_eq!(work.resumed("cat a new"), "3\nnew");
        work.dkr(&["remove", "--force"]).ok();
        assert!(saved(&repo, &work.name).is_empty());
    }
}

#[test]
fn work_is_saved_now_and_then() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::with_env(&lab, &repo, &[], &[("DKR_SAVE_EVERY", "1")]);
    work.sh("echo 2 >a");
    wait_until("a save", || work.saved().contains_key("wip/workspace"));
    wait_until("what it is", || work.saved().contains_key("info"));
    work.sh("git checkout -q a");
    wait_until("a save of nothing", || {
        !work.saved().contains_key("wip/workspace")
    });
}

#[test]
fn a_removal_asks_where_work_would_be_lost() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a");
    work.dkr(&["remove"])
        .fails()
        .says(&format!("{} is running", work.name));
    assert!(work.is_running());
    work.dkr(&["stop"]).ok();
    work.dkr(&["stop"]).fails().says("git dkr resume");
    work.dkr(&["remove"])
        .fails()
        .says("1 changed file")
        .says("git dkr remove --force");
    let ask = |answer: &str| {
        let mut terminal = lab.dkr_terminal(&repo.path, &["remove", &work.name]);
        terminal
            .shows("1 changed file")
            .shows("Remove it for good?")
            .types(answer);
        terminal.ends()
    };
    assert_eq!(ask("n"), 1);
    assert!(work.saved().contains_key("wip/workspace"));
    assert_eq!(ask("y"), 0);
    assert!(work.saved().is_empty());
    lab.dkr(&repo.path, ["remove", &work.name]).fails();
    // One that runs is removed with what it did.
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a");
    work.dkr(&["remove", "--force"]).ok();
    work.await_gone();
    assert!(work.saved().is_empty());
}

#[test]
fn a_container_whose_work_the_host_cannot_take_is_kept() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; git commit -qam Two; echo 3 >a");
    // A directory stands where the refs are to be made.
    let refs = repo.path.join(".git/refs/dkr");
    std::fs::create_dir_all(refs.parent().unwrap()).unwrap();
    std::fs::write(&refs, "").unwrap();
    work.dkr(&["save"]).exits(1).says("cannot save the work in");
    let stop = work.dkr(&["stop"]).exits(1);
    stop.says(&format!(
        "{} is kept, as its work could not be saved",
        work.name
    ));
    stop.says(&format!("git dkr save {}", work.name));
    assert!(work.exists());
    work.dkr(&["remove"]).fails().says("is not saved");
    assert!(work.exists());
    std::fs::remove_file(&refs).unwrap();
    let told = "1 commit on work, 1 changed file: git dkr resume";
    work.save().says(told);
    work.await_gone();
    assert_eq!(work.resumed("cat a; git log -1 --format=%s"), "3\nTwo");
}

#[test]
fn a_full_disk_on_the_host_loses_nothing() {
    let Some(lab) = Lab::new() else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may mount");
        return;
    }
    let repo = lab.repo();
    let disk = SmallDisk::at(repo.path.join(".git/objects"));
    lab.create(&repo, &[]);
    let work = Started::new(&lab, &repo, &[]);
    work.sh("echo 2 >a; git commit -qam Two");
    work.save();
    let saved = work.saved().remove("heads/work");
    work.sh("head -c 3000000 /dev/urandom >large; echo 3 >a");
    let sum = work.sh("sha256sum large");
    let full = "No space left on device";
    work.dkr(&["save"]).exits(1).says(full);
    let stop = work.dkr(&["stop"]).exits(1);
    stop.says("is kept, as its work could not be saved")
        .says(full);
    assert_eq!(work.saved().remove("heads/work"), saved);
    repo.git(["fsck"]);
    disk.resize("100m");
    work.save().says("1 commit on work, 2 changed files");
    work.await_gone();
    assert_eq!(work.resumed("sha256sum large"), sum);
}

/// A file system of a few megabytes in place of a directory, with what that held.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(path: PathBuf) -> Self {
        let held = path.with_extension("held");
        std::fs::rename(&path, &held).unwrap();
        std::fs::create_dir(&path).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        run(Command::new("mount").args(mount).arg(&path));
        run(Command::new("cp").arg("-a").arg(held.join(".")).arg(&path));
        Self(path)
    }

    fn resize(&self, size: &str) {
        let option = format!("remount,size={size}");
        run(Command::new("mount").args(["-o", &option]).arg(&self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
