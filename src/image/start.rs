//! Starting a container whose work is pushed back to the host repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::reach::Way;
use super::{Image, Target, names, tracking::Tracking};
use crate::conf::{Conf, Host, ca, proxies};
use crate::engine::{Engine, Mount, RunSpec};
use crate::error::Failure;
use crate::fs::{Scratch, write_private};
use crate::git::{Repo, is_branch_name};
use crate::layers::stack::Agent;
use crate::proc::Cmd;
use crate::ssh::{RUN_DIR, Receive, Serve};
use crate::ui;

/// Where the CA certificates are mounted.
const CA_BUNDLE: &str = "/run/dkr-ca.pem";

/// What records installs in a container, beside the files that lead to the host: any image has it
/// then, however old.
const RECORDING: [(&str, &str); 2] = [
    ("shim", include_str!("../../templates/shim")),
    ("uv-shim", include_str!("../../templates/uv-shim")),
];

/// Where images have it, and the present one: that of an old image may not know the way to something
/// else than what is in it.
const ENTRYPOINT: (&str, &str) = (
    "/usr/local/bin/dkr-entrypoint",
    include_str!("../../templates/entrypoint"),
);

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The work branch; a random one when absent.
    pub name: Option<String>,
    /// The container's host name; a random one when absent.
    pub hostname: Option<String>,
    /// The agent to run where there is no command.
    pub agent: Option<&'static Agent>,
    /// Files that hold keys of agents, each with whose it is.
    pub keys: Vec<(&'static Agent, PathBuf)>,
    /// Whether there is a terminal to pass on.
    pub terminal: bool,
    /// What to run.
    pub command: Vec<OsString>,
}

/// The image to start and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The image.
    pub image: &'a Image,
    /// Its repository.
    pub repo: &'a Repo,
    /// Its branch.
    pub tracking: &'a Tracking,
    /// What the container is taken to, when the image was made of something else.
    pub elsewhere: Option<&'a Target>,
    /// Settings at its commit, or where the container is taken to.
    pub conf: &'a Conf,
    /// Settings of the machine.
    pub host: &'a Host,
}

impl Start<'_> {
    /// Checks the wishes and completes them. Nothing is started when one cannot be met.
    pub fn complete(&self, mut wishes: Wishes) -> Result<Wishes> {
        let hostname = match wishes.hostname.take() {
            Some(name) => self.check_hostname(name)?,
            None => names::hostname(&self.image.labels.repo_name, rand::random()),
        };
        let name = match wishes.name.take() {
            Some(name) => self.check_name(name, &hostname)?,
            None => names::work_branch(),
        };
        for (_, file) in &mut wishes.keys {
            *file = check_key_file(file)?;
        }
        wishes.hostname = Some(hostname);
        wishes.name = Some(name);
        Ok(wishes)
    }

    fn check_hostname(&self, name: String) -> Result<String> {
        if !names::is_hostname(&name) {
            bail!(
                Failure::new(format!("{name:?} is not a host name"))
                    .hint("use letters, digits and hyphens, 2 to 63 of them")
            );
        }
        if self.engine.has_container(&name)? {
            bail!(
                Failure::new(format!("a container is called {name} already"))
                    .hint("choose another --hostname, or leave it out for a fresh one")
            );
        }
        let reference = format!("refs/heads/{name}");
        if self.repo.commits(&[reference])? != [None] {
            bail!(
                Failure::new(format!(
                    "the repository has a branch {name}, so nothing can be pushed below {name}/"
                ))
                .hint("choose another --hostname")
            );
        }
        Ok(name)
    }

    fn check_name(&self, name: String, hostname: &str) -> Result<String> {
        if !is_branch_name(&name)? {
            bail!(
                Failure::new(format!("{name:?} is not the name of a branch"))
                    .hint("git help check-ref-format tells what a name may hold")
            );
        }
        let mut taken = self.repo.branches_below(&format!("{hostname}/"))?;
        if self.tracking.reference.is_some() || self.elsewhere.is_some() {
            taken.push(self.image.labels.branch.clone());
        }
        let elsewhere = self.elsewhere.and_then(Target::on_branch);
        taken.extend(elsewhere.map(str::to_owned));
        if taken.iter().any(|other| names::collide(&name, other)) {
            bail!(
                Failure::new(format!("the branch {name} exists already"))
                    .hint("choose another --name, or leave it out for a fresh one")
            );
        }
        Ok(name)
    }

    /// The command that would be run, without the server behind it.
    pub fn dry_run(&self, wishes: &Wishes) -> Cmd {
        let run_dir = Path::new("<temporary folder>");
        self.engine.start_command(&self.spec(wishes, run_dir))
    }

    /// Runs the container in the foreground; the command's exit code.
    pub fn run(&self, wishes: &Wishes) -> Result<i32> {
        let scratch = Scratch::new()?;
        let hostname = wishes.hostname.as_deref().unwrap_or_default();
        let serve = Serve {
            upload: self.repo.common_dir.clone(),
            receive: Some(Receive {
                git_dir: self.repo.common_dir.clone(),
                prefix: format!("refs/heads/{hostname}/"),
            }),
            objects: None,
        };
        let way = Way::open(self.host, serve, scratch.path())?;
        let run_dir = scratch.folder("run")?;
        let name = wishes.name.as_deref().unwrap_or_default();
        let push = format!("refs/heads/{name}:refs/heads/{hostname}/{name}");
        let identity = self.repo.identity()?;
        way.access().write_run_dir(&run_dir, &push, &identity)?;
        for (name, text) in RECORDING {
            write_private(&run_dir.join(name), text, 0o644)?;
        }
        if self.elsewhere.is_some() {
            write_private(&run_dir.join("entrypoint"), ENTRYPOINT.1, 0o755)?;
        }
        if let Some(bundle) = &self.host.ca_bundle {
            let file = ca::with_system(&ca::read(&bundle.value)?);
            std::fs::write(run_dir.join("ca.pem"), file).context("cannot write the CA bundle")?;
        }
        self.engine.start(&self.spec(wishes, &run_dir))
    }

    fn spec(&self, wishes: &Wishes, run_dir: &Path) -> RunSpec {
        let tip = self.tracking.tip.as_ref();
        let newer = tip.is_some_and(|tip| *tip != self.image.labels.commit);
        let fetch = newer || self.elsewhere.is_some();
        let mut env = vec![
            ("DKR_NAME", wishes.name.clone().unwrap_or_default()),
            (
                "DKR_REF",
                self.tracking.reference.clone().unwrap_or_default(),
            ),
            ("DKR_FETCH", if fetch { "1" } else { "0" }.to_owned()),
        ];
        if !fetch {
            env.push(("DKR_SHORT", self.image.labels.commit.short().to_owned()));
        }
        let mut mounts = vec![mount(run_dir.to_owned(), RUN_DIR)];
        if let Some(target) = self.elsewhere {
            mounts.push(mount(run_dir.join("entrypoint"), ENTRYPOINT.0));
            env.push(("DKR_BRANCH", target.branch.clone()));
            env.push(("DKR_COMMIT", target.commit.to_string()));
        }
        if ui::quiet() {
            env.push(("DKR_QUIET", "1".to_owned()));
        }
        for (agent, key) in &wishes.keys {
            mounts.push(mount(key.clone(), agent.key_file));
        }
        if let Some(agent) = wishes.agent.filter(|_| wishes.command.is_empty()) {
            env.push(("DKR_AGENT_COMMAND", agent.command.to_owned()));
            // The name of the variable; its value comes from the file, inside.
            if let Some(variable) = agent.key_variable {
                env.push(("DKR_AGENT_KEY", format!("{variable}={}", agent.key_file)));
            }
        }
        if self.host.ca_bundle.is_some() {
            mounts.push(mount(run_dir.join("ca.pem"), CA_BUNDLE));
            env.extend(ca::VARIABLES.map(|name| (name, CA_BUNDLE.to_owned())));
        }
        let shared = self.conf.caches.value.iter().map(|cache| cache.volume());
        RunSpec {
            image: self.image.tag.clone(),
            hostname: wishes.hostname.clone().unwrap_or_default(),
            terminal: wishes.terminal,
            env: env
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            pass_env: proxies(),
            mounts,
            volumes: shared
                .chain(self.conf.volumes.value.iter().cloned())
                .collect(),
            command: wishes.command.clone(),
        }
    }
}

fn mount(source: PathBuf, target: &str) -> Mount {
    Mount {
        source,
        target: target.to_owned(),
    }
}

/// That the file can be read and holds something; its absolute path.
fn check_key_file(file: &Path) -> Result<PathBuf> {
    let shown = file.display();
    let hint = "give a file that holds the key and nothing else: --agent-key FILE";
    match std::fs::read(file) {
        Err(error) => {
            bail!(Failure::new(format!("cannot read the key file {shown}: {error}")).hint(hint))
        }
        Ok(bytes) if bytes.trim_ascii().is_empty() => {
            bail!(Failure::new(format!("the key file {shown} is empty")).hint(hint))
        }
        Ok(_) => std::fs::canonicalize(file).with_context(|| format!("cannot find {shown}")),
    }
}
