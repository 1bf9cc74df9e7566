//! Plain HTTP: a request for `http://host/…` is sent on, and its answer comes back.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::uri::{PathAndQuery, Uri};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;

use super::answers::{self, AnswerBody, LoggedBody};
use super::counted::Counted;
use super::dial::DialError;
use super::egress::Egress;
use super::headers::remove_hop_by_hop;
use super::host::HostPort;
use super::log::LogEntry;
use super::policy::EgressDenial;

const HTTP: u16 = 80;

/// Answers one request.
pub(super) async fn answer(egress: &Egress, request: Request<Incoming>) -> Response<AnswerBody> {
    let method = request.method().to_string();
    let uri = request.uri();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut entry = LogEntry::new(&egress.log, &method, authority);
    let target = match target_of(&request) {
        Ok(target) => target,
        Err(why) => {
            entry.denied(&why);
            return answers::text(
                StatusCode::BAD_REQUEST,
                format!("git dkr refused it: {why}."),
            );
        }
    };
    entry.target(&target);
    let denied = |mut entry: LogEntry, denial: &EgressDenial| {
        entry.denied(&denial.reason);
        answers::denied(&method, &target.to_string(), denial, &egress.policy)
    };
    let scope = match egress.policy.decide(&target) {
        Ok(scope) => scope,
        Err(denial) => return denied(entry, &denial),
    };
    let dialled = match egress.dialer.dial_http_proxy(&target).await {
        Some(dialled) => dialled.map(|(stream, credentials)| (stream, Some(credentials))),
        None => {
            let dialled = egress.dialer.dial_directly(&target, scope).await;
            dialled.map(|stream| (stream, None))
        }
    };
    let (stream, through) = match dialled {
        Ok(dialled) => dialled,
        Err(DialError::Denied(denial)) => return denied(entry, &denial),
        Err(DialError::Failed(why)) => return failed(entry, &why),
    };
    let stream = Counted::new(stream);
    entry.count(&stream.counts);
    let request = match rewritten(request, &target, through) {
        Ok(request) => request,
        Err(error) => return failed(entry, &format!("cannot send the request: {error}")),
    };
    let answered = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    match answered.await {
        Ok(answer) => passed_on(answer, entry),
        Err(error) => failed(entry, &format!("had no answer from {target}: {error}")),
    }
}

/// An answer without what belongs to the connection that it came by.
pub(super) fn passed_on(answer: Response<Incoming>, mut entry: LogEntry) -> Response<AnswerBody> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return failed(entry, "had an answer that it did not ask for");
    }
    let (mut parts, body) = answer.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    parts.version = Version::HTTP_11;
    if !parts.status.is_success() {
        entry.failed(&format!("answered {}", parts.status.as_u16()));
    }
    Response::from_parts(parts, LoggedBody { body, entry }.boxed_unsync())
}

/// 502, with the reason.
pub(super) fn failed(mut entry: LogEntry, why: &str) -> Response<AnswerBody> {
    entry.failed(why);
    answers::text(StatusCode::BAD_GATEWAY, format!("git dkr {why}."))
}

/// The host that is asked for: in the address, and the same in `Host`.
fn target_of(request: &Request<Incoming>) -> Result<HostPort, String> {
    let uri = request.uri();
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("https goes by CONNECT".to_owned()),
        _ => return Err("a proxy is asked for http://host/ or by CONNECT".to_owned()),
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let target = HostPort::parse(authority, Some(HTTP))?;
    for host in request.headers().get_all(HOST) {
        let host = host.to_str().unwrap_or_default();
        if HostPort::parse(host, Some(HTTP)).as_ref() != Ok(&target) {
            return Err("the header Host names another host".to_owned());
        }
    }
    Ok(target)
}

/// The request as the server gets it, or a proxy that it goes through.
fn rewritten(
    request: Request<Incoming>,
    target: &HostPort,
    through: Option<Option<HeaderValue>>,
) -> Result<Request<Incoming>, hyper::http::Error> {
    let (mut parts, body) = request.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    let host = match target.port {
        HTTP => target.host.to_string(),
        _ => target.to_string(),
    };
    parts.headers.insert(HOST, HeaderValue::from_str(&host)?);
    let path = parts.uri.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = match through {
        None => Uri::from(path),
        Some(credentials) => {
            if let Some(credentials) = credentials {
                parts.headers.insert(PROXY_AUTHORIZATION, credentials);
            }
            let uri = Uri::builder().scheme("http").authority(host);
            uri.path_and_query(path).build()?
        }
    };
    parts.version = Version::HTTP_11;
    Ok(Request::from_parts(parts, body))
}
