//! Which engine is wanted, and where docker's client looks for its daemon.

use std::path::PathBuf;

use clap::ValueEnum;

use super::environment::{home, variable};
use super::sources::Sources;
use super::value::{Value, ValueOrigin};
use crate::engine::EngineKind;
use crate::error::Diagnostics;

/// The engine that the user asked for, if any: the flag, then environment and git config.
pub(crate) fn engine(
    flag: Option<EngineKind>,
    sources: &Sources,
) -> Result<Option<Value<EngineKind>>, Diagnostics> {
    if let Some(value) = flag {
        let origin = ValueOrigin::Flag("--engine");
        return Ok(Some(Value { value, origin }));
    }
    let Some((text, origin)) = sources.get("engine") else {
        return Ok(None);
    };
    match EngineKind::from_str(text, true) {
        Ok(value) => Ok(Some(Value { value, origin })),
        Err(_) => {
            let message = format!("`{text}` is not an engine; expected docker or podman");
            Err(origin.diagnostics(message))
        }
    }
}

/// The local socket of the daemon that the client would ask; `None` when it is elsewhere, or when
/// only the client knows.
///
/// The order is the client's own: `DOCKER_HOST`, `DOCKER_CONTEXT`, the context of `config.json`,
/// the default socket.
pub(crate) fn docker_socket() -> Option<PathBuf> {
    if let Some(host) = variable("DOCKER_HOST") {
        return host.strip_prefix("unix://").map(PathBuf::from);
    }
    let context = variable("DOCKER_CONTEXT").or_else(current_context);
    context
        .is_none_or(|context| context == "default")
        .then(|| PathBuf::from("/var/run/docker.sock"))
}

/// The context that the user chose. One that cannot be read is nobody's default.
fn current_context() -> Option<String> {
    let directory = match variable("DOCKER_CONFIG") {
        Some(directory) => PathBuf::from(directory),
        None => home()?.join(".docker"),
    };
    let text = crate::fs::read(directory.join("config.json")).ok()?;
    let Ok(config) = serde_json::from_slice::<serde_json::Value>(&text) else {
        return Some("unreadable".to_owned());
    };
    let context = config.get("currentContext")?.as_str()?;
    (!context.is_empty()).then(|| context.to_owned())
}
