//! Containers reach the repository whatever network they have.

use std::process::Command;

use rustix::process::Signal;

use crate::common::dkr::Running;
use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// Those that containers can have on this engine.
pub(super) fn networks(lab: &Lab) -> Vec<&'static str> {
    let mut listed = lab.client();
    listed.args(["network", "ls", "--format={{.Driver}}"]);
    let bridge = crate::common::run(&mut listed).contains("bridge");
    let all = [("host", true), ("bridge", bridge), ("none", true)];
    all.into_iter()
        .filter_map(|(network, is_there)| is_there.then_some(network))
        .collect()
}

/// Runs a script in a container of each network, with an image that is older than the branch.
#[track_caller]
fn in_each(script: &str, check: impl Fn(&Lab, &Repo, &str, &str)) {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &["main"]);
    repo.commit("News", &[("news", "1")]);
    for network in networks(&lab) {
        let hostname = format!("{}-{network}", lab.host);
        let options = [
            &format!("--network={network}"),
            "--name=work",
            "--no-update",
            &format!("--hostname={hostname}"),
        ];
        let outcome = lab.start(&repo, &options, script).ok();
        check(&lab, &repo, &hostname, &outcome.stdout);
    }
}

/// Runs a script in a container without a network, called [`Lab::host`].
fn spawn(lab: &Lab, repo: &Repo, script: &str) -> Running {
    let hostname = format!("--hostname={}", lab.host);
    let options = ["start-image", "--network=none", &hostname];
    lab.dkr_spawn(
        &repo.path,
        &[&options[..], &["--", "sh", "-c", script]].concat(),
    )
}

#[test]
fn fetches_pushes_and_refused_pushes() {
    const REFUSED: &str = "refs/heads/* only";
    let script = "
        test -e news || exit 3
        git commit --quiet --allow-empty -m Work
        git push --quiet && git rev-parse HEAD || exit 4
        git push host HEAD:refs/heads/main 2>&1 && exit 5
        ssh dkr-host true 2>&1 && exit 6
        ssh -W 127.0.0.1:22 dkr-host 2>&1 </dev/null && exit 7
        ssh -o ExitOnForwardFailure=yes -N -R 0:127.0.0.1:22 dkr-host 2>&1 && exit 8
        true";
    in_each(script, |_, repo, host, said| {
        let (pushed, refusals) = said.split_once('\n').unwrap();
        assert_eq!(repo.id(&format!("refs/heads/{host}/work")), pushed);
        assert!(
            refusals.contains(&REFUSED.replace('*', &format!("{host}/*"))),
            "{refusals}"
        );
        assert!(refusals.contains("serves git fetch and git push here, and nothing else"));
        assert_eq!(repo.id("main"), repo.head());
    });
}

#[test]
fn a_command_that_comes_before_the_connection_waits_for_it() {
    // The entrypoint has nothing to fetch at the commit of the image.
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for network in networks(&lab) {
        let network = format!("--network={network}");
        lab.start(&repo, &[&network], "exec git fetch host").ok();
    }
}

#[test]
fn twenty_connections_at_once() {
    let script = "
        for number in $(seq 20); do
            { git ls-remote --quiet --exit-code host main >/dev/null && echo answered; } &
        done
        wait";
    in_each(script, |_, _, host, said| {
        assert_eq!(said, "answered\n".repeat(20), "{host}");
    });
}

/// A container's own client is killed, as something short of memory would.
#[test]
fn a_tunnel_that_breaks_is_opened_again() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "
        git fetch host || exit 3
        for signal in TERM KILL; do
            kill -$signal $(grep -la '[C]ontrolPersist' /proc/[0-9]*/cmdline | sed 's|/proc/\\([0-9]*\\)/.*|\\1|')
            git fetch host || exit 4
        done";
    let outcome = lab.start(&repo, &["--network=none"], script).ok();
    outcome.never_says("warning");
}

#[test]
fn a_relay_that_is_killed_is_started_again() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "git fetch host && echo first && read line && git fetch host && echo second";
    let mut running = spawn(&lab, &repo, script);
    running.prints("first");
    let relay = format!("exec --interactive {} sh", lab.host);
    crate::common::run(Command::new("pkill").args(["--signal=KILL", "--full", &relay]));
    running.reads("\n");
    running.finish().ok();
}

/// Nothing is left to answer. What the container has is still there, and git says what is wrong.
#[test]
fn a_container_without_its_git_dkr_is_told_so() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let running = spawn(&lab, &repo, "git fetch host && echo first && sleep 60");
    running.prints("first");
    running.signal(Signal::KILL);
    drop(running);
    let keeper = format!("keep .* {} --engine", lab.host);
    crate::common::run(Command::new("pkill").args(["--signal=KILL", "--full", &keeper]));
    let mut fetch = lab.client();
    fetch.args(["exec", &lab.host, "sh", "-c", "git fetch host 2>&1; exit 0"]);
    let said = crate::common::run(&mut fetch);
    assert!(
        said.contains("git dkr is not connected to this container"),
        "{said}"
    );
    lab.docker(&["rm", "--force", &lab.host]);
}
