//! An agent's API with the key added: a container asks us, we ask the one host.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, Semaphore};

use super::agents::{AgentApi, path_for};
use super::answers::{self, AnswerBody};
use super::counted::{ByteCounts, Counted};
use super::dial::{DialError, Dialer};
use super::egress::MOST_CONNECTIONS;
use super::forward::{failed, passed_on};
use super::headers::remove_hop_by_hop;
use super::host::{HostName, HostPort};
use super::log::{EgressLog, LogEntry};
use super::policy::AddressScope;
use super::serve::{http_server, refuse};
use crate::net::Secret;

const HTTPS: u16 = 443;

/// One agent's API, for one container.
#[derive(Debug)]
pub(crate) struct ApiKeyGateway {
    api: &'static AgentApi,
    origin: HostPort,
    scope: AddressScope,
    key: Secret,
    dialer: Arc<Dialer>,
    log: Arc<EgressLog>,
    connections: Semaphore,
}

impl ApiKeyGateway {
    /// The API at its own host.
    pub(crate) fn new(
        api: &'static AgentApi,
        key: Secret,
        dialer: Arc<Dialer>,
        log: Arc<EgressLog>,
    ) -> Self {
        let host = HostName::Dns(api.host.to_owned());
        let origin = HostPort { host, port: HTTPS };
        Self {
            api,
            origin,
            scope: AddressScope::Public,
            key,
            dialer,
            log,
            connections: Semaphore::new(MOST_CONNECTIONS),
        }
    }

    /// The same API at another host, which may be a private one as the user has named it.
    #[must_use]
    pub(crate) fn at(mut self, origin: HostPort) -> Self {
        self.scope = match &origin.host {
            HostName::Ip(_) => AddressScope::Named,
            host if host.is_localhost() => AddressScope::Loopback,
            HostName::Dns(_) => AddressScope::Private,
        };
        self.origin = origin;
        self
    }

    async fn connect(&self) -> Result<ApiConnection, String> {
        let dialled = self.dialer.dial(&self.origin, self.scope).await;
        let stream = dialled.map_err(|error| match error {
            DialError::Denied(denial) => format!("refused {}: {}", self.origin, denial.reason),
            DialError::Failed(why) => why,
        })?;
        let stream = self.dialer.trust.begin(stream, &self.origin.host).await?;
        let stream = Counted::new(stream);
        let counts = Arc::clone(&stream.counts);
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            handshake.map_err(|error| format!("had no answer from {}: {error}", self.origin))?;
        tokio::spawn(connection);
        Ok(ApiConnection { sender, counts })
    }

    /// The request as the API gets it.
    fn rewritten(&self, request: Request<Incoming>) -> Result<Request<Incoming>, String> {
        let path = path_for(request.method(), request.uri())?;
        let (mut parts, body) = request.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        self.api.put_key(&mut parts.headers, &self.key)?;
        let host = match self.origin.port {
            HTTPS => self.origin.host.to_string(),
            _ => self.origin.to_string(),
        };
        let host = HeaderValue::from_str(&host).map_err(|error| error.to_string())?;
        parts.headers.insert(HOST, host);
        parts.uri = Uri::from(path);
        parts.version = Version::HTTP_11;
        Ok(Request::from_parts(parts, body))
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        kept: &Mutex<Option<ApiConnection>>,
    ) -> Response<AnswerBody> {
        let method = request.method().to_string();
        let mut entry = LogEntry::new(&self.log, &method, &self.origin.to_string());
        let request = match self.rewritten(request) {
            Ok(request) => request,
            Err(why) => {
                entry.denied(&why);
                return answers::text(
                    StatusCode::BAD_REQUEST,
                    format!("git dkr refused it: {why}."),
                );
            }
        };
        let mut kept = kept.lock().await;
        match send(&mut kept, request, &mut entry, self).await {
            Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => self.wrong_key(entry),
            Ok(answer) => passed_on(answer, entry),
            Err(why) => failed(entry, &why),
        }
    }

    /// What the API says of a wrong key may repeat parts of it.
    fn wrong_key(&self, mut entry: LogEntry) -> Response<AnswerBody> {
        entry.failed("answered 401");
        let message = format!(
            "{} refused the key of {} that git dkr adds on the host",
            self.origin.host, self.api.agent
        );
        let body = serde_json::json!({
            "type": "error",
            "error": { "type": "authentication_error", "message": message },
        });
        let mut answer = answers::text(StatusCode::UNAUTHORIZED, body.to_string());
        let json = HeaderValue::from_static("application/json");
        answer.headers_mut().insert("content-type", json);
        answer
    }
}

/// A connection to the API, used for one request after the other.
struct ApiConnection {
    sender: SendRequest<Incoming>,
    counts: Arc<ByteCounts>,
}

/// Sends by the connection that is there, if it still is.
async fn send(
    kept: &mut Option<ApiConnection>,
    mut request: Request<Incoming>,
    entry: &mut LogEntry,
    gateway: &ApiKeyGateway,
) -> Result<Response<Incoming>, String> {
    let no_answer = |error: hyper::Error| format!("had no answer from {}: {error}", gateway.origin);
    if let Some(mut open) = kept.take()
        && open.sender.ready().await.is_ok()
    {
        entry.count(&open.counts);
        match open.sender.try_send_request(request).await {
            Ok(answer) => {
                *kept = Some(open);
                return Ok(answer);
            }
            // It was closed meanwhile, and nothing of this was sent.
            Err(mut error) => match error.take_message() {
                Some(unsent) => request = unsent,
                None => return Err(no_answer(error.into_error())),
            },
        }
    }
    let mut open = gateway.connect().await?;
    entry.count(&open.counts);
    let answer = open.sender.send_request(request).await;
    let answer = answer.map_err(no_answer)?;
    *kept = Some(open);
    Ok(answer)
}

/// Serves one connection of a container as its agent's API, until it ends.
pub(crate) async fn serve_api<S>(stream: S, gateway: Arc<ApiKeyGateway>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(_place) = gateway.connections.try_acquire() else {
        return refuse(stream, &gateway.log).await;
    };
    let kept = Arc::new(Mutex::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        let (gateway, kept) = (Arc::clone(&gateway), Arc::clone(&kept));
        async move { Ok::<_, Infallible>(gateway.answer(request, &kept).await) }
    });
    // A client that does not speak HTTP, or hangs up, is its own affair.
    let _ = http_server()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
