//! Settings of this machine and its user, which no repository can make.

use std::path::PathBuf;

use super::{Sources, Value, ValueOrigin, home};
use crate::error::Diagnostics;
use crate::git::Objects;

/// How the host is reached and what its network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// A private key for the host's own sshd; the embedded server serves when there is none.
    pub ssh_key: Option<Value<PathBuf>>,
    /// The port of that sshd.
    pub ssh_port: Value<u16>,
    /// Extra CA certificates that https needs in this network.
    pub ca_bundle: Option<Value<PathBuf>>,
    /// Which objects a create puts into an image.
    pub objects: Value<Objects>,
}

impl Host {
    /// Flags first, then environment and git config.
    pub(crate) fn read(
        ssh_key: Option<PathBuf>,
        ca_bundle: Option<PathBuf>,
        sources: &Sources,
    ) -> Result<Self, Diagnostics> {
        let path = |flag: Option<PathBuf>, flag_name: &'static str, name: &str| match flag {
            Some(value) => Some(Value {
                value,
                origin: ValueOrigin::Flag(flag_name),
            }),
            None => sources.get(name).map(|(value, origin)| Value {
                value: expand(value),
                origin,
            }),
        };
        let ssh_port = match sources.get("ssh_port") {
            None => Value::default_of(22),
            Some((text, origin)) => {
                let value = text.parse().map_err(|_| {
                    origin.diagnostics(format!("`{text}` is not the number of a port"))
                })?;
                Value { value, origin }
            }
        };
        let ssh_key = path(ssh_key, "--ssh-key", "ssh_key");
        Ok(Self {
            objects: objects(sources, ssh_key.as_ref())?,
            ssh_key,
            ssh_port,
            ca_bundle: path(ca_bundle, "--ca-bundle", "ca_bundle"),
        })
    }
}

fn objects(
    sources: &Sources,
    ssh_key: Option<&Value<PathBuf>>,
) -> Result<Value<Objects>, Diagnostics> {
    let Some((text, origin)) = sources.get("objects") else {
        return Ok(Value::default_of(Objects::default()));
    };
    let problem = |message| Err(origin.diagnostics(message));
    let Some(value) = Objects::parse(text) else {
        return problem(format!("`{text}` is neither `exact` nor `all`"));
    };
    match ssh_key {
        Some(key) if value == Objects::All => problem(format!(
            "the host's sshd, for which {} gives a key, serves `exact` alone",
            key.origin
        )),
        _ => Ok(Value { value, origin }),
    }
}

/// `~/` is the home directory, as a shell would have made of it.
pub(crate) fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
