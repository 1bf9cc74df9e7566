//! `submodules` in `.dkr.conf`: from the host's own copies, and from nowhere else.

use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// What git says where all is as it should be: nothing but the commits.
const SEEN: &str = "git status --porcelain; git submodule status --recursive; git fsck";

/// A repository with a submodule that has one itself, both with what no commit of theirs leads to. The
/// repositories that they come from are moved away: nobody can ask them.
fn repo(lab: &Lab, conf: &str) -> String {
    let (inner, outer, repo) = (lab.repo(), lab.repo_at("outer"), lab.repo_at("app"));
    inner.commit("Inner", &[("inner", "1\n")]);
    outer.submodule("deep/in", &inner);
    outer.branch("secret", "main");
    outer.commit("Secret", &[("secret", "hidden\n")]);
    let secret = outer.id("secret");
    outer.checkout("main");
    let url = format!("file://{}", outer.path.display());
    repo.git([
        "submodule",
        "--quiet",
        "add",
        "--name",
        "odd/na me",
        &url,
        "libs/out er",
    ]);
    repo.git(["submodule", "--quiet", "update", "--init", "--recursive"]);
    repo.git(["-C", "libs/out er", "fetch", "--quiet"]);
    repo.conf(conf);
    for gone in [&inner, &outer] {
        std::fs::rename(&gone.path, gone.path.with_extension("gone")).unwrap();
    }
    secret
}

#[test]
fn they_come_from_the_host_s_copies_and_nothing_else_does() {
    let Some(lab) = Lab::new() else { return };
    let secret = repo(&lab, "submodules = recursive\n");
    let app = Repo::at(&lab, lab.path("app"));
    let before = app.snapshot();
    // Where their worktrees are does not matter.
    std::fs::rename(app.path.join("libs"), app.path.join("away")).unwrap();
    let image = lab.create(&app, &[]);
    std::fs::rename(app.path.join("away"), app.path.join("libs")).unwrap();
    app.git(["-C", "libs/out er", "cat-file", "-e", &secret]);
    let status = app.git(["submodule", "status", "--recursive"]);
    let commits = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.split(" (").next().unwrap().trim().to_owned())
            .collect()
    };
    assert_eq!(commits(&image.sh(SEEN)), commits(&status));
    assert_eq!(
        image.sh("cat 'libs/out er/deep/in/inner'; ls -A .git | grep -c dkr"),
        "1\n1"
    );
    let absent = format!("git -C 'libs/out er' cat-file -e {secret} 2>/dev/null || echo absent");
    assert_eq!(image.sh(&absent), "absent");
    before.assert_same(&app);
    assert_eq!(lab.leftovers(), [""; 0]);
}

/// A push of the repository brings them, into the host's own copies; and is none when it cannot.
#[test]
fn commits_that_are_made_in_them_come_along() {
    let Some(lab) = Lab::new() else { return };
    repo(&lab, "submodules = recursive\n");
    let app = Repo::at(&lab, lab.path("app"));
    lab.create(&app, &[]);
    let before = app.snapshot();
    let commit = "commit() { git -C \"$1\" commit --quiet --allow-empty -a -m \"$2\"; git -C \"$1\" rev-parse HEAD; }";
    let script = format!(
        "{commit}
        commit 'libs/out er/deep/in' Inner; commit 'libs/out er' Outer; commit . App
        git push || exit
        git -C 'libs/out er' commit --quiet --amend -a -m Rewritten; commit . More; git push || exit
        git init --quiet own; commit own Own >&2; git add own 2>/dev/null; git commit --quiet -m Own
        git push && exit 9; git rm --quiet --cached own; git commit --quiet --amend --allow-empty -m None; git push"
    );
    let outcome = lab.start_work(&app, &script).ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    outcome
        .says("commits of a submodule cannot come along")
        .says("hint: the host cannot take the commits of own");
    let host = &lab.host;
    let at = |directory: &str, name: &str| {
        app.git(["-C", directory, "rev-parse", &format!("{host}/{name}")])
    };
    let (outer, inner) = ("libs/out er", "libs/out er/deep/in");
    assert_eq!(
        [&at(inner, "work"), &at(outer, "work"), &at(".", "work~2")],
        lines[..3]
    );
    assert_eq!(at(outer, "work-2~1"), at(outer, "work~1"));
    for (directory, names) in [
        (inner, &["work"][..]),
        (outer, &["work", "work-2"]),
        (".", &["work"]),
    ] {
        for name in names {
            app.git([
                "-C",
                directory,
                "branch",
                "--quiet",
                "-D",
                &format!("{host}/{name}"),
            ]);
        }
    }
    before.assert_same(&app);

    // A copy that is gone meanwhile.
    let script = format!(
        "{commit}
        echo up; read go; commit 'libs/out er' Outer >/dev/null; commit . App >/dev/null; git push"
    );
    let args = ["start-image", "--name=late", "--", "sh", "-c", &script];
    let mut running = lab.dkr_spawn(&app.path, &args);
    running.prints("up");
    std::fs::rename(app.path.join(".git/modules"), app.path.join("away")).unwrap();
    running.reads("go\n");
    let outcome = running.finish().exits(1);
    outcome
        .says("git dkr: the host has no modules/odd/na me")
        .says("commits of a submodule cannot come along");
    assert_eq!(app.git(["branch", "--list", "*/late"]), "");
}

#[test]
fn yes_is_without_those_of_submodules_and_no_is_none() {
    let Some(lab) = Lab::new() else { return };
    repo(&lab, "submodules = yes\n");
    let app = Repo::at(&lab, lab.path("app"));
    let image = lab.create(&app, &[]);
    assert_eq!(
        image.sh("git status --porcelain; ls 'libs/out er' 'libs/out er/deep/in'"),
        "libs/out er:\na\ndeep\n\nlibs/out er/deep/in:"
    );
    app.conf("");
    assert_eq!(
        lab.update(&app, &[])
            .sh("git status --porcelain; ls 'libs/out er'; git submodule status | cut -c1"),
        "-"
    );
}

#[test]
fn a_url_that_leads_from_the_repository_s_own_is_told() {
    let Some(lab) = Lab::new() else { return };
    let (app, other) = (lab.repo(), lab.repo());
    let copies = [
        ("web", "https://ada:token@example.com/libs/web.git"),
        ("ssh", "git@example.com:libs/ssh.git"),
        ("here", &format!("file://{}", other.path.display())),
    ];
    for (name, url) in copies {
        let copy = app.submodule(name, &other);
        copy.git(["remote", "set-url", "origin", url]);
        let key = format!("submodule.{name}.url");
        app.git(["config", "--file", ".gitmodules", &key, "../libs"]);
    }
    app.git(["add", ".gitmodules"]);
    app.conf("submodules = yes\n");
    let urls =
        "for name in web ssh here; do git -C $name remote get-url origin; done; git status --short";
    let expected =
        "https://example.com/libs/web.git\ngit@example.com:libs/ssh.git\nssh://dkr-host/libs";
    let image = lab.create(&app, &[]);
    assert_eq!(image.sh(urls), expected);
    assert_eq!(image.sh("ls -A .git | grep dkr"), "dkr-submodules");
    app.commit("More", &[("more", "1\n")]);
    assert_eq!(lab.update(&app, &[]).sh(urls), expected);
}

#[test]
fn an_update_brings_what_moved_came_and_went() {
    let Some(lab) = Lab::new() else { return };
    let (one, other) = (lab.repo(), lab.repo());
    let app = lab.repo();
    let worktree = app.submodule("one", &one);
    app.submodule("gone", &other);
    app.submodule("same", &other);
    app.conf("submodules = yes\nfilter = blob:none\n");
    let image = lab.create(&app, &[]);
    assert_eq!(
        image.sh("git status --porcelain; cat one/a gone/a; touch one/built"),
        "1\n1"
    );

    let times = "cd .git/modules/same; stat -c %y ../../../same/a index HEAD logs/HEAD";
    let times_before = image.sh(times);

    let moved = worktree.commit("More", &[("b", "2\n")]);
    app.git(["add", "one"]);
    app.git(["rm", "--quiet", "gone"]);
    app.submodule("new", &other);
    let image = lab.update(&app, &[]);
    let seen = image.sh("git status --porcelain; ls; cat one/b new/a; git -C one rev-parse HEAD");
    assert_eq!(seen, format!("a\nnew\none\nsame\n2\n1\n{moved}"));
    assert_eq!(image.sh(times), times_before);
    // Only what is new of it.
    let packs = "for p in .git/modules/one/objects/pack/*.idx; do git show-index <$p | wc -l; done | sort -n | tr '\\n' ' '";
    assert_eq!(image.sh(packs).trim(), "3 3");

    // A container that goes on says what it cannot have.
    worktree.commit("Still more", &[("b", "3\n")]);
    app.git(["add", "one"]);
    app.commit("Move", &[]);
    let started = lab.start(&app, &[], "cat one/b").ok();
    assert_eq!(started.stdout, "2\n");
    started.says("warning: submodules are as they were when the image was built");
}

#[test]
fn a_create_on_another_branch_s_image_has_its_own() {
    let Some(lab) = Lab::new() else { return };
    let (one, other, app) = (lab.repo(), lab.repo(), lab.repo());
    let worktree = app.submodule("one", &one);
    app.submodule("gone", &other);
    app.conf("submodules = yes\nsparse = src\n");
    app.commit("Add", &[("src/x", "1\n"), ("docs/x", "1\n")]);
    let base = lab.create(&app, &["main"]);
    app.branch("feature", "main");
    let moved = worktree.commit("More", &[("b", "2\n")]);
    app.git(["add", "one"]);
    app.git(["rm", "--quiet", "gone"]);
    app.conf("submodules = yes\nsparse = docs\n");
    let image = lab.create(&app, &["feature"]);
    assert_eq!(image.label("parent"), base.id());
    assert_eq!(
        image.sh("git status --porcelain; ls . one; git -C one rev-parse HEAD; git submodule status | cut -c1"),
        format!(".:\na\ndocs\none\n\none:\na\nb\n{moved}\n ")
    );
    assert_eq!(image.sh("ls .git/modules"), "one");
}

#[test]
fn with_sparse_only_those_in_its_directories() {
    let Some(lab) = Lab::new() else { return };
    let (one, app) = (lab.repo(), lab.repo());
    app.submodule("libs/one", &one);
    app.submodule("other/two", &one);
    app.conf("submodules = yes\nsparse = libs/one\n");
    // What is not wanted need not be here.
    std::fs::remove_dir_all(app.path.join(".git/modules/other")).unwrap();
    let image = lab.create(&app, &[]);
    assert_eq!(
        image.sh("git status --porcelain; cat libs/one/a; ls"),
        "1\na\nlibs"
    );
}

#[test]
fn what_the_host_lacks_is_named_at_once_and_nothing_is_built() {
    let Some(lab) = Lab::new() else { return };
    let (one, app) = (lab.repo(), lab.repo());
    app.submodule("here", &one);
    app.submodule("lost", &one);
    let worktree = app.submodule("old", &one);
    worktree.commit("Later", &[]);
    app.git(["add", "old"]);
    app.conf("submodules = yes\n");
    std::fs::remove_dir_all(app.path.join(".git/modules/lost")).unwrap();
    let old = app.path.join(".git/modules/old");
    std::fs::remove_dir_all(&old).unwrap();
    app.git([
        "clone",
        "--quiet",
        "--bare",
        one.path.to_str().unwrap(),
        old.to_str().unwrap(),
    ]);
    for args in [&["create-image"][..], &["create-image", "--dry-run"]] {
        let outcome = lab.dkr(&app.path, args).fails();
        outcome.says("lost at ").says("there is no copy of it");
        outcome
            .says("old at ")
            .says("its copy does not have that commit");
        outcome
            .says("submodule update --init --recursive")
            .never_says("here at");
    }
    assert!(lab.images().is_empty());
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let (one, app) = (lab.repo(), lab.repo());
    app.submodule("sub", &one);
    app.conf("submodules = yes\n");
    let modules = |name: &str| format!("[submodule \"{name}\"]\n\tpath = sub\n\turl = x\n");
    for (name, said) in [
        ("../../hooks", "cannot be the name of a submodule"),
        ("/etc", "cannot be the name of a submodule"),
        (
            "a\"]\n\tpath = sub\n[submodule \"a/hooks",
            "would lie in the git directory",
        ),
    ] {
        app.commit("Attack", &[(".gitmodules", &modules(name))]);
        lab.dkr(&app.path, ["create-image"]).fails().says(said);
    }
    assert!(lab.images().is_empty());
}

#[test]
fn not_over_the_host_s_own_sshd() {
    let Some(lab) = Lab::new() else { return };
    let app = lab.repo();
    app.conf("submodules = yes\n");
    let key = crate::common::sshd::keygen(&lab, "key", "");
    let key = key.to_str().unwrap();
    let outcome = lab.dkr(&app.path, ["create-image", "--ssh-key", key]);
    outcome
        .fails()
        .says("cannot be fetched over the host's own sshd (--ssh-key)");
}
