//! The embedded SSH server: one repository, for as long as one build or one container lasts, on the
//! loopback interface with one key, or over a tunnel. The only asynchronous code in the tool, on a thread of
//! its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::connection::serve;
use super::login::{LoginDeadline, PendingLogins, raise_open_files};
use super::policy::{ConnectionPolicy, Proof};
use super::tunnel::{self, Tunnel};
use super::tunnel_status::TunnelStatus;
use super::{Access, Route, ServerConfig, ServerPort};
use crate::fs::write_private;
use crate::git::Reachable;
use crate::proc::CancelToken;

/// The user name of the client, which is no account of the host.
const USER: &str = "dkr";

/// How long a client may take to log in; on a busy machine that is some seconds.
const LOGIN: Duration = Duration::from_secs(60);

/// Whichever of them a client likes best, which knows all. Processors have instructions for AES: it is
/// several times faster than the other one that OpenSSH would take.
const CIPHERS: &[russh::cipher::Name] = &[russh::cipher::AES_256_GCM];

/// A running server; it ends when dropped, and its children with it.
#[derive(Debug)]
pub struct Server {
    access: Access,
    sent: Arc<AtomicU64>,
    tunnel: Option<Arc<TunnelStatus>>,
    /// What is asked of git for clients.
    running: CancelToken,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Makes a client key, listens on a free port of the loopback interface, and serves. The client's private
    /// key is written to `directory`.
    pub fn listen(serve: ServerConfig, directory: &Path) -> Result<Self> {
        Self::listen_with(serve, directory, LOGIN)
    }

    fn listen_with(serve: ServerConfig, directory: &Path, login: Duration) -> Result<Self> {
        raise_open_files();
        let client = key()?;
        let key_file: PathBuf = directory.join("client_key");
        let text = client
            .to_openssh(LineEnding::LF)
            .context("cannot write an ssh key")?;
        write_private(&key_file, text.as_bytes(), 0o600)?;
        let host = key()?;
        let host_key = host
            .public_key()
            .to_openssh()
            .context("cannot write an ssh key")?;
        let runtime = runtime()?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .context("cannot listen on 127.0.0.1 for the ssh server")?;
        let access = Access {
            route: Route::Port(ServerPort {
                port: listener.local_addr().context("no port")?.port(),
                user: USER.to_owned(),
                host_keys: vec![host_key],
                key: key_file,
            }),
            path: None,
            objects: serve.objects.is_some(),
        };
        let proof = Proof::Key(client.public_key().clone());
        Ok(Self::run(
            runtime,
            host,
            serve,
            access,
            proof,
            move |policy| accept(listener, policy, login),
        ))
    }

    /// Serves the container at the other end of a tunnel, which it opens as soon as the container runs.
    pub fn tunnel(serve: ServerConfig, tunnel: Tunnel) -> Result<Self> {
        let access = Access::through_tunnel();
        let status = Arc::new(TunnelStatus::default());
        let proof = Proof::Tunnel(Arc::clone(&status));
        let told = Arc::clone(&status);
        let mut server = Self::run(runtime()?, key()?, serve, access, proof, move |policy| {
            tunnel::keep_open(tunnel, policy, told)
        });
        server.tunnel = Some(status);
        Ok(server)
    }

    fn run<F: Future<Output = ()>>(
        runtime: Runtime,
        host: PrivateKey,
        serve: ServerConfig,
        access: Access,
        proof: Proof,
        serving: impl FnOnce(ConnectionPolicy) -> F + Send + 'static,
    ) -> Self {
        let sent = Arc::new(AtomicU64::new(0));
        let running = CancelToken::default();
        let reachable = Reachable::new(&serve.upload, serve.also.clone(), &running);
        let policy = ConnectionPolicy {
            config: Arc::new(config(host, &proof)),
            proof,
            reachable: Arc::new(reachable),
            serve: Arc::new(serve),
            sent: Arc::clone(&sent),
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving(policy) => {}
                    _ = stopped => {}
                }
            });
            // Not waiting for connections: their containers are gone.
            runtime.shutdown_background();
        });
        Self {
            access,
            sent,
            tunnel: None,
            running,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// How to reach it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Counts the bytes of git data sent so far.
    pub fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    /// Why there never was a connection through the tunnel, where the container was there for one.
    pub(crate) fn tunnel_failure(&self) -> Option<String> {
        self.tunnel.as_ref()?.failure()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.ask();
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the ssh server")
}

fn config(host: PrivateKey, proof: &Proof) -> russh::server::Config {
    let method = match proof {
        Proof::Key(_) => russh::MethodKind::PublicKey,
        Proof::Tunnel(_) => russh::MethodKind::None,
    };
    russh::server::Config {
        keys: vec![host],
        methods: (&[method][..]).into(),
        // OpenSSH first asks without a key, to learn the methods.
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 3,
        inactivity_timeout: None,
        nodelay: true,
        preferred: russh::Preferred {
            cipher: CIPHERS.into(),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn key() -> Result<PrivateKey> {
    PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).context("cannot make an ssh key")
}

async fn accept(listener: TcpListener, policy: ConnectionPolicy, login: Duration) {
    let guests = PendingLogins::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, most likely: others will be given back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (guest, leave) = guests.enter();
        let policy = policy.clone();
        tokio::spawn(async move {
            if let Ok(clock) = LoginDeadline::of(&stream, leave, login) {
                clock.watch(serve(stream, policy, Some(guest))).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn who_does_not_log_in_is_sent_away() {
        let directory = tempfile::tempdir().unwrap();
        let config = ServerConfig::of(directory.path());
        let login = Duration::from_millis(50);
        let server = Server::listen_with(config, directory.path(), login).unwrap();
        for said in ["", "SSH-2.0-idle\r\n"] {
            let port = server.access().port().unwrap().port;
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.write_all(said.as_bytes()).unwrap();
            // Ends when the server does.
            let _ = client.read_to_end(&mut Vec::new());
        }
    }
}
