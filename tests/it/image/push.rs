//! What a container may push to the host, and all that the embedded server refuses.

use crate::common::engine::Lab;

/// Makes attempts in a container, on the branch `work`, each a line of shell. All must fail for
/// the reason given, and the host's branches and settings be as before.
#[track_caller]
fn refused(attempts: &[(&str, &str)]) {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("other", "main").checkout("main");
    repo.commit("Second", &[("b", "2")]);
    lab.create(&repo, &["main"]);
    let before = repo.snapshot();
    let tried: String = attempts
        .iter()
        .map(|(attempt, _)| {
            format!("said=$( ({attempt}) </dev/null 2>&1 ); printf '%s %s\\036' $? \"$said\"\n")
        })
        .collect();
    // That the way is open at all, so that a refusal means something.
    let open = "git ls-remote --quiet host >/dev/null || exit 9";
    let host = format!("--hostname={}", lab.host);
    let options = ["--name=work", &host];
    let outcome = lab.start(&repo, &options, &format!("{COMMIT}\n{open}\n{tried}"));
    let answers: Vec<String> = outcome
        .ok()
        .stdout
        .split_terminator('\u{1e}')
        .map(str::to_owned)
        .collect();
    assert_eq!(answers.len(), attempts.len());
    for ((attempt, reason), answer) in attempts.iter().zip(answers) {
        let (code, said) = answer.split_once(' ').unwrap();
        assert_ne!(code, "0", "{attempt} was allowed");
        assert!(said.contains(reason), "{attempt} said\n{said}");
    }
    before.assert_same(&repo);
}

const COMMIT: &str = "git config user.name Bob; git config user.email bob@example.com
git commit --quiet --allow-empty -m Work";

#[test]
fn other_branches_and_refs() {
    const REASON: &str = "git dkr: a container may push to refs/heads/";
    refused(&[
        ("git push host HEAD:refs/heads/main", REASON),
        ("git push host HEAD:refs/heads/new", REASON),
        ("git push host HEAD:refs/heads/$(hostname)", REASON),
        ("git push host HEAD:refs/heads/$(hostname)0/work", REASON),
        ("git push host HEAD:refs/heads/box/work", REASON),
        ("git push host HEAD:refs/tags/v1", REASON),
        ("git push host +HEAD:refs/notes/dkr", REASON),
        ("git push host HEAD:refs/remotes/origin/main", REASON),
        ("git push --mirror host", "may not delete"),
        ("git push --force host HEAD~2:refs/heads/main", REASON),
        ("git push host --delete other", "remote ref does not exist"),
        ("git push host --delete refs/heads/other", "may not delete"),
        // Past what git runs in the container for a push.
        (
            "git push ssh://dkr-host/workspace HEAD:refs/heads/main",
            REASON,
        ),
        (
            "git push ssh://dkr-host/workspace --delete refs/heads/other",
            REASON,
        ),
        // One bad ref refuses them all.
        (
            "git push host HEAD:refs/heads/$(hostname)/fine HEAD:refs/heads/main",
            "refused together with the others",
        ),
    ]);
}

#[test]
fn forcing_and_deleting_on_its_own_branch_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = format!(
        "{COMMIT}
        git push --quiet host && git rev-parse HEAD
        git commit --quiet --amend --allow-empty -m Rewritten
        git push --quiet host && echo not forced
        git push --quiet --force host && echo forced
        git push --quiet host --delete refs/heads/$(hostname)/work && echo deleted
        git reset --quiet --hard @{{1}} && {COMMIT} && git push --quiet host && git rev-parse HEAD"
    );
    let outcome = lab.start_work(&repo, &script).ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let [first, last] = lines[..] else {
        panic!("{outcome:?}")
    };
    // What is built on what it pushed may follow.
    assert_eq!(lab.pushed_work(&repo), last);
    assert_eq!(repo.id(&format!("{last}~1")), first);
    outcome.says("may not delete");
}

/// Whatever branch one is on, in whatever worktree; and what the host has under that name stays, here and
/// there.
#[test]
fn a_plain_push_brings_what_one_is_on() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let (before, main) = (repo.snapshot(), repo.head());
    let script = "
        printf '#!/bin/sh\necho hook >>/tmp/hooks\n' >.git/hooks/pre-push; chmod +x .git/hooks/pre-push
        commit() { git commit --quiet --allow-empty -m \"$1\"; }
        git switch --quiet -c fix/foo; commit One; git push || exit; git rev-parse HEAD
        git push || exit
        commit Two; git push || exit; git rev-parse HEAD
        git worktree add --quiet -b tree /tmp/tree; (cd /tmp/tree; commit Three; git push || exit; git rev-parse HEAD) || exit
        git switch --quiet main; commit Main; git push -u host HEAD >&2 || exit; git push || exit; git rev-parse HEAD host/main
        git switch --quiet -c \"odd+$'\"; git push && git rev-parse HEAD
        cat /tmp/hooks";
    let outcome = lab.start_work(&repo, script).ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let pushed = |name: &str| repo.id(&format!("refs/heads/{}/{name}", lab.host));
    let (tree, own_main, odd) = (pushed("tree"), pushed("main"), pushed("odd+$'"));
    assert_eq!(
        lines[1..],
        [
            &pushed("fix/foo"),
            &tree,
            &own_main,
            &main,
            &odd,
            "hook",
            "hook",
            "hook",
            "hook",
            "hook",
            "hook",
            "hook"
        ],
        "{outcome:?}"
    );
    assert_eq!(repo.id(&format!("{}/fix/foo~1", lab.host)), lines[0]);
    let host = &lab.host;
    outcome
        .says(&format!(" * [new branch]      HEAD -> {host}/fix/foo"))
        .says(&format!("..{}  HEAD -> {host}/fix/foo", &lines[1][..7]))
        .says(&format!(" * [new branch]      HEAD -> {host}/main"))
        .says("Everything up-to-date");
    for name in ["tree", "main", "odd+$'", "fix/foo"] {
        repo.git(["branch", "--quiet", "-D", &format!("{host}/{name}")]);
    }
    before.assert_same(&repo);
}

/// What is refused names a command, and that one works.
#[test]
fn a_refusal_names_the_command_that_works() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "-a", "-m", "One", "v1"]);
    lab.create(&repo, &[]);
    let attempts = [
        "git push host HEAD:main",
        "git push --force host work:refs/heads/other",
        "git tag two; git push --tags host",
        "git push --quiet host; git commit --quiet --amend --allow-empty -m Rewritten; git push",
        "git push --quiet; git commit --quiet --amend --allow-empty -m Rewritten; git push --force host work",
        "git switch --quiet --detach; git commit --quiet --allow-empty -m Detached; git push",
        "git switch --quiet -c \"it's\"; git push; git commit --quiet --amend --allow-empty -m Again; git push -u host HEAD",
    ];
    for attempt in attempts {
        let script = format!(
            "git commit --quiet --allow-empty -m Work
            ({attempt}) >/tmp/said 2>&1 && exit 9
            works=$(sed -n 's/^hint: this works: //p' /tmp/said)
            cat /tmp/said >&2; echo \"$works\" >&2; eval \"$works\" || exit 8
            git rev-parse HEAD"
        );
        let outcome = lab.start_work(&repo, &script).ok();
        let there = repo.git(["branch", "--list", "--contains", outcome.stdout.trim()]);
        let ours = format!("{}/", lab.host);
        assert!(there.contains(&ours), "{attempt}: {outcome:?}");
        for branch in repo
            .git(["branch", "--list", &format!("{}/*", lab.host)])
            .lines()
        {
            repo.git(["branch", "-D", branch.trim()]);
        }
    }
}

/// A container never moves what it has not made, not even when it is called the same.
#[test]
fn two_containers_of_one_name_share_no_branch() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.start_work(&repo, "git push --quiet").ok();
    // Whoever comes later may have a name of its own, and goes on with it.
    let (commit, host) = ("git commit --quiet --allow-empty -m More", &lab.host);
    let script = format!(
        "git push --quiet && {commit} && git push --quiet || exit
        git switch --quiet -c work && {commit} && git push && exit 9
        git push --quiet host work:refs/heads/{host}/work-2"
    );
    let later = lab.start(
        &repo,
        &["--name=later", &format!("--hostname={host}")],
        &script,
    );
    let later = later.ok();
    later
        .says("this container did not create it")
        .says(&format!("git push host HEAD:refs/heads/{host}/work-2"));
    assert_eq!(lab.pushed_work(&repo), repo.head());
    assert_eq!(repo.id(&format!("{host}/later~1")), repo.head());
    assert_eq!(
        repo.id(&format!("{host}/work-2~1")),
        repo.id(&format!("{host}/later"))
    );

    // What somebody else has there is in the way; what was pushed and is gone is not.
    repo.git(["branch", "-D", &format!("{host}/work")]);
    lab.start_work(&repo, "git push --quiet").ok();
    repo.branch(&format!("{host}/own"), "main").checkout("main");
    let outcome = lab.start_work(&repo, "true").fails();
    outcome.says(&format!(
        "the repository has a branch {host}/own, which no container called {host} has pushed"
    ));
    let outcome = lab.dkr(
        &repo.path,
        ["start-image", "--hostname=feature", "--", "true"],
    );
    outcome.ok();
    repo.branch("feature/x", "main").checkout("main");
    let outcome = lab.dkr(
        &repo.path,
        ["start-image", "--hostname=feature", "--", "true"],
    );
    outcome
        .fails()
        .says("the repository has a branch feature/x");
}

#[test]
fn other_paths_commands_and_shells() {
    const PATH: &str = "git dkr serves /workspace here, and nothing else";
    const COMMAND: &str = "git dkr serves git fetch and git push here, and nothing else";
    refused(&[
        ("git clone ssh://dkr-host/etc /tmp/etc", PATH),
        ("git clone ssh://dkr-host/ /tmp/root", PATH),
        ("git clone ssh://dkr-host/workspace/../etc /tmp/up", PATH),
        ("ssh dkr-host true", COMMAND),
        ("ssh dkr-host sh", COMMAND),
        (
            "ssh dkr-host 'git-upload-pack /workspace; touch /tmp/x'",
            COMMAND,
        ),
        (
            "ssh dkr-host 'git-upload-pack --strict /workspace'",
            COMMAND,
        ),
        ("ssh dkr-host 'git-upload-archive /workspace'", COMMAND),
        ("ssh dkr-host 'git -c alias.x=!sh x'", COMMAND),
        ("ssh dkr-host", ""),
        ("ssh -tt dkr-host sh", "PTY allocation request failed"),
        ("ssh -s dkr-host sftp", ""),
        (
            "scp dkr-host:/etc/passwd /tmp/passwd && test -e /tmp/passwd",
            "",
        ),
    ]);
}

#[test]
fn forwarding_of_ports_and_devices() {
    refused(&[
        ("ssh -W 127.0.0.1:22 dkr-host", "forwarding request failed"),
        (
            "ssh -O forward -R 0:127.0.0.1:22 dkr-host",
            "remote port forwarding failed",
        ),
        (
            "ssh -O forward -R /tmp/s:127.0.0.1:22 dkr-host",
            "remote port forwarding failed",
        ),
    ]);
}

/// Nobody else on this machine could come in.
#[test]
fn a_container_s_server_listens_nowhere() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "git fetch host && ls /run/dkr && ssh -G dkr-host | grep -c '^proxycommand sh /run/dkr/connect'";
    let outcome = lab.start(&repo, &["--network=host"], script).ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(
        !lines.contains(&"key") && lines.last() == Some(&"1"),
        "{lines:?}"
    );
}

/// A build's listens on the loopback interface, has one key, and takes one.
#[test]
fn a_build_s_server_is_for_the_build_alone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let step = [
        "RUN --mount=type=ssh --mount=type=secret,id=dkr_ssh_config --mount=type=secret,id=dkr_known_hosts set -e;",
        "to='-F /run/secrets/dkr_ssh_config'; port=$(ssh $to -G dkr-host | sed -n 's/^port //p');",
        // Listening sockets (state 0A) at the port, in the kernel's own words.
        "hex=$(printf %04X $port); cat /proc/net/tcp /proc/net/tcp6 |",
        "sed -n \"s/^ *[0-9]*: \\([0-9A-F]*\\):$hex .* 0A .*/listens \\1/p\";",
        "ssh-keygen -q -t ed25519 -N '' -f /tmp/k; own='-F none -o BatchMode=yes -o StrictHostKeyChecking=no';",
        "ssh $own -o IdentityAgent=none -i /tmp/k -p $port dkr@127.0.0.1 true 2>&1 || true;",
        "ssh $to -o UserKnownHostsFile=/dev/null dkr-host true 2>&1 || true",
    ];
    repo.conf(&format!("[post_clone]\n{}\n", step.join(" ")));
    let outcome = lab.dkr(&repo.path, ["create-image", "--verbose"]).ok();
    outcome
        .says("listens 0100007F")
        .says("Permission denied (publickey)")
        .says("Host key verification failed");
    outcome.never_says("listens 00000000");
}

#[test]
fn a_build_step_may_not_push() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN --mount=type=ssh --mount=type=secret,id=dkr_ssh_config --mount=type=secret,id=dkr_known_hosts \\\n    GIT_SSH_COMMAND='ssh -F /run/secrets/dkr_ssh_config' git ls-remote host && \\\n    ! GIT_SSH_COMMAND='ssh -F /run/secrets/dkr_ssh_config' git push host HEAD:refs/heads/pushed\n");
    let before = repo.snapshot();
    lab.create(&repo, &[]);
    before.assert_same(&repo);
}

#[test]
fn what_is_pushed_must_be_well_formed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    // A tree with an entry called `.git`, which would become code on a checkout.
    let script = "
        blob=$(echo bad | git hash-object -w --stdin)
        evil=$(printf '100644 .git\\0' > /tmp/t; printf %s \"$blob\" | sed 's/../\\\\x&/g' | xargs -0 printf >> /tmp/t
            git hash-object -t tree --literally -w /tmp/t)
        commit=$(GIT_AUTHOR_NAME=B GIT_AUTHOR_EMAIL=b@x GIT_COMMITTER_NAME=B GIT_COMMITTER_EMAIL=b@x git commit-tree -m Evil $evil)
        test -n \"$commit\" || exit 9
        git push host $commit:refs/heads/$(hostname)/evil && echo pushed";
    let outcome = lab.start_work(&repo, script);
    assert_eq!(outcome.stdout, "");
    outcome.says("hasDotgit");
    assert!(!repo.has(&format!("refs/heads/{}/evil", lab.host)));
}
