//! Where docker's client looks for its daemon.

use std::path::PathBuf;

use super::variable;

/// The local socket of the daemon that the client would ask; `None` when it is elsewhere, or when
/// only the client knows.
///
/// The order is the client's own: `DOCKER_HOST`, `DOCKER_CONTEXT`, the context of `config.json`,
/// the default socket.
pub fn docker_socket() -> Option<PathBuf> {
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
    let folder = match variable("DOCKER_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(variable("HOME")?).join(".docker"),
    };
    let text = std::fs::read(folder.join("config.json")).ok()?;
    let Ok(config) = serde_json::from_slice::<serde_json::Value>(&text) else {
        return Some("unreadable".to_owned());
    };
    let context = config.get("currentContext")?.as_str()?;
    (!context.is_empty()).then(|| context.to_owned())
}
