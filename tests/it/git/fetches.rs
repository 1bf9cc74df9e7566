//! What a client of the embedded server may fetch by its id, and that nobody keeps others out; with a
//! real ssh and a real git.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use git_dkr::git::{ObjectId, View};
use git_dkr::ssh::{ReceivePolicy, Server, ServerConfig};

use super::{found, resolve};
use crate::common::Sandbox;
use crate::common::repo::Repo;

/// A server, and a repository that fetches from it.
struct Fetches<'a> {
    server: Server,
    client: Repo<'a>,
    ssh: String,
}

impl<'a> Fetches<'a> {
    fn new(sandbox: &'a Sandbox, upload: &Path, also: Option<&str>) -> Self {
        let directory = sandbox.path(&crate::common::unique());
        std::fs::create_dir(&directory).unwrap();
        let served = git_dkr::git::Repo::find(Some(upload)).unwrap();
        let serve = ServerConfig {
            also: also.iter().map(|id| ObjectId::parse(id).unwrap()).collect(),
            receive: Some(ReceivePolicy::new(&served, "box", false).unwrap()),
            ..ServerConfig::of(upload)
        };
        let server = Server::listen(serve, &directory).unwrap();
        let port = server.access().port().unwrap();
        let known = format!("[127.0.0.1]:{} {}\n", port.port, port.host_keys[0]);
        let known = sandbox.file(&crate::common::unique(), known);
        let ssh = format!(
            "ssh -F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile={} -i {}",
            known.display(),
            port.key.display()
        );
        let client = Repo::init(sandbox, &crate::common::unique(), &[]);
        let url = format!("ssh://dkr@127.0.0.1:{}/workspace", port.port);
        client.git(["remote", "add", "host", &url]);
        Self {
            server,
            client,
            ssh,
        }
    }

    /// Runs git in the client; whether it worked, and what it said.
    fn git(&self, args: &[&str]) -> (bool, String) {
        let mut command = self.client.command();
        command.env("GIT_SSH_COMMAND", &self.ssh).args(args);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    }

    #[track_caller]
    fn gets(&self, version: &str, id: &str) {
        let version = format!("protocol.version={version}");
        let (works, said) = self.git(&["-c", &version, "fetch", "-q", "host", id]);
        assert!(works, "{version} {id}: {said}");
        self.client.git(["cat-file", "-e", id]);
    }

    #[track_caller]
    fn does_not_get(&self, version: &str, id: &str) {
        let version = format!("protocol.version={version}");
        let (works, said) = self.git(&["-c", &version, "fetch", "-q", "host", id]);
        assert!(!works, "{version} {id}");
        let why = format!("upload-pack: not our ref {id}");
        assert!(said.contains(&why), "{version} {id}: {said}");
        self.client.git_fails(&["cat-file", "-e", id]);
    }
}

fn object(repo: &Repo, name: &str) -> String {
    repo.git(["rev-parse", "--verify", name])
}

/// A commit that was stashed and dropped; the stash's commit, and the blob of its file.
fn dropped(repo: &Repo) -> (String, String) {
    repo.write("secret", "dropped");
    repo.git(["add", "secret"]);
    repo.git(["stash", "push", "--quiet"]);
    let (commit, blob) = (repo.id("stash"), object(repo, "stash:secret"));
    repo.git(["stash", "drop", "--quiet"]);
    (commit, blob)
}

#[test]
fn a_build_gets_its_branch_and_the_tags() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let first = repo.head();
    repo.branch("other", "HEAD").checkout("other");
    let other = repo.commit("other", &[("other", "of the other branch")]);
    let blob = object(&repo, "other:other");
    repo.checkout("main");
    let main = repo.commit("main", &[("file", "of main")]);
    repo.git(["tag", "-a", "-m", "x", "v1", "other~1"]);
    let (stash, stashed) = dropped(&repo);
    let target = resolve(&repo, "main");
    let view = sandbox.path("view");
    std::fs::create_dir(&view).unwrap();
    let view = View::create(&found(&repo), &target.commit, target.on_branch(), &view).unwrap();
    let fetches = Fetches::new(&sandbox, &view.git_dir, None);
    for version in ["0", "1", "2"] {
        for id in [&other, &blob, &stash, &stashed] {
            fetches.does_not_get(version, id);
        }
        fetches.gets(version, &main);
        fetches.gets(version, &first);
        fetches.gets(version, &object(&repo, "v1"));
    }
    fetches.gets("2", &object(&repo, "main:file"));
}

#[test]
fn a_container_gets_what_refs_lead_to() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let first = repo.head();
    repo.branch("other", "HEAD").checkout("other");
    let other = repo.commit("other", &[("other", "of the other branch")]);
    repo.checkout("main").commit("main", &[("file", "one")]);
    let (stash, stashed) = dropped(&repo);
    let hidden = repo.commit("hidden", &[("hidden", "x")]);
    repo.git(["update-ref", "refs/secret/x", &hidden]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.git(["config", "transfer.hideRefs", "refs/secret"]);
    let fetches = Fetches::new(&sandbox, &repo.path.join(".git"), None);
    for version in ["0", "2"] {
        for id in [&stash, &stashed, &hidden] {
            fetches.does_not_get(version, id);
        }
        for id in [
            &first,
            &other,
            &object(&repo, "other:other"),
            &object(&repo, "main^{tree}"),
        ] {
            fetches.gets(version, id);
        }
    }
    // What comes later, and what goes: a blob that was reachable, and is dropped.
    let later = repo.commit("later", &[("later", "x")]);
    let blob = object(&repo, "main:later");
    fetches.gets("2", &later);
    fetches.gets("2", &blob);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    let again = Fetches {
        client: Repo::init(&sandbox, "again", &[]),
        ..fetches
    };
    let url = again.server.access().port().unwrap().port;
    let url = format!("ssh://dkr@127.0.0.1:{url}/workspace");
    again.client.git(["remote", "add", "host", &url]);
    again.does_not_get("2", &blob);
    again.does_not_get("2", &later);

    // But for the one that the user asked for.
    let asked = Fetches::new(&sandbox, &repo.path.join(".git"), Some(&stash));
    asked.gets("2", &stash);
    asked.gets("2", &stashed);
}

#[test]
fn a_partial_clone_gets_its_blobs_when_it_needs_them() {
    for bitmap in [true, false] {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        repo.many_commits(30);
        if bitmap {
            repo.git(["repack", "-adbq"]);
        }
        let last = repo.commit("last", &[("a", "1"), ("b", "2")]);
        let fetches = Fetches::new(&sandbox, &repo.path.join(".git"), None);
        let fetch = ["fetch", "-q", "--filter=blob:none", "host", "main"];
        let (works, said) = fetches.git(&fetch);
        assert!(works, "{said}");
        for revision in [
            "FETCH_HEAD",
            "FETCH_HEAD~20",
            "FETCH_HEAD~1",
            "FETCH_HEAD~10",
        ] {
            let (works, said) = fetches.git(&["checkout", "-q", "--detach", revision]);
            assert!(works, "{revision}: {said}");
        }
        assert!(!last.is_empty());
    }
}

/// Two kinds: those that say nothing, and those that begin to speak ssh.
#[test]
fn idle_connections_keep_nobody_out() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let fetches = Fetches::new(&sandbox, &repo.path.join(".git"), None);
    let address = ("127.0.0.1", fetches.server.access().port().unwrap().port);
    let idle: Vec<TcpStream> = (0..1100)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            if number % 2 == 0 {
                // It may have been sent away already.
                let _ = stream.write_all(b"SSH-2.0-idle\r\n");
            }
            stream
        })
        .collect();
    let (works, said) = fetches.git(&["fetch", "-q", "host", "main"]);
    assert!(works, "{said}");
    let push = ["push", "-q", "host", "FETCH_HEAD:refs/heads/box/work"];
    let (works, said) = fetches.git(&push);
    assert!(works, "{said}");
    assert!(repo.has("refs/heads/box/work"));
    drop(idle);
}
