//! The edge to ssh: how a build step or a container reaches the repository on the host.
//!
//! Either way the image knows one constant address, [`URL`]; where it leads is said by three
//! small files that come from outside the image (as build secrets, or in [`RUN_DIR`]), so neither the
//! Dockerfile nor the image depends on ports, keys or paths of this machine.

mod channel_result;
#[doc(hidden)]
pub mod fuzz;
mod host_sshd;
mod lfs;
mod login;
mod object_transfer;
mod push;
mod receive;
mod request;
mod server;
mod session;
mod wants;

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

pub use host_sshd::{access as reach_host, check_key};
pub use object_transfer::ObjectTransfer;
pub(crate) use object_transfer::TransferHandle;
pub use receive::ReceivePolicy;
pub use server::Server;

use crate::fs::write_private;

/// The host alias in every ssh config we write.
const ALIAS: &str = "dkr-host";
/// The address of the remote `host` in every image.
pub const URL: &str = "ssh://dkr-host/workspace";
/// The path in that address, as git-upload-pack is asked for it.
const URL_PATH: &str = "/workspace";
/// Where a running container finds the files of [`Access`]: in memory, owned by whoever runs there, as
/// ssh demands of its config and its key.
pub const RUN_DIR: &str = "/run/dkr";
/// Where they are mounted, from which the entrypoint copies them: their owner is a user of the host.
pub const MOUNTED_DIR: &str = "/run/dkr-from-host";
/// The program that brings a container's branches to the host, and its name among the files of [`RUN_DIR`].
pub const PUSHER: &str = "git-remote-dkr";
/// Where a build step finds them.
const SECRETS_DIR: &str = "/run/secrets";

/// What the embedded server lets a client do. Whatever is not named here is refused.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The git directory that `git-upload-pack` reads.
    pub upload: std::path::PathBuf,
    /// A commit that it gives though no ref there leads to it.
    pub also: Option<crate::git::ObjectId>,
    /// Where pushes go, if they may go anywhere.
    pub receive: Option<ReceivePolicy>,
    /// Objects that are handed over once, packed and indexed, instead of a clone or a fetch.
    pub objects: Option<TransferHandle>,
}

/// How a client reaches the repository, from the host's point of view.
#[derive(Debug, Clone)]
pub struct Access {
    /// The port on the host.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The host's public keys, as `type base64`.
    pub host_keys: Vec<String>,
    /// The private key.
    pub key: std::path::PathBuf,
    /// The path that [`URL`] stands for, when it is not the embedded server's own.
    pub path: Option<std::path::PathBuf>,
    /// Whether objects are handed over there instead of a clone or a fetch.
    pub objects: bool,
}

/// The address of the host as a container sees it. On Linux containers share the host's network;
/// Docker Desktop runs them in a machine of their own (untested here).
fn host_address() -> &'static str {
    if cfg!(target_os = "linux") {
        "127.0.0.1"
    } else {
        "host.docker.internal"
    }
}

const PUSHER_TEXT: &str = include_str!("../../templates/git-remote-dkr");

/// The names of the build secrets, which are also the names of the files.
pub const SECRETS: [&str; 3] = ["dkr_ssh_config", "dkr_known_hosts", "dkr_git_config"];

impl Access {
    /// Writes the files for build secrets into `directory`, named as in [`SECRETS`]. The key is not
    /// among them: the engine forwards it as an agent.
    pub fn write_secrets(&self, directory: &Path) -> Result<()> {
        let [ssh_config, known_hosts, git_config] = SECRETS;
        let known = format!("{SECRETS_DIR}/{known_hosts}");
        write_private(
            &directory.join(ssh_config),
            self.ssh_config(&known, None),
            0o600,
        )?;
        write_private(&directory.join(known_hosts), self.known_hosts(), 0o600)?;
        write_private(&directory.join(git_config), self.git_config(), 0o600)
    }

    /// Writes the files that a container finds in [`RUN_DIR`], the key too, for everybody to read.
    /// `container` is its name, below which its work is pushed, `identity` a text of git's config that says
    /// who commits.
    pub fn write_run_dir(&self, directory: &Path, container: &str, identity: &str) -> Result<()> {
        let key = format!("{RUN_DIR}/key");
        let known = format!("{RUN_DIR}/known_hosts");
        // Git-lfs looks for its setting by this address, whichever one it goes to.
        let push = format!(
            "[remote]\n\tpushDefault = host\n\
             [remote \"host\"]\n\tpushurl = dkr://{container}\n\tpush = HEAD\n\
             \tlfsurl = {URL}\n\
             [lfs \"https://{ALIAS}{URL_PATH}\"]\n\tlocksverify = false\n"
        );
        let config = self.ssh_config(&known, Some(&key));
        let files = [
            ("ssh_config", config.into_bytes(), 0o644),
            ("known_hosts", self.known_hosts().into_bytes(), 0o644),
            (
                "git_config",
                (self.git_config() + &push).into_bytes(),
                0o644,
            ),
            ("git_identity", identity.into(), 0o644),
            (PUSHER, PUSHER_TEXT.into(), 0o755),
            ("key", crate::fs::read(&self.key)?, 0o644),
        ];
        for (name, bytes, mode) in files {
            write_private(&directory.join(name), bytes, mode)?;
        }
        Ok(())
    }

    fn ssh_config(&self, known_hosts: &str, key: Option<&str>) -> String {
        let mut text = format!(
            "Host {ALIAS}\n\
             \tHostName {}\n\
             \tPort {}\n\
             \tUser {}\n\
             \tHostKeyAlias {ALIAS}\n\
             \tUserKnownHostsFile {known_hosts}\n\
             \tGlobalKnownHostsFile /dev/null\n\
             \tStrictHostKeyChecking yes\n\
             \tUpdateHostKeys no\n\
             \tBatchMode yes\n\
             \tConnectTimeout 10\n\
             \tLogLevel ERROR\n",
            host_address(),
            self.port,
            self.user
        );
        if self.objects {
            // A comment that `templates/scope` looks for: which way is gone is in no Dockerfile,
            // and so a step is cached whichever it was.
            text.push_str("# git-dkr-objects\n");
        }
        if let Some(key) = key {
            // A String takes whatever is written to it.
            let _ = write!(text, "\tIdentityFile {key}\n\tIdentitiesOnly yes\n");
        }
        text
    }

    fn known_hosts(&self) -> String {
        let line = |key: &String| format!("{ALIAS} {key}\n");
        self.host_keys.iter().map(line).collect()
    }

    fn git_config(&self) -> String {
        match &self.path {
            None => String::new(),
            Some(path) => format!(
                "[url \"ssh://{ALIAS}{}\"]\n\tinsteadOf = {URL}\n",
                percent_encode(path.as_os_str().as_bytes(), &IN_URL)
            ),
        }
    }
}

/// What stands for itself in a path that git's URL parser reads back (`url_decode` in git's `url.c`).
const IN_URL: AsciiSet = NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'_')
    .remove(b'-');

#[cfg(test)]
mod tests {
    use super::*;

    fn access(path: Option<&str>) -> Access {
        Access {
            port: 4022,
            user: "me".into(),
            host_keys: vec!["ssh-ed25519 AAAA".into(), "ssh-rsa BBBB".into()],
            key: "/key".into(),
            path: path.map(Into::into),
            objects: false,
        }
    }

    #[test]
    fn the_ssh_config_verifies_the_host_and_never_asks() {
        insta::assert_snapshot!(access(None).ssh_config("/k", Some("/run/dkr/key")), @r"
        Host dkr-host
        	HostName 127.0.0.1
        	Port 4022
        	User me
        	HostKeyAlias dkr-host
        	UserKnownHostsFile /k
        	GlobalKnownHostsFile /dev/null
        	StrictHostKeyChecking yes
        	UpdateHostKeys no
        	BatchMode yes
        	ConnectTimeout 10
        	LogLevel ERROR
        	IdentityFile /run/dkr/key
        	IdentitiesOnly yes
        ");
        assert_eq!(
            access(None).known_hosts(),
            "dkr-host ssh-ed25519 AAAA\ndkr-host ssh-rsa BBBB\n"
        );
    }

    #[test]
    fn a_build_is_told_that_objects_are_handed_over() {
        let access = Access {
            objects: true,
            ..access(None)
        };
        let text = access.ssh_config("/k", None);
        assert!(text.ends_with("\n# git-dkr-objects\n"), "{text}");
    }

    #[test]
    fn a_path_of_the_host_cannot_break_out_of_the_git_config() {
        assert_eq!(
            access(Some("/a b\"]\n$(x)é")).git_config(),
            "[url \"ssh://dkr-host/a%20b%22%5D%0A%24%28x%29%C3%A9\"]\n\
             \tinsteadOf = ssh://dkr-host/workspace\n"
        );
    }
}
