//! Speaks HTTP with a container, as its proxy.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::answers::{self, AnswerBody};
use super::connect::{self, ConnectTunnel};
use super::egress::{Egress, MOST_CONNECTIONS};
use super::forward;
use super::log::{EgressLog, LogEntry};

/// The most bytes and the most lines of the head of a request.
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 128;
/// How long a client may take to send a head; also how long a connection may rest between requests.
const HEAD: Duration = Duration::from_secs(90);

/// Serves one connection of a container as an HTTP proxy, until it ends.
pub(crate) async fn serve<S>(stream: S, egress: Arc<Egress>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(_place) = egress.connections.try_acquire() else {
        return refuse(stream, &egress.log).await;
    };
    let tunnel = Arc::new(Mutex::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        let (egress, tunnel) = (Arc::clone(&egress), Arc::clone(&tunnel));
        async move { Ok::<_, Infallible>(answer(&egress, request, &tunnel).await) }
    });
    // A client that does not speak HTTP, or hangs up, is its own affair.
    let _ = http_server()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    let begun = tunnel.lock().ok().and_then(|mut tunnel| tunnel.take());
    if let Some(begun) = begun {
        begun.run().await;
    }
}

async fn answer(
    egress: &Egress,
    request: Request<Incoming>,
    tunnel: &Mutex<Option<ConnectTunnel>>,
) -> Response<AnswerBody> {
    if request.method() != Method::CONNECT {
        return forward::answer(egress, request).await;
    }
    match connect::begin(egress, request).await {
        Ok(begun) => match tunnel.lock() {
            Ok(mut tunnel) => {
                *tunnel = Some(begun);
                answers::empty()
            }
            Err(_) => answers::text(StatusCode::INTERNAL_SERVER_ERROR, "git dkr failed.".into()),
        },
        Err(answer) => *answer,
    }
}

/// How HTTP is read from a container.
pub(super) fn http_server() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS);
    builder
}

/// Answers a connection that is one too many.
pub(super) async fn refuse(mut stream: impl AsyncWrite + Unpin, log: &Arc<EgressLog>) {
    let why = format!("more than {MOST_CONNECTIONS} connections at once");
    LogEntry::new(log, "", "").denied(&why);
    let body = format!("git dkr refused it: {why}.\n");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
