//! The embedded server, asked by a real ssh: objects are handed over once, and to builds alone.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use git_dkr::git::{ObjectBundle, Objects};
use git_dkr::ssh::{ObjectTransfer, Server, ServerConfig};

use super::{found, resolve};
use crate::common::repo::Repo;
use crate::common::{Sandbox, wait_until};

const ASK: &str = "git-dkr-objects '/workspace'";

/// A server, and what it hands over if anything.
struct Host<'a> {
    sandbox: &'a Sandbox,
    server: Server,
    delivery: Option<ObjectTransfer>,
}

impl<'a> Host<'a> {
    fn new(repo: &Repo<'a>, delivery: Option<ObjectTransfer>) -> Self {
        let directory = repo.sandbox.path(&crate::common::unique());
        std::fs::create_dir(&directory).unwrap();
        let serve = ServerConfig {
            objects: delivery.as_ref().map(ObjectTransfer::handle),
            ..ServerConfig::of(found(repo).common_dir)
        };
        Self {
            sandbox: repo.sandbox,
            server: Server::listen(serve, &directory).unwrap(),
            delivery,
        }
    }

    fn ssh(&self) -> Command {
        let port = self.server.access().port().unwrap();
        let known = format!("[127.0.0.1]:{} {}\n", port.port, port.host_keys[0]);
        let known = self.sandbox.file("known_hosts", known);
        let mut command = self.sandbox.command("ssh");
        command
            .args(["-F", "/dev/null", "-o", "IdentitiesOnly=yes"])
            .args(["-o", &format!("UserKnownHostsFile={}", known.display())])
            .args(["-p", &port.port.to_string(), "-i"])
            .arg(&port.key)
            .arg("dkr@127.0.0.1");
        command
    }

    fn ask(&self) -> Output {
        self.ssh().arg(ASK).output().unwrap()
    }
}

fn delivery(repo: &Repo) -> ObjectTransfer {
    let (target, found) = (resolve(repo, "HEAD"), found(repo));
    let directory = repo.sandbox.path(&crate::common::unique());
    ObjectTransfer::start(1, move |stop| {
        let (commit, branch) = (&target.commit, target.on_branch());
        ObjectBundle::prepare(&found, commit, branch, Objects::All, &directory, stop)
    })
}

#[track_caller]
fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(why), "{said}");
    assert!(!output.status.success());
    let end = output
        .stdout
        .windows(16)
        .any(|bytes| bytes == b"git-dkr-complete");
    assert!(!end);
}

#[test]
fn the_first_who_asks_and_nobody_after() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let host = Host::new(&repo, Some(delivery(&repo)));
    assert!(host.server.access().objects);
    let first = host.ask();
    assert!(first.status.success(), "{first:?}");
    let mut archive = tar::Archive::new(&first.stdout[..]);
    let last = archive.entries().unwrap().last().unwrap().unwrap();
    assert_eq!(last.path().unwrap().to_str(), Some("git-dkr-complete"));
    let sent = host.server.sent();
    assert_eq!(
        sent.load(std::sync::atomic::Ordering::Relaxed),
        first.stdout.len() as u64
    );
    refused(&host.ask(), "once, and has done so");
    assert!(host.delivery.unwrap().failure().is_none());
}

#[test]
fn no_container_is_given_them() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let host = Host::new(&repo, None);
    assert!(!host.server.access().objects);
    refused(&host.ask(), "hands over no objects here");
}

#[test]
fn what_goes_wrong_is_said_at_both_ends() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let host = Host::new(
        &repo,
        Some(ObjectTransfer::start(1, |_| anyhow::bail!("no such luck"))),
    );
    refused(&host.ask(), "no such luck");
    let failure = host.delivery.unwrap().failure().unwrap();
    assert_eq!(failure.to_string(), "no such luck");

    // And in the middle of it: a pack that is written to when it is open already.
    repo.git(["repack", "-adq"]);
    let delivery = delivery(&repo);
    wait_until("the objects", || delivery.took().is_some());
    let packs = std::fs::read_dir(repo.path.join(".git/objects/pack")).unwrap();
    let mut packs = packs.map(|entry| entry.unwrap().path());
    let pack = packs
        .find(|path| path.extension().unwrap() == "pack")
        .unwrap();
    let bytes: Vec<u8> = std::fs::read(&pack)
        .unwrap()
        .iter()
        .map(|byte| byte ^ 1)
        .collect();
    std::fs::set_permissions(&pack, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    let host = Host::new(&repo, Some(delivery));
    refused(&host.ask(), "does not match its checksum");
    assert!(host.delivery.unwrap().failure().is_some());
}
