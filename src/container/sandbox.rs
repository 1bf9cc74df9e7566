//! A container that is shut off: what still leads out of it, through git dkr.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::conf;
use crate::error::Failure;
use crate::layers::stack::Agent;
use crate::net::Secret;
use crate::proxy::{
    self, AgentApi, AgentSettings, ApiKeyGateway, Dialer, Egress, EgressLog, EgressPolicy,
    HostPort, TlsTrust,
};
use crate::ssh::{Forward, Services};

/// The ports of the container's loopback interface: of the proxy, and of the first agent's API.
const PROXY_PORT: u16 = 3128;
const API_PORT: u16 = 3129;

/// Where the keys of a container's agents are.
pub(crate) struct AgentKeys<'a> {
    /// Those that are files in the container.
    pub mounted: Vec<(&'static Agent, &'a Path)>,
    /// Those that stay on the host.
    remote: Vec<RemoteKey<'a>>,
}

struct RemoteKey<'a> {
    api: &'static AgentApi,
    file: &'a Path,
    port: u16,
}

impl<'a> AgentKeys<'a> {
    /// In a sandbox a key stays on the host where the agent can be led to git dkr.
    pub(crate) fn divide(keys: &'a [(&'static Agent, PathBuf)], in_sandbox: bool) -> Self {
        let (mut mounted, mut remote) = (Vec::new(), Vec::new());
        for (agent, file) in keys {
            match AgentApi::of(agent.name).filter(|_| in_sandbox) {
                Some(api) => remote.push(RemoteKey {
                    api,
                    file,
                    port: API_PORT + u16::try_from(remote.len()).unwrap_or_default(),
                }),
                None => mounted.push((*agent, file.as_path())),
            }
        }
        Self { mounted, remote }
    }

    /// Whether this agent's is a file in the container.
    pub(crate) fn is_mounted(&self, agent: &Agent) -> bool {
        self.mounted.iter().any(|(mounted, _)| *mounted == agent)
    }

    /// The files that stay on the host, each with the name of its agent.
    pub(crate) fn on_host(&self) -> Vec<(String, PathBuf)> {
        let keys = self.remote.iter();
        keys.map(|key| (key.api.agent.to_owned(), key.file.to_owned()))
            .collect()
    }

    /// What programs in a sandbox are told, so that they come to git dkr.
    pub(crate) fn settings(&self) -> AgentSettings {
        let mut all = AgentSettings {
            variables: proxy::container_variables(PROXY_PORT),
            file: None,
        };
        for key in &self.remote {
            let AgentSettings { variables, file } = key.api.settings(key.port);
            all.variables.extend(variables);
            all.file = all.file.or(file);
        }
        all
    }
}

/// What answers in the container's tunnel. All of it is written down in `log`.
pub(crate) fn services(
    policy: EgressPolicy,
    extra_certificates: Option<&[u8]>,
    keys: &AgentKeys,
    log: &Path,
) -> Result<Services> {
    let trust = TlsTrust::new(extra_certificates)?;
    let dialer = Arc::new(Dialer::new(conf::upstream_proxies()?, trust));
    let log = Arc::new(EgressLog::open(log)?);
    let egress = Arc::new(Egress::new(policy, Arc::clone(&dialer), Arc::clone(&log)));
    let mut services = Services::default();
    services.add(forward(PROXY_PORT, "proxy"), move |stream| {
        Box::pin(proxy::serve(stream, Arc::clone(&egress)))
    });
    for RemoteKey { api, file, port } in &keys.remote {
        let key = read_key(file)?;
        let mut gateway = ApiKeyGateway::new(api, key, Arc::clone(&dialer), Arc::clone(&log));
        if let Some(origin) = origin(api)? {
            gateway = gateway.at(origin);
        }
        let gateway = Arc::new(gateway);
        services.add(forward(*port, api.agent), move |stream| {
            Box::pin(proxy::serve_api(stream, Arc::clone(&gateway)))
        });
    }
    Ok(services)
}

/// Where is written down what a container asked for.
pub(crate) fn log_file(git_dir: &Path, container: &str) -> PathBuf {
    git_dir.join("dkr/log").join(format!("{container}.log"))
}

fn forward(port: u16, name: &str) -> Forward {
    let name = name.to_owned();
    Forward { port, name }
}

fn read_key(file: &Path) -> Result<Secret> {
    let shown = file.display();
    let text = crate::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let text = String::from_utf8_lossy(&text);
    let failure = || {
        Failure::new(format!("{shown} does not hold a key"))
            .hint("give a file that holds the key and nothing else")
    };
    Ok(Secret::new(&text).ok_or_else(failure)?)
}

/// Where the user's own agents find the API, if not at its maker's.
fn origin(api: &AgentApi) -> Result<Option<HostPort>> {
    let Some(variable) = api.address_variable() else {
        return Ok(None);
    };
    let Some(address) = conf::variable(variable) else {
        return Ok(None);
    };
    let authority = address
        .strip_prefix("https://")
        .map(|rest| rest.trim_end_matches('/'));
    let origin = authority.map(|authority| HostPort::parse(authority, Some(443)));
    match origin {
        Some(Ok(origin)) => Ok(Some(origin)),
        Some(Err(_)) | None => bail!(
            Failure::new(format!("{variable} is not the address of an API: {address}")).hint(
                "in a sandbox it is https://HOST or https://HOST:PORT; unset it for the API of its maker"
            )
        ),
    }
}
