//! How a client reaches the repository, in the files that it reads.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{ALIAS, PUSHER, RUN_DIR, SECRETS_DIR, URL, URL_PATH};
use crate::fs::write_private;

/// How a client reaches the repository.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where ssh connects to.
    pub route: Route,
    /// The path that [`URL`] stands for, when it is not the embedded server's own.
    pub path: Option<PathBuf>,
    /// Whether objects are handed over there instead of a clone or a fetch.
    pub objects: bool,
}

/// What ssh connects to.
#[derive(Debug, Clone)]
pub enum Route {
    /// A server on the host.
    Port(ServerPort),
    /// The control socket of a tunnel in the container.
    Tunnel,
}

/// An ssh server on a port of the host.
#[derive(Debug, Clone)]
pub struct ServerPort {
    /// The TCP port.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The host's public keys, as `type base64`.
    pub host_keys: Vec<String>,
    /// The private key.
    pub key: PathBuf,
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

/// The socket of the ssh client that holds a tunnel open (`templates/tunnel`).
const CONTROL_SOCKET: &str = "/run/dkr/ctl";

/// The programs that a container finds in [`RUN_DIR`], by name.
const PROGRAMS: [(&str, &str); 5] = [
    ("resume", include_str!("../../templates/resume")),
    ("save", include_str!("../../templates/save")),
    (PUSHER, include_str!("../../templates/git-remote-dkr")),
    ("tunnel", include_str!("../../templates/tunnel")),
    ("connect", include_str!("../../templates/connect")),
];

/// The names of the build secrets, which are also the names of the files.
pub const SECRETS: [&str; 3] = ["dkr_ssh_config", "dkr_known_hosts", "dkr_git_config"];

impl Access {
    /// Over a tunnel, which leads nowhere else.
    pub(crate) fn through_tunnel() -> Self {
        Self {
            route: Route::Tunnel,
            path: None,
            objects: false,
        }
    }

    /// The port that leads there, unless a tunnel does.
    pub fn port(&self) -> Option<&ServerPort> {
        match &self.route {
            Route::Port(port) => Some(port),
            Route::Tunnel => None,
        }
    }

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
        let mut files = vec![
            ("ssh_config", config.into_bytes(), 0o644),
            ("known_hosts", self.known_hosts().into_bytes(), 0o644),
            (
                "git_config",
                (self.git_config() + &push).into_bytes(),
                0o644,
            ),
            ("git_identity", identity.into(), 0o644),
        ];
        if let Some(ServerPort { key, .. }) = self.port() {
            files.push(("key", crate::fs::read(key)?, 0o644));
        }
        for (name, bytes, mode) in files {
            write_private(&directory.join(name), bytes, mode)?;
        }
        Self::write_programs(directory)
    }

    /// Writes the programs among them as they are now, also for a container of an earlier git dkr.
    pub(crate) fn write_programs(directory: &Path) -> Result<()> {
        for (name, text) in PROGRAMS {
            write_private(&directory.join(name), text, 0o755)?;
        }
        Ok(())
    }

    fn ssh_config(&self, known_hosts: &str, key_file: Option<&str>) -> String {
        let mut text = format!(
            "Host {ALIAS}\n\
             \tGlobalKnownHostsFile /dev/null\n\
             \tUpdateHostKeys no\n\
             \tBatchMode yes\n\
             \tLogLevel ERROR\n"
        );
        // A String takes whatever is written to it.
        let _ = match &self.route {
            Route::Port(ServerPort { port, user, .. }) => write!(
                text,
                "\tHostName {}\n\
                 \tPort {port}\n\
                 \tUser {user}\n\
                 \tHostKeyAlias {ALIAS}\n\
                 \tUserKnownHostsFile {known_hosts}\n\
                 \tStrictHostKeyChecking yes\n\
                 \tConnectTimeout 10\n",
                host_address()
            ),
            // Nobody else can be at its other end, and another server may open it again.
            Route::Tunnel => write!(
                text,
                "\tControlPath {CONTROL_SOCKET}\n\
                 \tProxyCommand sh {RUN_DIR}/connect\n\
                 \tUserKnownHostsFile /dev/null\n\
                 \tStrictHostKeyChecking no\n"
            ),
        };
        if self.objects {
            // A comment that `templates/scope` looks for: which way is gone is in no Dockerfile,
            // and so a step is cached whichever it was.
            text.push_str("# git-dkr-objects\n");
        }
        if let (Some(file), Some(_)) = (key_file, self.port()) {
            let _ = write!(text, "\tIdentityFile {file}\n\tIdentitiesOnly yes\n");
        }
        text
    }

    fn known_hosts(&self) -> String {
        let line = |key: &String| format!("{ALIAS} {key}\n");
        let keys = self.port().into_iter().flat_map(|port| &port.host_keys);
        keys.map(line).collect()
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
            route: Route::Port(ServerPort {
                port: 4022,
                user: "me".into(),
                host_keys: vec!["ssh-ed25519 AAAA".into(), "ssh-rsa BBBB".into()],
                key: "/key".into(),
            }),
            path: path.map(Into::into),
            objects: false,
        }
    }

    #[test]
    fn the_ssh_config_verifies_the_host_and_never_asks() {
        insta::assert_snapshot!(access(None).ssh_config("/k", Some("/run/dkr/key")), @r"
        Host dkr-host
        	GlobalKnownHostsFile /dev/null
        	UpdateHostKeys no
        	BatchMode yes
        	LogLevel ERROR
        	HostName 127.0.0.1
        	Port 4022
        	User me
        	HostKeyAlias dkr-host
        	UserKnownHostsFile /k
        	StrictHostKeyChecking yes
        	ConnectTimeout 10
        	IdentityFile /run/dkr/key
        	IdentitiesOnly yes
        ");
        assert_eq!(
            access(None).known_hosts(),
            "dkr-host ssh-ed25519 AAAA\ndkr-host ssh-rsa BBBB\n"
        );
    }

    #[test]
    fn in_a_tunnel_ssh_goes_through_the_control_socket() {
        let access = Access {
            route: Route::Tunnel,
            ..access(None)
        };
        insta::assert_snapshot!(access.ssh_config("/k", Some("/run/dkr/key")), @r"
        Host dkr-host
        	GlobalKnownHostsFile /dev/null
        	UpdateHostKeys no
        	BatchMode yes
        	LogLevel ERROR
        	ControlPath /run/dkr/ctl
        	ProxyCommand sh /run/dkr/connect
        	UserKnownHostsFile /dev/null
        	StrictHostKeyChecking no
        ");
        assert_eq!(access.known_hosts(), "");
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
