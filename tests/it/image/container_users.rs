//! `user`: who runs in a container, and what they may do there and leave on the host.

use std::os::unix::fs::MetadataExt;

use crate::common::engine::Lab;

/// The whole of a work that is not root's.
const WORK: &str = "set -e
    echo work > work && git add work && git commit --quiet -m Work && git push --quiet
    git rev-parse HEAD";

/// Whose files in /workspace are, each owner once.
const OWNERS: &str = "find /workspace -printf '%U:%G\\n' | sort -u";

#[test]
fn an_agent_commits_and_pushes() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("user = agent\nnetwork = none\ncaches = npm\n[post_clone]\nRUN mkdir -p out/deep && echo built >out/deep/file && echo out >>.git/info/exclude\n");
    lab.create(&repo, &[]);
    let script = "id -u; id -g; id -un; echo $HOME $USER; cd && pwd && test -O . && touch file
        ls -ld /npm-cache | cut -d' ' -f3; touch /npm-cache/$$ && rm /npm-cache/$$; cat ~/.claude.json
        test -O /run/dkr/ssh_config && ! test -e /run/dkr/key || test -O /run/dkr/key
        cd /workspace && git status --short && echo more >>out/deep/file && git log -1 --format=%an";
    let started = lab.start(&repo, &[], &format!("{script}; {OWNERS}")).ok();
    insta::assert_snapshot!(started.stdout, @r#"
    1000
    1000
    agent
    /home/agent agent
    /home/agent
    {"hasCompletedOnboarding":true,"projects":{"/workspace":{"hasTrustDialogAccepted":true}}}
    Ada
    1000:1000
    "#);
    started.never_says("warning").never_says("takes as long");
    let outcome = lab.start_work(&repo, WORK).ok();
    assert_eq!(outcome.stdout, lab.pushed_work(&repo) + "\n");
    // A newer commit is fetched, and an update gives what it writes to the same.
    repo.commit("Newer", &[("new/file", "new\n")]);
    let fetched = lab
        .start(&repo, &[], &format!("cat new/file; {OWNERS}"))
        .ok();
    assert_eq!(fetched.stdout, "new\n1000:1000\n");
    lab.update(&repo, &[]);
    let updated = lab
        .start(
            &repo,
            &["--no-update"],
            &format!("git status --short; {OWNERS}"),
        )
        .ok();
    assert_eq!(updated.stdout, "1000:1000\n");
    updated.never_says("takes as long");
}

/// Git asks whose a repository is, in any of its commands.
#[test]
fn root_works_in_the_worktree_of_uid_1000() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = String::from(
        "stat -c %u . .git | sort -u; git clone --quiet /workspace /tmp/clone && git -C /tmp/clone log -1 --format=%s; git worktree add --quiet /tmp/tree && git -C /tmp/tree status --short",
    );
    assert_eq!(lab.start(&repo, &[], &script).ok().stdout, "1000\nBegin\n");
    let outcome = lab.start_work(&repo, WORK).ok();
    assert_eq!(outcome.stdout, lab.pushed_work(&repo) + "\n");
}

#[test]
fn another_uid_is_given_the_worktree() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let directory = lab.file("shared/file", "theirs\n");
    let directory = directory.parent().unwrap();
    let owner = directory.metadata().unwrap().uid();
    repo.conf(&format!(
        "volumes = {}:/workspace/shared\n",
        directory.display()
    ));
    lab.create(&repo, &[]);
    let script = format!("stat -c %u . .git | sort -u; echo $HOME; stat -c %u shared/file; {WORK}");
    let args = [
        "--user=1234",
        "--name=work",
        &format!("--hostname={}", lab.host),
    ];
    let started = lab.start(&repo, &args, &script).ok();
    let pushed = lab.pushed_work(&repo);
    assert_eq!(
        started.stdout,
        format!("1234\n/home/user-1234\n{owner}\n{pushed}\n")
    );
    started.says("giving the worktree to uid 1234 takes as long as copying it; uid 1000 (--user agent) has it already");
    assert_eq!(directory.metadata().unwrap().uid(), owner);
}

#[test]
fn an_account_of_the_image() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf(concat!(
        "[pre_clone]\n",
        "RUN printf 'dev:x:1000:1000::/srv/dev:/bin/sh\\nci:x:77:88::/srv/ci:/bin/sh\\n' >>/etc/passwd && printf 'ci:x:88:\\n' >>/etc/group\n",
    ));
    lab.create(&repo, &[]);
    let script = "id -un; id -u; id -g; echo $HOME; cd && touch file; grep -c ':1000:' /etc/passwd";
    let of = |user: &str| lab.start(&repo, &["--user", user], script).ok().stdout;
    assert_eq!(of("agent"), "dev\n1000\n1000\n/srv/dev\n1\n");
    assert_eq!(of("dev"), "dev\n1000\n1000\n/srv/dev\n1\n");
    assert_eq!(of("ci"), "ci\n77\n88\n/srv/ci\n1\n");
}

#[test]
fn what_the_user_of_the_host_makes_is_theirs() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let directory = lab.path("made");
    std::fs::create_dir(&directory).unwrap();
    repo.conf(&format!(
        "network = none\nvolumes = {}:/made\n",
        directory.display()
    ));
    lab.create(&repo, &[]);
    lab.start(
        &repo,
        &["--user=host"],
        "touch /made/file && git status --short",
    )
    .ok();
    let (made, own) = (
        directory.join("file").metadata().unwrap(),
        directory.metadata().unwrap(),
    );
    assert_eq!((made.uid(), made.gid()), (own.uid(), own.gid()));
}

/// Images outlive the git dkr that made them: in one from before the worktree is root's, and an update leaves it so.
#[test]
fn an_image_from_before() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let file = format!(
        "FROM {}\nRUN chown -hR 0:0 /workspace && rm /etc/gitconfig\n",
        image.tag
    );
    let directory = lab.file("before/Dockerfile", file);
    let directory = directory.parent().unwrap().to_str().unwrap();
    lab.docker(&["build", "--quiet", "--tag", &image.tag, directory]);
    let started = lab
        .start(
            &repo,
            &["--user=agent"],
            &format!("git status --short; {OWNERS}"),
        )
        .ok();
    assert_eq!(started.stdout, "1000:1000\n");
    started.says("an image that git dkr create-image makes now is ready");
    repo.commit("Newer", &[("new", "new\n")]);
    lab.update(&repo, &[]);
    assert_eq!(
        lab.start(&repo, &["--no-update"], OWNERS).ok().stdout,
        "0:0\n"
    );
}
