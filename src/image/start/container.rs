//! Starting a container whose work is pushed back to the host repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::conf::{Conf, Host, ca, is_set, loopback_proxies, proxies};
use crate::container::sandbox::AgentKeys;
use crate::container::{
    ConnectionSettings, ContainerDirectory, ContainerEnd, ContainerLabels, Keeping, ResumedWork,
    SandboxSettings,
};
use crate::engine::{Engine, EngineKind, Network, RunOptions, RunSpec};
use crate::error::Failure;
use crate::git::{self, ObjectId, PushedBranches, Repo};
use crate::image::model::names;
use crate::image::query::tracking::Tracking;
use crate::image::start::options;
use crate::image::{Image, Target};
use crate::layers::stack::Agent;
use crate::proc::{self, Cmd};
use crate::proxy::AgentSettings;
use crate::ssh::RUN_DIR;
use crate::ui::Printer;

/// Where the CA certificates are mounted.
pub(super) const CA_BUNDLE: &str = "/run/dkr-ca.pem";

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartRequest {
    /// The work branch; a random one when absent.
    pub name: Option<String>,
    /// The container's host name; a random one when absent.
    pub hostname: Option<String>,
    /// The agent to run where there is no command.
    pub agent: Option<&'static Agent>,
    /// Files that hold keys of agents, each with whose it is.
    pub keys: Vec<(&'static Agent, PathBuf)>,
    /// The container's network, once the request is complete.
    pub network: Option<Network>,
    /// Whether there is a terminal to pass on.
    pub terminal: bool,
    /// Whether the container stays when it has ended, until its work is saved.
    pub stays: bool,
    /// Whether nobody waits for it.
    pub detached: bool,
    /// What the agent is to do, without a terminal.
    pub prompt: Option<String>,
    /// Saved work that it goes on with.
    pub resumed: ResumedWork,
    pub command: Vec<OsString>,
}

/// The image to start and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartPlan<'a> {
    pub engine: &'a Engine,
    pub image: &'a Image,
    pub repo: &'a Repo,
    pub tracking: &'a Tracking,
    /// What the container is taken to, when the image was made of something else.
    pub switch_to: Option<&'a Target>,
    /// Settings at its commit, or where the container is taken to.
    pub conf: &'a Conf,
    /// Settings of the machine.
    pub host: &'a Host,
    /// Says how it goes.
    pub printer: Printer,
}

impl StartPlan<'_> {
    /// Checks the request and completes them. Nothing is started when one cannot be met.
    pub(crate) fn complete(&self, mut request: StartRequest) -> Result<StartRequest> {
        let is_resumed = !request.resumed.is_empty();
        let hostname = match request.hostname.take() {
            Some(name) => self.check_hostname(name, is_resumed)?,
            None => self.fresh_hostname()?,
        };
        let name = match request.name.take() {
            Some(name) => self.check_name(name, &hostname, is_resumed)?,
            None => names::work_branch(),
        };
        Self::check_keys(&mut request.keys)?;
        self.check_volumes()?;
        let network = self.network()?;
        if self.conf.container.sandbox.value {
            self.check_sandbox(&request)?;
        }
        if network == Network::Bridge {
            self.warn_of_proxies();
        }
        for remark in options::remarks(&self.conf.container, network, is_set) {
            self.printer.warn(remark);
        }
        request.network = Some(network);
        request.hostname = Some(hostname);
        request.name = Some(name);
        Ok(request)
    }

    /// The same for one more container.
    pub(crate) fn another(&self, request: &StartRequest) -> Result<StartRequest> {
        Ok(StartRequest {
            hostname: Some(self.fresh_hostname()?),
            name: Some(names::work_branch()),
            ..request.clone()
        })
    }

    /// The network that was asked for, or a default. The host's own sshd is reached from the host's network
    /// alone.
    fn network(&self) -> Result<Network> {
        let settings = &self.conf.container;
        let set = settings.network.as_ref().map(|network| network.value);
        // A sandbox has none, whatever is set for others.
        let asked = match settings.sandbox.value {
            true => Some(Network::None),
            false => set,
        };
        match (asked, &self.host.ssh_key) {
            (None, None) => self.engine.default_network(),
            (None, Some(_)) => Ok(Network::Host),
            (Some(network), Some(key)) if network != Network::Host => bail!(
                Failure::new(format!(
                    "from the network {network} a container cannot reach the host's sshd, for which {} gives a key",
                    key.origin
                ))
                .hint("leave out the key: git dkr itself serves the container then, in any network")
            ),
            (Some(network), _) => Ok(network),
        }
    }

    /// What runs in the container would wait for a proxy that is not there.
    fn warn_of_proxies(&self) {
        let names = loopback_proxies();
        if !names.is_empty() {
            self.printer.warn(format_args!(
                "{} leads to a proxy on this machine's loopback interface, which a container reaches with \
                 --network=host alone",
                names.join(", ")
            ));
            self.printer.status(
                "hint",
                "--network=host or git config dkr.network host lets it",
            );
        }
    }

    /// The command that would be run, without the server behind it.
    pub(crate) fn dry_run(&self, request: &StartRequest) -> Cmd {
        let root = Path::new("<temporary directory>");
        self.engine.start_command(&self.spec(request, root))
    }

    /// Runs the container in the foreground; the command's exit code. Another process keeps it, and its work.
    pub(crate) fn run(&self, request: &StartRequest) -> Result<i32> {
        let hostname = request.hostname.as_deref().unwrap_or_default();
        let directory = ContainerDirectory::of(self.repo, hostname);
        directory.make(self.repo, &self.connection(request))?;
        self.write_files(request, directory.path())?;
        let keeping = Keeping::start(self.engine, self.repo, hostname)?;
        let spec = self.spec(request, directory.path());
        if spec.detached {
            self.engine.start_detached(&spec)?;
            keeping.detach();
            return Ok(0);
        }
        let outcome = self.engine.start(&spec);
        ContainerEnd::of(self.engine, self.repo, hostname, self.printer).tell(keeping)?;
        let code = outcome?;
        if self.conf.container.sandbox.value {
            git::give_back(&self.repo.common_dir);
        }
        // The host's own git has taken what was pushed, and wrote down nothing.
        if self.host.ssh_key.is_some()
            && let Err(error) = self.note_pushed(hostname)
        {
            self.printer.warn(format_args!("{error:#}"));
        }
        Ok(code)
    }

    /// How the container is connected.
    pub(super) fn connection(&self, request: &StartRequest) -> ConnectionSettings {
        let conf = &self.conf.container;
        let allow = &conf.allow.value;
        let sandbox = conf.sandbox.value.then(|| SandboxSettings {
            allow: allow.words().into_iter().map(str::to_owned).collect(),
            allowed_by_user: allow.is_of_user(),
            keys: self.keys(request).on_host(),
            ca_bundle: self
                .host
                .ca_bundle
                .as_ref()
                .map(|bundle| bundle.value.clone()),
        });
        let resumed = request.resumed.commits.iter().map(|(id, _)| id);
        let also = self
            .switch_to
            .iter()
            .map(|target| &target.commit)
            .chain(resumed);
        ConnectionSettings {
            container: request.hostname.clone().unwrap_or_default(),
            engine: self.engine.identity(),
            user: self.options(request).user,
            by_sshd: self.host.ssh_key.is_some(),
            sandbox,
            also: also.map(ObjectId::to_string).collect(),
            save_every: conf.save_every.value,
            resumed: !request.resumed.is_empty(),
        }
    }

    /// Where the keys are that the request names.
    pub(super) fn keys<'r>(&self, request: &'r StartRequest) -> AgentKeys<'r> {
        AgentKeys::divide(&request.keys, self.conf.container.sandbox.value)
    }

    /// Notes that what lies below the container's name is what it has pushed.
    fn note_pushed(&self, hostname: &str) -> Result<()> {
        let below = self.repo.branches_below(hostname)?;
        let names: Vec<String> = below
            .iter()
            .map(|below| format!("refs/heads/{hostname}{below}"))
            .collect();
        PushedBranches::by(&self.repo.common_dir, hostname).add(names.iter().map(String::as_str))
    }

    /// What the engine is told of the settings.
    pub(super) fn options(&self, request: &StartRequest) -> RunOptions {
        let network = request.network.unwrap_or(Network::Host);
        options::run_options(
            &self.conf.container,
            network,
            self.engine.kind(),
            proc::user(),
        )
    }

    /// What a container is of: lists read it.
    fn labels(&self, request: &StartRequest) -> Vec<(String, String)> {
        let image = &self.image.labels;
        let agent = request.agent.filter(|_| request.command.is_empty());
        ContainerLabels {
            repo_path: image.repo_path.clone(),
            repo_name: image.repo_name.clone(),
            branch: self
                .switch_to
                .map_or(&image.branch, |target| &target.branch)
                .clone(),
            branch_from: self
                .switch_to
                .map_or(&image.branch_from, |target| &target.branch_from)
                .clone(),
            commit: self.begins_at().clone(),
            work_branch: request.name.clone().unwrap_or_default(),
            image: self.image.tag.clone(),
            agent: agent.map(|agent| agent.name.to_owned()),
        }
        .to_pairs()
    }

    /// The commit that the work branch begins at, as far as is known here.
    pub(super) fn begins_at(&self) -> &ObjectId {
        match (self.switch_to, &self.tracking.tip) {
            (Some(target), _) => &target.commit,
            (None, Some(tip)) => tip,
            (None, None) => &self.image.labels.commit,
        }
    }

    pub(super) fn spec(&self, request: &StartRequest, root: &Path) -> RunSpec {
        let tip = self.tracking.tip.as_ref();
        let newer = tip.is_some_and(|tip| *tip != self.image.labels.commit);
        let fetch = newer || self.switch_to.is_some();
        let mut env = vec![
            ("DKR_NAME", request.name.clone().unwrap_or_default()),
            (
                "DKR_REF",
                self.tracking.reference.clone().unwrap_or_default(),
            ),
            ("DKR_FETCH", if fetch { "1" } else { "0" }.to_owned()),
        ];
        if !fetch {
            env.push(("DKR_SHORT", self.image.labels.commit.short().to_owned()));
        }
        if let Some(target) = self.switch_to {
            env.push(("DKR_BRANCH", target.branch.clone()));
            env.push(("DKR_COMMIT", target.commit.to_string()));
        }
        let options = self.options(request);
        if options.user.is_some() {
            env.push(("DKR_WAIT", "1".to_owned()));
        }
        if request.stays && self.conf.container.save_every.value > 0 {
            // Its own init tells all that runs in the foreground of a signal. Podman's cannot.
            let word = match self.engine.kind() {
                EngineKind::Docker => {
                    env.push(("TINI_KILL_PROCESS_GROUP", "1".to_owned()));
                    "at-end"
                }
                EngineKind::Podman => "",
            };
            env.push(("DKR_SAVE", word.to_owned()));
        }
        if self.printer.quiet() {
            env.push(("DKR_QUIET", "1".to_owned()));
        }
        let keys = self.keys(request);
        if let Some(agent) = request.agent.filter(|_| request.command.is_empty()) {
            env.push(("DKR_AGENT_COMMAND", agent.command.to_owned()));
            if let (Some(option), Some(_)) = (agent.prompt_option, &request.prompt) {
                env.push(("DKR_AGENT_PROMPT", option.to_owned()));
            }
            // The name of the variable; its value comes from the file, inside.
            if let Some(variable) = agent.key_variable.filter(|_| keys.is_mounted(agent)) {
                env.push(("DKR_AGENT_KEY", format!("{variable}={}", agent.key_file)));
            }
        }
        if self.host.ca_bundle.is_some() {
            env.extend(ca::VARIABLES.map(|name| (name, CA_BUNDLE.to_owned())));
        }
        let settings = &self.conf.container;
        let (set, passed) = options::variables(settings);
        let mut own_proxies = proxies();
        if settings.sandbox.value {
            let AgentSettings { variables, file } = keys.settings();
            env.push(("DKR_TUNNEL", "1".to_owned()));
            env.extend(variables);
            env.extend(file.map(|(name, _)| ("DKR_AGENT_FILE", name.to_owned())));
            own_proxies.clear();
        }
        let env = env
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        // All containers fill them: what one did in a sandbox would be in the others.
        let caches = match settings.sandbox.value {
            true => &[],
            false => self.conf.caches.value.as_slice(),
        };
        let shared = caches.iter().map(|cache| cache.volume());
        let network = request.network.unwrap_or(Network::Host);
        RunSpec {
            image: self.image.tag.clone(),
            hostname: request.hostname.clone().unwrap_or_default(),
            network,
            labels: self.labels(request),
            terminal: request.terminal,
            // The last of a name is taken, and the user's own come last.
            env: env.chain(set).collect(),
            pass_env: own_proxies.into_iter().chain(passed).collect(),
            mounts: self.mounts(request, root),
            tmpfs: vec![RUN_DIR.to_owned()],
            volumes: shared
                .chain(self.conf.volumes.value.iter().cloned())
                .collect(),
            options,
            stays: request.stays,
            detached: request.detached,
            command: request.command.clone(),
        }
    }
}
