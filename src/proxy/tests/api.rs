use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Notify, mpsc};

use super::support::*;
use crate::net::Secret;
use crate::proxy::network::ByteStream;
use crate::proxy::{AgentApi, ApiKeyGateway, HostPort, serve_api};

const KEY: &str = "sk-the-true-key";

fn gateway(test: &TestEgress, agent: &str) -> Arc<ApiKeyGateway> {
    let key = Secret::new(KEY).unwrap();
    let api = AgentApi::of(agent).unwrap();
    Arc::new(ApiKeyGateway::new(
        api,
        key,
        test.dialer(),
        Arc::clone(&test.log),
    ))
}

fn agent(gateway: &Arc<ApiKeyGateway>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(1 << 16);
    tokio::spawn(serve_api(server, Arc::clone(gateway)));
    client
}

async fn sender(gateway: &Arc<ApiKeyGateway>) -> SendRequest<Empty<Bytes>> {
    let (sender, connection) = http1::handshake(TokioIo::new(agent(gateway)))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    let request = Request::builder().uri(path).header("host", "127.0.0.1");
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn the_key_is_added_here() {
    for (name, host, header) in [
        ("claude", "api.anthropic.com", "x-api-key: sk-the-true-key"),
        (
            "codex",
            "api.openai.com",
            "authorization: Bearer sk-the-true-key",
        ),
        (
            "gemini",
            "generativelanguage.googleapis.com",
            "x-goog-api-key: sk-the-true-key",
        ),
    ] {
        let test = TestEgress::new();
        test.tls_host(host, tell).await;
        let gateway = gateway(&test, name);
        let request = "POST /v1/messages?key=stand-in&beta=true HTTP/1.1\r\nHost: 127.0.0.1:3129\r\n\
                       X-Api-Key: stand-in\r\nAuthorization: Bearer stand-in\r\nx-goog-api-key: stand-in\r\n\
                       anthropic-version: 1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                       4\r\nbody\r\n0\r\n\r\n";
        // What the API was sent, which a true one does not say.
        let answer = ask(&mut agent(&gateway), request).await;
        let (_, told) = answer.split_once("\r\n\r\n").unwrap();
        assert!(told.contains("POST /v1/messages?beta=true\n"), "{told}");
        assert!(
            told.contains(header) && !told.contains("stand-in"),
            "{told}"
        );
        assert!(told.contains(&format!("host: {host}\n")), "{told}");
        assert!(
            told.contains("anthropic-version: 1\n") && told.contains("body"),
            "{told}"
        );
        let line = test.lines(1).await.remove(0);
        assert!(
            line.starts_with(&format!("allowed POST {host}:443 up=")),
            "{line}"
        );
        assert!(!line.contains("messages") && !line.contains(KEY), "{line}");
        assert!(!format!("{gateway:?}").contains(KEY));
    }
}

#[tokio::test]
async fn nothing_goes_to_another_host() {
    let test = TestEgress::new();
    test.tls_host("api.anthropic.com", tell).await;
    test.tls_host("evil.example", tell).await;
    let gateway = gateway(&test, "claude");
    for line in [
        "GET http://evil.example/v1 HTTP/1.1",
        "GET https://evil.example/v1 HTTP/1.1",
        "GET //evil.example/v1 HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "TRACE /v1 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET /v1/%2e%2e/%2e%2e/x HTTP/1.1",
    ] {
        let request = format!("{line}\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        let answer = ask(&mut agent(&gateway), &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
        assert!(!answer.contains(KEY));
    }
    assert!(test.network.connected.lock().unwrap().is_empty());
    assert!(
        test.lines(7)
            .await
            .iter()
            .all(|line| line.starts_with("denied "))
    );
}

/// An API that answers with a status and these headers, and counts connections.
async fn answering(
    test: &TestEgress,
    status: u16,
    header: (&'static str, &'static str),
) -> Arc<AtomicUsize> {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let each = move |stream: Box<dyn ByteStream>| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let service = service_fn(|_: Request<Incoming>| async move {
                let answer = Response::builder()
                    .status(status)
                    .header(header.0, header.1);
                let body = Full::new(Bytes::from_static(b"wrong key sk-the-*"));
                Ok::<_, Infallible>(answer.body(body).unwrap())
            });
            let builder = hyper::server::conn::http1::Builder::new();
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    };
    test.tls_host("api.anthropic.com", each).await;
    connections
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let test = TestEgress::new();
    answering(&test, 302, ("location", "https://evil.example/")).await;
    let mut sender = sender(&gateway(&test, "claude")).await;
    let answer = sender.send_request(get("/v1")).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "https://evil.example/");
    assert_eq!(
        test.network.resolved.lock().unwrap()[..],
        ["api.anthropic.com"]
    );
}

#[tokio::test]
async fn what_is_said_of_a_wrong_key_stays_here() {
    let test = TestEgress::new();
    answering(&test, 401, ("x", "y")).await;
    let mut sender = sender(&gateway(&test, "claude")).await;
    let answer = sender.send_request(get("/v1")).await.unwrap();
    assert_eq!(answer.status(), 401);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("api.anthropic.com refused the key of claude") && !body.contains("sk-"),
        "{body}"
    );
}

#[tokio::test]
async fn a_connection_is_used_again_and_opened_again() {
    let test = TestEgress::new();
    let kept = answering(&test, 200, ("x", "y")).await;
    let mut client = sender(&gateway(&test, "claude")).await;
    for _ in 0..3 {
        let answer = client.send_request(get("/v1")).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
    assert_eq!(kept.load(Ordering::Relaxed), 1);

    // An API that closes after each answer.
    let test = TestEgress::new();
    let closed = answering(&test, 200, ("connection", "close")).await;
    let mut client = sender(&gateway(&test, "claude")).await;
    for _ in 0..3 {
        let answer = client.send_request(get("/v1")).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }
    assert_eq!(closed.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn events_arrive_as_they_are_sent() {
    let test = TestEgress::new();
    let go_on = Arc::new(Notify::new());
    let wait = Arc::clone(&go_on);
    let each = move |mut stream: Box<dyn ByteStream>| {
        let wait = Arc::clone(&wait);
        async move {
            head(&mut stream).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
            for number in 0..3 {
                let event = format!("9\r\ndata: {number}\n\n\r\n");
                stream.write_all(event.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                wait.notified().await;
            }
            stream.write_all(b"0\r\n\r\n").await.unwrap();
            let _ = stream.shutdown().await;
        }
    };
    test.tls_host("api.anthropic.com", each).await;
    let mut sender = sender(&gateway(&test, "claude")).await;
    let mut body = sender.send_request(get("/v1")).await.unwrap().into_body();
    for number in 0..3 {
        // Each is here before the next is sent.
        let event = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
        go_on.notify_one();
    }
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_key_goes_to_nobody_whom_we_do_not_trust() {
    let test = TestEgress::new();
    let (heard, mut hears) = mpsc::unbounded_channel();
    let other = TestCa::new();
    let at = other
        .serve("api.anthropic.com", move |mut stream| {
            let heard = heard.clone();
            async move {
                let mut text = Vec::new();
                let _ = stream.read_to_end(&mut text).await;
                heard.send(text).unwrap();
            }
        })
        .await;
    test.network.name("api.anthropic.com", &[&[PUBLIC]]);
    test.network.server("1.2.3.4:443", at);
    let mut sender = sender(&gateway(&test, "claude")).await;
    let answer = sender.send_request(get("/v1")).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(hears.try_recv().is_err_and(|_| true));
    // Nor to an address that is no public one.
    test.network.name("api.anthropic.com", &[&["127.0.0.1"]]);
    let answer = sender.send_request(get("/v1")).await.unwrap();
    assert_eq!(answer.status(), 502);
    let lines = test.lines(2).await;
    assert!(
        lines[0].contains("cannot trust api.anthropic.com"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("it has a loopback address, 127.0.0.1"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn the_api_may_be_elsewhere() {
    let test = TestEgress::new();
    let at = test.ca.serve("llm.corp", tell).await;
    test.network.name("llm.corp", &[&["10.0.0.7"]]);
    test.network.server("10.0.0.7:8443", at);
    let key = Secret::new(KEY).unwrap();
    let api = AgentApi::of("claude").unwrap();
    let origin = HostPort::parse("llm.corp:8443", None).unwrap();
    let gateway = ApiKeyGateway::new(api, key, test.dialer(), Arc::clone(&test.log)).at(origin);
    let mut sender = sender(&Arc::new(gateway)).await;
    let answer = sender.send_request(get("/v1/models")).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("host: llm.corp:8443\n") && body.contains(KEY),
        "{body}"
    );
}

#[tokio::test]
async fn hostile_bytes_are_closed() {
    let test = TestEgress::new();
    let gateway = gateway(&test, "gemini");
    for bytes in [
        &b"\x16\x03\x01\0\0"[..],
        b"\0\0\0",
        b"GET",
        b"GET /v1 HTTP/9\r\n\r\n",
        b"SSH-2.0-x\r\n",
    ] {
        let mut stream = agent(&gateway);
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
            "{bytes:?}"
        );
    }
    assert!(test.network.connected.lock().unwrap().is_empty());
}
