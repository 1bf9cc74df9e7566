//! The embedded server at one end of a command's standard streams, with a container's ssh client at the
//! other: the command runs `templates/tunnel` in a container that shares no network with the host.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use super::connection::serve;
use super::policy::ConnectionPolicy;
use super::tunnel_status::TunnelStatus;
use crate::proc::Cmd;

/// How often we look whether the container runs.
const LOOK: Duration = Duration::from_millis(20);
/// The wait before a connection that broke is opened again, and the longest when that fails.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The most that is kept of what a failed command said, in bytes.
const MOST_SAID: u64 = 4096;

/// Whether a container runs; it may take its time to answer.
pub type IsRunning = Arc<dyn Fn() -> bool + Send + Sync>;

/// How to get to the other end.
#[derive(Clone)]
pub struct Tunnel {
    /// Carries ssh over its standard input and output, and says on its standard error why it cannot.
    pub command: Cmd,
    /// Whether the container runs: before that, and afterwards, the command has nowhere to run.
    pub is_running: IsRunning,
}

/// Connects as soon as the container runs, and again whenever the connection breaks. Never ends by itself.
pub(super) async fn keep_open(tunnel: Tunnel, policy: ConnectionPolicy, status: Arc<TunnelStatus>) {
    let mut wait = FIRST_WAIT;
    loop {
        while !is_running(&tunnel).await {
            sleep(LOOK).await;
        }
        let began = tokio::time::Instant::now();
        let said = match connect(&tunnel.command, &policy).await {
            Ok(said) => said,
            Err(error) => error.to_string().into_bytes(),
        };
        // One that lasted was a connection.
        wait = if began.elapsed() > LONGEST_WAIT {
            FIRST_WAIT
        } else {
            (wait * 2).min(LONGEST_WAIT)
        };
        sleep(wait).await;
        // A command whose container has ended has not failed.
        if is_running(&tunnel).await {
            status.set_failure(&said);
        }
    }
}

async fn is_running(tunnel: &Tunnel) -> bool {
    let is_running = Arc::clone(&tunnel.is_running);
    tokio::task::spawn_blocking(move || is_running())
        .await
        .unwrap_or(false)
}

/// Serves over one run of the command, until it ends; what it said on its standard error.
async fn connect(command: &Cmd, policy: &ConnectionPolicy) -> io::Result<Vec<u8>> {
    let mut child = command.spawn_piped()?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut said = Vec::new();
    let mut stderr = stderr.take(MOST_SAID);
    let listening = stderr.read_to_end(&mut said);
    // A command that ends before it speaks ssh says why.
    let serving = serve(tokio::io::join(stdout, stdin), policy.clone(), None);
    let (_, heard) = tokio::join!(serving, listening);
    heard?;
    child.wait().await?;
    Ok(said)
}
