//! Where the measurements take place: a repository, an engine, an sshd. Removed when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use git_dkr::ssh::{Server, ServerConfig, ServerPort};

/// The clone by hand.
const BY_HAND: &str = "dkr-bench-by-hand";

/// A repository of its own, and the programs to measure.
pub struct Site {
    pub directory: tempfile::TempDir,
    pub repo: PathBuf,
    docker: PathBuf,
}

impl Site {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repo = directory.path().join("bench");
        let site = Self {
            docker: client(),
            repo,
            directory,
        };
        match std::env::var_os("BENCH_REPO") {
            Some(source) => {
                let source = Path::new(&source);
                site.run(
                    Command::new("git")
                        .args(["clone", "-q"])
                        .arg(source)
                        .arg(&site.repo),
                );
                site.git(&["checkout", "-q", "-B", "main"]);
            }
            None => site.generate(),
        }
        site.write_conf();
        site
    }

    /// 40 commits over 4,000 files; half of what is written does not compress.
    fn generate(&self) {
        std::fs::create_dir_all(&self.repo).unwrap();
        self.git(&["init", "-q", "-b", "main"]);
        let mut state = 1u64;
        for commit in 0..40 {
            for file in 0..100 {
                let directory = self.repo.join(format!("src/{commit}"));
                std::fs::create_dir_all(&directory).unwrap();
                let text: String = (0..1000)
                    .map(|_| {
                        // A linear congruential generator (Knuth, MMIX).
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        format!("line {:08x}\n", state >> 32)
                    })
                    .collect();
                std::fs::write(directory.join(format!("{file}.txt")), text).unwrap();
            }
            self.git(&["add", "."]);
            self.git(&["commit", "-q", "-m", "more"]);
        }
        self.git(&["gc", "-q"]);
    }

    fn write_conf(&self) {
        std::fs::write(self.repo.join(".dkr.conf"), "caches = none\n").unwrap();
        self.git(&["add", ".dkr.conf"]);
        self.commit();
    }

    /// At least this many commits, each of one file.
    pub fn lengthen(&self, count: usize) {
        let have = self.git(&["rev-list", "--count", "HEAD"]);
        for number in have.trim().parse::<usize>().unwrap()..count {
            std::fs::write(self.repo.join("number"), number.to_string()).unwrap();
            self.git(&["add", "number"]);
            self.commit();
        }
    }

    /// One more commit on main.
    pub fn commit(&self) {
        self.git(&["commit", "-q", "--allow-empty", "-m", "one more"]);
    }

    pub fn git(&self, args: &[&str]) -> String {
        let mut cmd = Command::new("git");
        cmd.args([
            "-c",
            "user.name=Bench",
            "-c",
            "user.email=bench@example.com",
        ]);
        self.run(cmd.arg("-C").arg(&self.repo).args(args))
    }

    pub fn dkr(&self, args: &[&str]) -> String {
        self.run(&mut self.dkr_command(args))
    }

    pub fn dkr_command(&self, args: &[&str]) -> Command {
        let mut cmd = Command::new(env!("CARGO_BIN_EXE_git-dkr"));
        cmd.args(args)
            .current_dir(&self.repo)
            .env("DKR_BASE_IMAGE", "debian:bookworm-slim")
            .env("DKR_CACHES", "none")
            .env("XDG_CACHE_HOME", self.directory.path().join("cache"));
        cmd
    }

    pub fn docker(&self, args: &[&str]) -> String {
        self.run(Command::new(&self.docker).args(args))
    }

    /// A command of the docker client by BuildKit.
    pub fn build(&self, args: &[&str]) -> String {
        self.run(
            Command::new(&self.docker)
                .env("DOCKER_BUILDKIT", "1")
                .args(args),
        )
    }

    pub fn run(&self, cmd: &mut Command) -> String {
        let output = cmd.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{cmd:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Images with our labels, each of a branch of its own.
    pub fn many_images(&self, count: usize) -> Vec<Import<'_>> {
        let commit = self.git(&["rev-parse", "HEAD"]);
        let image = |index: usize| {
            let branch = format!("b{index}");
            self.git(&["branch", "-f", &branch]);
            self.image_at(&self.repo, &branch, commit.trim())
        };
        (0..count).map(image).collect()
    }

    /// An image with our labels and nothing in it.
    pub fn image_at(&self, repo: &Path, branch: &str, commit: &str) -> Import<'_> {
        let path = repo.canonicalize().unwrap();
        let labels = [
            "dkr.schema=1".to_owned(),
            "dkr.type=base".to_owned(),
            "dkr.repo_name=bench".to_owned(),
            "dkr.created_at=2026-01-01T00:00:00Z".to_owned(),
            format!("dkr.repo_path={}", path.display()),
            format!("dkr.branch={branch}"),
            format!("dkr.branch_from={branch}"),
            format!("dkr.commit={commit}"),
        ];
        let mut cmd = Command::new(&self.docker);
        cmd.arg("import");
        for label in labels {
            cmd.args([
                "--change",
                &format!("LABEL \"{}\"", label.replacen('=', "\"=\"", 1)),
            ]);
        }
        // An empty archive: two blocks of zeros.
        let tar = self.directory.path().join("empty.tar");
        std::fs::write(&tar, [0; 1024]).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        let tag = format!("dkr:{}-{branch}", name.trim_start_matches('.'));
        self.run(cmd.arg(&tar).arg(&tag));
        Import { site: self, tag }
    }

    /// What a user without git dkr writes.
    pub fn build_by_hand(&self, sshd: &Sshd) {
        let url = format!("ssh://{}@127.0.0.1{}", user(), self.repo.display());
        let steps = format!(
            "FROM debian:bookworm-slim\n\
             RUN apt-get update && apt-get install -y --no-install-recommends git openssh-client \
             tmux curl ca-certificates && rm -rf /var/lib/apt/lists/*\n\
             {} git clone -q {url} /workspace\n",
            self.git_by_ssh(sshd)
        );
        self.dockerfile_by_hand(sshd, &steps, BY_HAND);
    }

    /// And what one puts on it later.
    pub fn rebase_by_hand(&self, sshd: &Sshd) {
        let steps = format!(
            "FROM {BY_HAND}\nWORKDIR /workspace\n\
             {} git fetch -q && git rebase -q origin/main\n",
            self.git_by_ssh(sshd)
        );
        self.dockerfile_by_hand(sshd, &steps, "dkr-bench-rebased");
    }

    /// A step that runs git at this commit; not taken from the cache at another.
    fn git_by_ssh(&self, sshd: &Sshd) -> String {
        format!(
            "RUN --mount=type=ssh --mount=type=secret,id=known_hosts : {} && \
             export GIT_SSH_COMMAND='ssh -p {} -o UserKnownHostsFile=/run/secrets/known_hosts' &&",
            self.git(&["rev-parse", "HEAD"]).trim(),
            sshd.port
        )
    }

    fn dockerfile_by_hand(&self, sshd: &Sshd, text: &str, tag: &str) {
        let context = self.directory.path().join("by-hand");
        std::fs::create_dir_all(&context).unwrap();
        std::fs::write(context.join("Dockerfile"), text).unwrap();
        let known_hosts = format!("id=known_hosts,src={}", sshd.known_hosts.display());
        let key = format!("default={}", sshd.key.display());
        let mut cmd = Command::new(&self.docker);
        cmd.env("DOCKER_BUILDKIT", "1")
            .args(["build", "-q", "--network=host", "--ssh", &key])
            .args(["--secret", &known_hosts, "-t", tag])
            .args(["--label", "dkr-bench=1"])
            .arg(&context);
        self.run(&mut cmd);
    }

    /// `git clone` over the server of a build.
    pub fn clone_embedded(&self) {
        let directory = tempfile::tempdir_in(self.directory.path()).unwrap();
        let serve = ServerConfig::of(self.repo.join(".git"));
        let server = Server::listen(serve, directory.path()).unwrap();
        self.clone_with(server.access().port().unwrap(), directory.path());
    }

    fn clone_with(&self, access: &ServerPort, directory: &Path) {
        let known_hosts = directory.join("known_hosts");
        let host = format!("[127.0.0.1]:{} {}\n", access.port, access.host_keys[0]);
        std::fs::write(&known_hosts, host).unwrap();
        let url = format!("ssh://{}@127.0.0.1:{}/workspace", access.user, access.port);
        self.clone_from(&url, &access.key, &known_hosts, directory);
    }

    pub fn clone_over(&self, sshd: &Sshd) {
        let directory = tempfile::tempdir_in(self.directory.path()).unwrap();
        let path = self.repo.display();
        let url = format!("ssh://{}@127.0.0.1:{}{path}", user(), sshd.port);
        self.clone_from(&url, &sshd.key, &sshd.known_hosts, directory.path());
    }

    fn clone_from(&self, url: &str, key: &Path, known_hosts: &Path, directory: &Path) {
        let ssh = format!(
            "ssh -F /dev/null -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={}",
            key.display(),
            known_hosts.display()
        );
        let mut cmd = Command::new("git");
        cmd.env("GIT_SSH_COMMAND", ssh)
            .args(["clone", "-q", "--bare", url])
            .arg(directory.join("clone"));
        self.run(&mut cmd);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let mut ids = self.docker(&["images", "-q", "--filter", "label=dkr-bench"]);
        for repo in [&self.repo, &self.directory.path().join("with")] {
            let path = repo.canonicalize().unwrap_or_default();
            let filter = format!("label=dkr.repo_path={}", path.display());
            ids.push_str(&self.docker(&["images", "-q", "--filter", &filter]));
        }
        for id in ids.lines() {
            let _ = Command::new(&self.docker)
                .args(["image", "rm", "-f", id])
                .output();
        }
    }
}

/// An imported image, removed when dropped.
pub struct Import<'a> {
    site: &'a Site,
    tag: String,
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        let _ = Command::new(&self.site.docker)
            .args(["image", "rm", &self.tag])
            .output();
    }
}

/// The machine's sshd on a port of our own, with a key of our own.
pub struct Sshd {
    child: Child,
    pub port: u16,
    pub key: PathBuf,
    pub known_hosts: PathBuf,
}

impl Sshd {
    pub fn start(site: &Site) -> Self {
        let directory = site.directory.path().join("sshd");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let (key, host) = (directory.join("key"), directory.join("host"));
        for file in [&key, &host] {
            let mut cmd = Command::new("ssh-keygen");
            site.run(cmd.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file));
        }
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|socket| socket.local_addr())
            .unwrap()
            .port();
        let public = std::fs::read_to_string(directory.join("host.pub")).unwrap();
        let known_hosts = directory.join("known_hosts");
        std::fs::write(&known_hosts, format!("[127.0.0.1]:{port} {public}")).unwrap();
        let option = |name: &str, value: &Path| format!("-o{name}={}", value.display());
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", "/dev/null", "-oListenAddress=127.0.0.1"])
            .args(["-oStrictModes=no", "-oUsePAM=no", &format!("-p{port}")])
            .arg(option("HostKey", &host))
            .arg(option("PidFile", &directory.join("pid")))
            .arg(option("AuthorizedKeysFile", &directory.join("key.pub")))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("no sshd: make bench installs it");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self {
            child,
            port,
            key,
            known_hosts,
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".to_owned())
}

/// The first docker client that builds with BuildKit, as `scripts/engine` finds it.
fn client() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "no engine: see scripts/engine");
    String::from_utf8(output.stdout).unwrap().trim().into()
}
