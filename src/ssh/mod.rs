//! The edge to ssh: how a build step or a container reaches the repository on the host.
//!
//! Either way the image knows one constant address, [`URL`]; where it leads is said by a few
//! small files that come from outside the image (as build secrets, or in [`RUN_DIR`]), so neither the
//! Dockerfile nor the image depends on ports, keys or paths of this machine.

mod access;
mod channel_result;
mod connection;
#[doc(hidden)]
pub mod fuzz;
mod host_sshd;
mod lfs;
mod login;
mod object_transfer;
mod policy;
mod push;
mod receive;
mod request;
mod server;
mod services;
mod session;
mod tunnel;
mod tunnel_status;
mod wants;

pub use access::{Access, Route, SECRETS, ServerPort};
pub use host_sshd::{access as reach_host, check_key};
pub use object_transfer::ObjectTransfer;
pub(crate) use object_transfer::TransferHandle;
pub use receive::ReceivePolicy;
pub use server::Server;
pub use services::{AfterPush, Forward, ServiceFuture, Services};
pub use tunnel::{IsRunning, Tunnel};

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
    /// Commits that it gives though no ref there leads to them.
    pub also: Vec<crate::git::ObjectId>,
    /// Where pushes go, if they may go anywhere.
    pub receive: Option<ReceivePolicy>,
    /// Objects that are handed over once, packed and indexed, instead of a clone or a fetch.
    pub objects: Option<TransferHandle>,
    /// What is told of a push that was taken: lines.
    pub after_push: AfterPush,
    /// What else answers in a tunnel, by the name that its client connects to.
    pub services: Services,
}

impl ServerConfig {
    /// Lets a client read a repository, and do nothing else.
    pub fn of(upload: impl Into<std::path::PathBuf>) -> Self {
        Self {
            upload: upload.into(),
            also: Vec::new(),
            receive: None,
            objects: None,
            after_push: AfterPush::default(),
            services: Services::default(),
        }
    }
}
