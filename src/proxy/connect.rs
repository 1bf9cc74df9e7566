//! CONNECT: a tunnel for TLS with the host that was asked for, and for nothing else.

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};

use super::answers::{self, AnswerBody};
use super::client_hello::{self, HelloError};
use super::counted::Counted;
use super::dial::DialError;
use super::egress::Egress;
use super::host::{HostName, HostPort};
use super::log::LogEntry;
use super::network::ByteStream;
use super::policy::EgressDenial;

/// What is read at once from either side.
const BUFFER: usize = 128 << 10;
/// TLS's fatal alert `access_denied`, for a client that means another host.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// A tunnel that was answered with success, and in which nothing was said yet.
pub(super) struct ConnectTunnel {
    client: OnUpgrade,
    server: Counted<Box<dyn ByteStream>>,
    host: HostName,
    entry: LogEntry,
}

/// Connects to the host that is asked for, or says why not.
pub(super) async fn begin(
    egress: &Egress,
    request: Request<Incoming>,
) -> Result<ConnectTunnel, Box<Response<AnswerBody>>> {
    let asked = request.uri().to_string();
    let mut entry = LogEntry::new(&egress.log, "CONNECT", &asked);
    let denied = |entry: &mut LogEntry, denial: &EgressDenial| {
        entry.denied(&denial.reason);
        let shown: String = asked.escape_default().take(300).collect();
        Box::new(answers::denied("CONNECT", &shown, denial, &egress.policy))
    };
    let target = HostPort::parse(&asked, None)
        .map_err(|why| denied(&mut entry, &EgressDenial::of_request(why)))?;
    entry.target(&target);
    let scope = egress
        .policy
        .decide(&target)
        .map_err(|denial| denied(&mut entry, &denial))?;
    let stream = egress
        .dialer
        .dial(&target, scope)
        .await
        .map_err(|error| match error {
            DialError::Denied(denial) => denied(&mut entry, &denial),
            DialError::Failed(why) => {
                entry.failed(&why);
                Box::new(answers::text(
                    StatusCode::BAD_GATEWAY,
                    format!("git dkr {why}."),
                ))
            }
        })?;
    let server = Counted::new(stream);
    entry.count(&server.counts);
    Ok(ConnectTunnel {
        client: hyper::upgrade::on(request),
        server,
        host: target.host,
        entry,
    })
}

impl ConnectTunnel {
    /// Passes on what comes from either side, once the client has begun TLS with this host.
    pub(super) async fn run(mut self) {
        let Ok(client) = self.client.await else {
            return self.entry.failed("the client hung up");
        };
        let mut client = TokioIo::new(client);
        let hello = match client_hello::read_for(&mut client, &self.host).await {
            Ok(hello) => hello,
            Err(HelloError::HungUp) => return self.entry.failed("the client did not begin TLS"),
            Err(HelloError::NotTls) => {
                return self.entry.denied("what the client sent is not TLS");
            }
            Err(HelloError::OtherHost(why)) => {
                self.entry.denied(&why);
                let _ = client.write_all(&ACCESS_DENIED).await;
                let _ = client.shutdown().await;
                return;
            }
        };
        let passed = async {
            self.server.write_all(&hello).await?;
            copy_bidirectional_with_sizes(&mut client, &mut self.server, BUFFER, BUFFER).await
        };
        if let Err(error) = passed.await {
            self.entry.failed(&error.to_string());
        }
    }
}
