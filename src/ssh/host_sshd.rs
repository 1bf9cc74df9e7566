//! The other way to the repository: the host's own sshd, with a key the user names.

use std::path::Path;

use anyhow::{Result, bail};

use super::{Access, Route, ServerPort};
use crate::error::Failure;
use crate::proc::Cmd;

/// Where sshd keeps the machine's own keys.
const HOST_KEYS: &str = "/etc/ssh";

/// How to reach `path` over the host's sshd at `port`, as `user`, with a key that was checked.
pub fn access(key: &Path, port: u16, user: String, path: &Path) -> Result<Access> {
    Ok(Access {
        route: Route::Port(ServerPort {
            port,
            user,
            host_keys: host_keys(Path::new(HOST_KEYS))?,
            key: key.to_owned(),
        }),
        path: Some(path.to_owned()),
        objects: false,
    })
}

/// That the file is a private key and opens without a passphrase, as a build cannot ask for one.
pub fn check_key(key: &Path) -> Result<()> {
    let shown = key.display();
    if let Err(error) = crate::fs::open(key) {
        bail!(
            Failure::new(format!("cannot read {shown}: {error}"))
                .hint("give the path of a private key: --ssh-key ~/.ssh/id_ed25519")
        );
    }
    let output = Cmd::new("ssh-keygen")
        .args(["-y", "-P", "", "-f"])
        .arg(key)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("UNPROTECTED PRIVATE KEY FILE") {
        bail!(
            Failure::new(format!(
                "{shown} can be read by others, and so ssh refuses it"
            ))
            .hint("if it is a private key: chmod 600 it")
        );
    }
    if said.contains("incorrect passphrase") {
        bail!(
            Failure::new(format!("{shown} has a passphrase"))
                .hint("make a key without one for this, or leave --ssh-key out: the embedded server needs no key of yours")
        );
    }
    bail!(
        Failure::new(format!("{shown} is not a private key: {}", said.trim()))
            .hint("give the private key, not the .pub file")
    )
}

/// The machine's public host keys, without their comments.
fn host_keys(directory: &Path) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("ssh_host_") && name.ends_with("_key.pub") {
            let text = crate::fs::read_text(entry.path()).unwrap_or_default();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            if words.len() == 2 {
                keys.push(words.join(" "));
            }
        }
    }
    if keys.is_empty() {
        bail!(
            Failure::new(format!("there is no public host key in {}", directory.display()))
                .hint("install and start an ssh server, or leave --ssh-key out: the embedded server needs none")
        );
    }
    keys.sort();
    Ok(keys)
}
