//! A container that `start-image --detach` has started, and what is saved of it.

use std::collections::BTreeMap;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::dkr::Outcome;
use crate::common::engine::Lab;
use crate::common::repo::Repo;
use crate::common::wait_until;

/// Prints all that a resumed container has as the one before had it: of branches, those with commits.
pub const STATE: &str = r#"
look() {
    echo "== $1: $(git symbolic-ref --quiet HEAD || echo detached) $(git rev-parse HEAD)"
    git status --porcelain=v2 --untracked-files=all
    git diff --binary; git diff --binary --cached
    git ls-files -z --cached --others --exclude-standard | sort -uz | xargs -0 stat -c '%A %N' -- 2>/dev/null || :
    git ls-files -z --cached --others --exclude-standard | sort -uz | xargs -0 sha256sum -- 2>/dev/null || :
}
cd /workspace; look workspace
git for-each-ref --format='%(objectname) %(refname)' --no-merged="$(sed -n 3p /run/dkr/work)" refs/heads
git stash list
git stash list --format=%H | while read -r id; do git show --stat "$id"; done
"#;

/// One on the branch `work`, removed when dropped.
pub struct Started<'a> {
    pub lab: &'a Lab,
    pub repo: &'a Repo<'a>,
    pub name: String,
}

impl<'a> Started<'a> {
    /// With this command in the container, or a long sleep.
    #[track_caller]
    pub fn new(lab: &'a Lab, repo: &'a Repo<'a>, options: &[&str]) -> Self {
        Self::with_env(lab, repo, options, &[])
    }

    /// With settings in the environment.
    #[track_caller]
    pub fn with_env(
        lab: &'a Lab,
        repo: &'a Repo<'a>,
        options: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let host = format!("--hostname={}", lab.host);
        let start = ["start-image", "--detach", "--name=work", &host];
        let command = ["--", "sh", "-c", SLEEP];
        let args = [&start, options, &command].concat();
        let mut command = lab.dkr_command(&repo.path, args);
        command.envs(env.iter().copied());
        let outcome = crate::common::dkr::outcome(&mut command).ok();
        assert_eq!(outcome.stdout.trim_end(), lab.host);
        let started = Self::of(lab, repo, &lab.host);
        started.await_ready();
        started
    }

    /// One that was started otherwise.
    pub fn of(lab: &'a Lab, repo: &'a Repo<'a>, name: &str) -> Self {
        Self {
            lab,
            repo,
            name: name.to_owned(),
        }
    }

    #[track_caller]
    pub fn await_ready(&self) {
        wait_until("the command in the container", || {
            let mut test = self.lab.client();
            test.args(["exec", &self.name, "test", "-e", READY]);
            test.output().unwrap().status.success()
        });
    }

    /// Runs a script in it, as its user; what it printed.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let exec = ["exec", "--workdir=/workspace", &self.name];
        let command = ["sh", "-ec", script];
        self.lab.docker(&[&exec[..], &command].concat())
    }

    /// `git dkr COMMAND NAME` on the host.
    pub fn dkr(&self, args: &[&str]) -> Outcome {
        let (command, rest) = args.split_at(1);
        let args = [command, &[&self.name], rest].concat();
        self.lab.dkr(&self.repo.path, args)
    }

    /// `git dkr save`, which must succeed.
    #[track_caller]
    pub fn save(&self) -> Outcome {
        self.dkr(&["save"]).ok()
    }

    /// What is saved: the ids, by what each is.
    pub fn saved(&self) -> BTreeMap<String, String> {
        saved(self.repo, &self.name)
    }

    /// The paths that a saved commit has.
    #[track_caller]
    pub fn files(&self, what: &str) -> Vec<String> {
        let revision = format!("refs/dkr/work/{}/{what}", self.name);
        let listed = self
            .repo
            .git(["ls-tree", "-r", "-z", "--name-only", &revision]);
        let names = listed.split_terminator('\0');
        names.map(str::to_owned).collect()
    }

    /// A file of a saved commit.
    #[track_caller]
    pub fn text(&self, what: &str, file: &str) -> String {
        let object = format!("refs/dkr/work/{}/{what}:{file}", self.name);
        self.repo.git(["cat-file", "blob", &object])
    }

    /// Whether the engine has it.
    pub fn exists(&self) -> bool {
        self.inspect("{{.Id}}").is_some()
    }

    pub fn is_running(&self) -> bool {
        self.inspect("{{.State.Running}}")
            .is_some_and(|it| it == "true")
    }

    fn inspect(&self, format: &str) -> Option<String> {
        let mut command = self.lab.client();
        command.args(["container", "inspect", "--format", format, &self.name]);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| text.trim_end().to_owned())
    }

    /// Waits until it is gone from the engine, and nobody keeps it.
    #[track_caller]
    pub fn await_gone(&self) {
        wait_until("the container is gone", || !self.exists());
        wait_until("its keeper is gone", || self.keeper().is_none());
    }

    /// The process that keeps it.
    pub fn keeper(&self) -> Option<Pid> {
        let path = self.repo.path.to_str().unwrap();
        let wanted = format!("\0keep\0{path}\0{}\0", self.name);
        processes(|line| line.contains(&wanted)).pop()
    }

    /// Sends a signal to the process that keeps it.
    #[track_caller]
    pub fn signal_keeper(&self, signal: Signal) {
        kill_process(self.keeper().unwrap(), signal).unwrap();
    }

    /// Kills the process that keeps it.
    #[track_caller]
    pub fn kill_keeper(&self) {
        self.signal_keeper(Signal::KILL);
        wait_until("the keeper is dead", || self.keeper().is_none());
    }

    /// Resumes it; all that it printed there.
    #[track_caller]
    pub fn resumed(&self, script: &str) -> String {
        self.resumed_with(&[], script)
    }

    /// The same with options of a start.
    #[track_caller]
    pub fn resumed_with(&self, options: &[&str], script: &str) -> String {
        let args = [&["resume"], options, &["--", "sh", "-c", script]].concat();
        self.dkr(&args).ok().stdout.trim_end().to_owned()
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.keeper() {
            let _ = kill_process(pid, Signal::CONT);
        }
        let mut remove: Command = self.lab.client();
        let _ = remove.args(["rm", "--force", &self.name]).output();
        let ended = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.keeper().is_none()
        });
        if let Some(pid) = self.keeper().filter(|_| !ended) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The processes with such a command line, its words parted by NUL.
pub fn processes(is_meant: impl Fn(&str) -> bool) -> Vec<Pid> {
    let meant = |entry: std::io::Result<std::fs::DirEntry>| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let is_meant = is_meant(&String::from_utf8_lossy(&line));
        is_meant.then(|| Pid::from_raw(pid))?
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(meant)
        .collect()
}

/// A file that is there when the command in the container runs.
const READY: &str = "/tmp/ready";
pub const SLEEP: &str = ": >/tmp/ready; exec sleep 1000";

/// What is saved of a container: the ids, by what each is.
pub fn saved(repo: &Repo, name: &str) -> BTreeMap<String, String> {
    let prefix = format!("refs/dkr/work/{name}/");
    let format = "--format=%(refname) %(objectname)";
    let listed = repo.git(["for-each-ref", format, &prefix]);
    let pair = |line: &str| {
        let (name, id) = line.strip_prefix(&prefix)?.split_once(' ')?;
        Some((name.to_owned(), id.to_owned()))
    };
    listed.lines().filter_map(pair).collect()
}

/// Resumes a container, without what it would say at its end of what is saved again; what it printed.
#[track_caller]
pub fn resumed(lab: &Lab, repo: &Repo, name: &str, script: &str) -> String {
    let args = ["resume", name, "--", "sh", "-c", script];
    lab.dkr(&repo.path, args).ok().stdout.trim_end().to_owned()
}
