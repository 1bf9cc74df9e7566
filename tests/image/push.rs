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
    let outcome = lab.start_work(&repo, &format!("{COMMIT}\n{open}\n{tried}"));
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
        ("git push --mirror host", REASON),
        ("git push --force host HEAD~2:refs/heads/main", REASON),
        ("git push host --delete other", REASON),
        // One bad ref refuses them all.
        (
            "git push host HEAD:refs/heads/$(hostname)/fine HEAD:refs/heads/main",
            "refused with the others",
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
        ("ssh dkr-host", "shell request failed"),
        ("ssh -tt dkr-host sh", "PTY allocation request failed"),
        ("ssh -s dkr-host sftp", "subsystem request failed"),
        (
            "scp dkr-host:/etc/passwd /tmp/passwd",
            "subsystem request failed",
        ),
    ]);
}

#[test]
fn forwarding_of_ports_and_devices() {
    refused(&[
        ("ssh -W 127.0.0.1:22 dkr-host", "forwarding failed"),
        (
            "ssh -o ExitOnForwardFailure=yes -N -R 0:127.0.0.1:22 dkr-host",
            "remote port forwarding failed",
        ),
        (
            "ssh -o ExitOnForwardFailure=yes -N -R /tmp/s:127.0.0.1:22 dkr-host",
            "remote port forwarding failed",
        ),
    ]);
}

#[test]
fn other_keys_and_other_hosts() {
    refused(&[
        (
            "ssh-keygen -q -t ed25519 -N '' -f /tmp/k
            port=$(ssh -G dkr-host | sed -n 's/^port //p')
            ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -i /tmp/k -p $port dkr@127.0.0.1 true",
            "Permission denied (publickey)",
        ),
        // Who answers at the host's address must have the host's key.
        (
            "ssh -o UserKnownHostsFile=/dev/null dkr-host true",
            "Host key verification failed",
        ),
    ]);
}

#[test]
fn the_way_is_open_on_loopback_only() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    // Listening sockets (state 0A) at the port, in the kernel's own words.
    let script = "
        port=$(printf %04X $(ssh -G dkr-host | sed -n 's/^port //p'))
        cat /proc/net/tcp /proc/net/tcp6 | sed -n \"s/^ *[0-9]*: \\([0-9A-F]*\\):$port .* 0A .*/\\1/p\"";
    assert_eq!(lab.start(&repo, &[], script).ok().stdout, "0100007F\n");
}

#[test]
fn the_way_is_closed_when_the_container_has_ended() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let outcome = lab
        .start(&repo, &[], "ssh -G dkr-host | sed -n 's/^port //p'")
        .ok();
    let port = outcome.stdout.trim().to_owned();
    assert!(port.parse::<u16>().is_ok(), "{port}");
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
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
