//! The connection of a container to the repository: what is to be known to open it, by whichever process.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::conflicts::{WorkConflict, conflicts};
use super::sandbox::{self, AgentKeys};
use crate::conf::ca;
use crate::engine::Engine;
use crate::git::{ObjectId, Repo};
use crate::layers::stack;
use crate::proxy::EgressPolicy;
use crate::ssh::{
    AfterPush, Forward, MOUNTED_DIR, RUN_DIR, ReceivePolicy, Server, ServerConfig, Services, Tunnel,
};

/// How a container is connected, and how its work is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConnectionSettings {
    /// Its name.
    pub container: String,
    /// Which engine has it.
    pub engine: String,
    /// Who runs in it, as the engine was told; root when absent.
    pub user: Option<String>,
    /// Whether the host's own sshd answers it, and no server of ours.
    pub by_sshd: bool,
    /// What it reaches, when it is in a sandbox.
    pub sandbox: Option<SandboxSettings>,
    /// Commits that it may fetch though no ref leads to them.
    pub also: Vec<String>,
    /// How often its work is saved, in seconds; 0: never.
    pub save_every: u32,
    /// Whether its work goes on that of one of the same name.
    pub resumed: bool,
}

/// What a sandbox reaches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SandboxSettings {
    /// Hosts and groups, as they were written.
    pub allow: Vec<String>,
    /// Whether the user named them, and not a repository.
    pub allowed_by_user: bool,
    /// Files of keys that stay on the host, each with its agent.
    pub keys: Vec<(String, PathBuf)>,
    /// Extra CA certificates.
    pub ca_bundle: Option<PathBuf>,
}

impl ConnectionSettings {
    /// Connects the container as soon as it runs, and for as long as the value lives; `None` where the host's
    /// own sshd answers.
    pub(crate) fn open(&self, engine: &Engine, repo: &Repo) -> Result<Option<Server>> {
        if self.by_sshd {
            return Ok(None);
        }
        let also = self.also.iter().filter_map(|id| ObjectId::parse(id));
        let services = self.services(repo)?;
        let tunnel = self.tunnel(engine, &services);
        let serve = ServerConfig {
            also: also.collect(),
            receive: Some(ReceivePolicy::new(repo, &self.container, self.resumed)?),
            after_push: self.after_push(repo),
            services,
            ..ServerConfig::of(repo.common_dir.clone())
        };
        Server::tunnel(serve, tunnel).map(Some)
    }

    /// What a push would conflict with.
    fn after_push(&self, repo: &Repo) -> AfterPush {
        let (repo, container) = (repo.clone(), self.container.clone());
        AfterPush::new(move || {
            // The push is what matters.
            let conflicts = conflicts(&repo, &container).unwrap_or_default();
            conflicts.iter().map(WorkConflict::to_string).collect()
        })
    }

    /// What leads out of a sandbox.
    fn services(&self, repo: &Repo) -> Result<Services> {
        let Some(sandbox) = &self.sandbox else {
            return Ok(Services::default());
        };
        let policy = match EgressPolicy::new(&sandbox.allow) {
            Ok(policy) if !sandbox.allowed_by_user => policy.of_repository(),
            Ok(policy) => policy,
            Err(wrong) => bail!("{}", wrong.join("; ")),
        };
        let mut keys = Vec::new();
        for (agent, file) in &sandbox.keys {
            keys.push((stack::agent(agent)?, file.clone()));
        }
        let extra = match &sandbox.ca_bundle {
            Some(file) => Some(ca::read(file)?),
            None => None,
        };
        let log = sandbox::log_file(&repo.common_dir, &self.container);
        sandbox::services(
            policy,
            extra.as_deref(),
            &AgentKeys::divide(&keys, true),
            &log,
        )
    }

    /// The way there: the script is mounted, and copied to where it stays when what is mounted is gone.
    fn tunnel(&self, engine: &Engine, services: &Services) -> Tunnel {
        let (asked, container) = (engine.clone(), self.container.clone());
        let script = format!(
            "for d in {MOUNTED_DIR} {RUN_DIR}; do [ ! -r $d/tunnel ] || exec sh $d/tunnel \"$@\"; done"
        );
        let forwards = services.forwards().map(Forward::to_string);
        let command = engine.exec_command(&self.container, &["sh", "-c", &script, "sh"]);
        Tunnel {
            command: command.args(forwards),
            is_running: Arc::new(move || asked.is_running(&container)),
        }
    }
}
