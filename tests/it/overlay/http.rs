//! The client: what it asks again, what it does not, and where a token goes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use git_dkr::net::{
    Address, Body, ClientSettings, Download, HttpClient, HttpError, HttpRequest, Resume,
    RetryPolicy, Secret,
};
use serde_json::{Value, json};

use crate::overlay::server::{Answer, Server, TOKEN};

pub fn quick() -> ClientSettings {
    let first = Duration::from_millis(5);
    ClientSettings {
        patience: RetryPolicy { first },
        ..ClientSettings::default()
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn get(server: &Server, client: &HttpClient, path: &str) -> anyhow::Result<Value> {
    let address = address(&format!("{}{path}", server.api()));
    client.json(&request(&address))
}

fn request(address: &Address) -> HttpRequest<'_> {
    HttpRequest {
        method: "GET".parse().unwrap(),
        address,
        accept: "application/json",
        headers: Vec::new(),
        body: Body::None,
    }
}

fn client(server: &Server) -> HttpClient {
    let token = Secret::new(TOKEN).unwrap();
    HttpClient::new(quick()).with_token(token, &[&address(&server.api())])
}

/// Downloads; what is in the file then.
fn download(client: &HttpClient, from: &str, to: &Path) -> anyhow::Result<Vec<u8>> {
    let count = Arc::new(AtomicU64::new(0));
    let from = address(from);
    let wanted = Download {
        from: &from,
        accept: "*/*",
        to,
        at: 0,
        size: None,
        resume: Resume::IfSame,
        count: &count,
    };
    client.download(&wanted, &mut |_| ())?;
    let bytes = std::fs::read(to)?;
    assert_eq!(count.load(Ordering::Relaxed), bytes.len() as u64);
    Ok(bytes)
}

/// Bytes that do not repeat.
pub fn noise(len: usize) -> Vec<u8> {
    let mut seed = len as u64 | 1;
    let next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn what_passes_is_asked_again() {
    let server = Server::start();
    server.file("/x", "[1]");
    let client = client(&server);
    for code in [500, 502, 503, 408, 429] {
        server.times(4, "GET", "/x", Answer::status(code));
        assert_eq!(get(&server, &client, "/x").unwrap(), json!([1]), "{code}");
    }
    server.next("GET", "/x", Answer::Cut(1));
    server.next("GET", "/x", Answer::Lost);
    assert_eq!(get(&server, &client, "/x").unwrap(), json!([1]));
    server.forget();
    server.times(5, "GET", "/x", Answer::status(500));
    let error = get(&server, &client, "/x").unwrap_err();
    assert_eq!(HttpError::find_in(&error).unwrap().status, 500);
    assert_eq!(server.count("GET", "/x"), 5);
}

#[test]
fn what_does_not_pass_is_not() {
    let server = Server::start();
    let client = client(&server);
    for code in [400, 401, 403, 404, 410, 422] {
        server.forget();
        server.next("GET", "/x", Answer::status(code));
        let error = get(&server, &client, "/x?secret").unwrap_err();
        assert_eq!(HttpError::find_in(&error).unwrap().status, code);
        assert_eq!(
            HttpError::find_in(&error).unwrap().message,
            format!("status {code}")
        );
        let text = format!("{error:#} {error:?}");
        assert!(!text.contains("secret") && !text.contains(TOKEN), "{text}");
        assert_eq!(server.count("GET", "/x"), 1);
    }
}

#[test]
fn silence_ends() {
    let server = Server::start();
    server.file("/x", "[1]");
    server.next("GET", "/x", Answer::Silence);
    assert_eq!(get(&server, &client(&server), "/x").unwrap(), json!([1]));
}

#[test]
fn limits_are_waited_for_when_they_are_short() {
    let server = Server::start();
    server.file("/x", "[1]");
    let client = client(&server);
    let soon = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1000"),
    ];
    server.next("GET", "/x", Answer::with(403, &soon));
    server.next("GET", "/x", Answer::with(429, &[("retry-after", "0")]));
    assert_eq!(get(&server, &client, "/x").unwrap(), json!([1]));
    assert_eq!(server.count("GET", "/x"), 3);
    let late = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "9999999999"),
    ];
    for client in [client, HttpClient::new(quick())] {
        server.forget();
        server.next("GET", "/x", Answer::with(403, &late));
        let error = get(&server, &client, "/x").unwrap_err();
        let failure: &git_dkr::error::Failure = error.downcast_ref().unwrap();
        assert!(
            failure.to_string().contains("2286-11-20 17:46:39 UTC"),
            "{failure}"
        );
        let hint = failure.advice().unwrap();
        assert_eq!(hint.contains("GH_TOKEN"), !client.has_token(), "{hint}");
        assert_eq!(server.count("GET", "/x"), 1);
    }
}

#[test]
fn a_token_stays_with_its_host() {
    let server = Server::start();
    server.file("/x", "[1]");
    let client = client(&server);
    server.next("GET", "/a", Answer::redirect("/b"));
    server.next("GET", "/b", Answer::redirect(&server.elsewhere("/x?q")));
    assert_eq!(get(&server, &client, "/a").unwrap(), json!([1]));
    let seen = server.seen();
    let sent: Vec<bool> = seen
        .iter()
        .map(|seen| seen.headers.contains_key("authorization"))
        .collect();
    assert_eq!(sent, [true, true, false]);
    assert!(seen[2].elsewhere);
    server.token_stayed();
    // Back again it is the same host as before.
    server.next("GET", "/a", Answer::redirect(&server.elsewhere("/c")));
    server.next(
        "GET",
        "/c",
        Answer::redirect(&format!("{}/x", server.api())),
    );
    assert_eq!(get(&server, &client, "/a").unwrap(), json!([1]));
    server.token_stayed();
}

#[test]
fn redirects_go_nowhere_else() {
    let server = Server::start();
    let client = client(&server);
    for to in [
        "http://example.com/x?secret",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://u:secret@example.com/",
        "",
    ] {
        server.next("GET", "/x", Answer::redirect(to));
        let error = get(&server, &client, "/x").unwrap_err();
        assert!(!format!("{error:#}").contains("secret"), "{error:#}");
    }
    server.forget();
    server.times(50, "GET", "/x", Answer::redirect("/x"));
    assert!(get(&server, &client, "/x").is_err());
    assert_eq!(server.count("GET", "/x"), 11);
}

#[test]
fn downloads_go_on_where_they_were_cut() {
    let server = Server::start();
    let bytes = noise(5_000_000);
    let url = server.file("/big", bytes.clone());
    let directory = tempfile::tempdir().unwrap();
    // More often than it would try in vain: each brought it forward.
    server.times(12, "GET", "/big", Answer::Cut(1_100_000));
    let to = directory.path().join("a");
    assert!(download(&client(&server), &url, &to).unwrap() == bytes);
    let ranges: Vec<Option<String>> = server
        .seen()
        .iter()
        .map(|seen| seen.headers.get("range").cloned())
        .collect();
    assert_eq!(ranges[0], None);
    assert!(
        ranges.len() > 3 && ranges[1..].iter().all(Option::is_some),
        "{ranges:?}"
    );
    // The rest only.
    assert_eq!(server.count("GET", "/big"), ranges.len());
}

#[test]
fn a_download_of_another_run_goes_on_if_it_is_the_same_still() {
    let server = Server::start();
    let bytes = noise(100_000);
    let url = server.file("/big", bytes.clone());
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("a");
    let break_off = || {
        server.times(5, "GET", "/big", Answer::Cut(1000));
        assert!(download(&client(&server), &url, &to).is_err());
        assert_eq!(std::fs::metadata(&to).unwrap().len(), 5000);
        server.forget();
    };
    break_off();
    assert!(download(&client(&server), &url, &to).unwrap() == bytes);
    assert_eq!(server.seen()[0].headers["range"], "bytes=5000-");
    std::fs::remove_file(&to).unwrap();
    break_off();
    let other = noise(90_000);
    server.file("/big", other.clone());
    assert!(download(&client(&server), &url, &to).unwrap() == other);
    std::fs::remove_file(&to).unwrap();
    break_off();
    server.state().no_ranges = true;
    assert!(download(&client(&server), &url, &to).unwrap() == other);
}

#[test]
fn a_whole_file_is_no_trouble() {
    let server = Server::start();
    let url = server.file("/big", "whole");
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("a");
    for _ in 0..2 {
        assert_eq!(download(&client(&server), &url, &to).unwrap(), b"whole");
    }
    // What is there is longer than what the server has.
    std::fs::write(&to, "whole and more").unwrap();
    assert_eq!(download(&client(&server), &url, &to).unwrap(), b"whole");
}

#[test]
fn an_upload_hears_why_it_is_refused() {
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f");
    std::fs::write(&file, noise(3_000_000)).unwrap();
    let to = address(&format!("{}/up", server.api()));
    let count = Arc::new(AtomicU64::new(7));
    let upload = |len| HttpRequest {
        method: "POST".parse().unwrap(),
        body: Body::FileRange {
            file: &file,
            from: 10,
            len,
            count: Arc::clone(&count),
        },
        ..request(&to)
    };
    server.next("POST", "/up", Answer::status(403));
    let error = client(&server)
        .call(&upload(2_000_000), || Ok(()))
        .unwrap_err();
    assert_eq!(HttpError::find_in(&error).unwrap().status, 403);
    assert_eq!(count.load(Ordering::Relaxed), 7);
    // A file that is shorter than it was is an end, not a wait.
    let error = client(&server)
        .call(&upload(4_000_000), || Ok(()))
        .unwrap_err();
    assert!(format!("{error:#}").contains("end of file"), "{error:#}");
}

#[test]
fn nobody_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let to = address(&format!("http://127.0.0.1:{port}/x?secret"));
    let error = client(&Server::start())
        .json::<Value>(&request(&to))
        .unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("127.0.0.1") && !text.contains("secret"),
        "{text}"
    );
}
