//! The first message of TLS, which says whom the client means to talk to.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_rustls::rustls::server::Acceptor;

use super::host::HostName;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most that is read for it.
const LONGEST: usize = 64 << 10;

/// Reads the message as it comes in.
#[derive(Default)]
pub(super) struct HelloReader {
    acceptor: Acceptor,
    read: usize,
}

/// What is known by now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HelloProgress {
    /// More has to come.
    Incomplete,
    /// The server's name in it, in lower case, if there is one.
    Complete(Option<String>),
    /// It is not TLS.
    Invalid,
}

impl HelloReader {
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> HelloProgress {
        self.read += bytes.len();
        if self.read > LONGEST {
            return HelloProgress::Invalid;
        }
        while !bytes.is_empty() {
            match self.acceptor.read_tls(&mut bytes) {
                Ok(read) if read > 0 => {}
                _ => return HelloProgress::Invalid,
            }
            match self.acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let name = accepted.client_hello().server_name().map(|name| {
                        let name = name.strip_suffix('.').unwrap_or(name);
                        name.to_ascii_lowercase()
                    });
                    return HelloProgress::Complete(name);
                }
                Err(_) => return HelloProgress::Invalid,
            }
        }
        HelloProgress::Incomplete
    }
}

/// Why a tunnel is not begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HelloError {
    /// The client went away before it said anything that counts.
    HungUp,
    /// It is not TLS.
    NotTls,
    /// It is TLS with another host; with the reason.
    OtherHost(String),
}

/// Reads from a client that was asked to begin TLS with `host`: the bytes as they came, or why they may not
/// go on.
pub(super) async fn read_for(
    client: &mut (impl AsyncRead + Unpin),
    host: &HostName,
) -> Result<Vec<u8>, HelloError> {
    let mut bytes = Vec::new();
    let read = async {
        let mut hello = HelloReader::default();
        loop {
            let from = bytes.len();
            bytes.reserve(4096);
            match client.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return Err(HelloError::HungUp),
                Ok(_) => {}
            }
            match hello.feed(&bytes[from..]) {
                HelloProgress::Incomplete => {}
                HelloProgress::Invalid => return Err(HelloError::NotTls),
                HelloProgress::Complete(name) => {
                    return check(name.as_deref(), host).map_err(HelloError::OtherHost);
                }
            }
        }
    };
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(result) => result.map(|()| bytes),
        Err(_) => Err(HelloError::HungUp),
    }
}

/// Whether TLS names the host that was asked for. An address is named by nothing.
fn check(name: Option<&str>, host: &HostName) -> Result<(), String> {
    match (name, host) {
        (Some(name), HostName::Dns(host)) if name == host => Ok(()),
        (None, HostName::Ip(_)) => Ok(()),
        (Some(name), _) => Err(format!("the server name of TLS is another, {name}")),
        (None, HostName::Dns(_)) => Err("TLS names no server".to_owned()),
    }
}
