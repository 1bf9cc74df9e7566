use tokio::io::AsyncWriteExt;

use super::support::*;
use crate::proxy::UpstreamProxy;

async fn test() -> TestEgress {
    let test = TestEgress::new();
    let at = listen(tell).await;
    test.network.name("a.example", &[&[PUBLIC]]);
    test.network.server("1.2.3.4:80", at);
    test.network.server("1.2.3.4:8080", at);
    test
}

#[tokio::test]
async fn a_request_is_sent_on_without_what_is_the_connections() {
    let test = test().await;
    let egress = test.egress("a.example");
    let request = "POST http://A.example/path?query=secret HTTP/1.1\r\nHost: a.example:80\r\n\
                   Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nConnection: close, x-mine\r\n\
                   X-Mine: 1\r\nX-Kept: 2\r\nContent-Length: 4\r\n\r\nbody";
    let answer = ask(&mut client(&egress), request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("x-hop"),
        "{head}"
    );
    let mut told: Vec<&str> = body.lines().collect();
    told[1..].sort_unstable();
    assert_eq!(
        told,
        [
            "POST /path?query=secret",
            "body",
            "content-length: 4",
            "host: a.example",
            "x-kept: 2"
        ]
    );
    let line = test.lines(1).await.remove(0);
    assert!(line.starts_with("allowed POST a.example:80 up="), "{line}");
    assert!(!line.contains("secret") && !line.contains("path"), "{line}");
}

#[tokio::test]
async fn several_requests_of_one_connection() {
    let test = test().await;
    let egress = test.egress("a.example");
    let one = "GET http://a.example/1 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let denied = "GET http://b.example/2 HTTP/1.1\r\nHost: b.example\r\n\r\n";
    let last = "GET http://a.example/3 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    let answer = ask(&mut client(&egress), &[one, denied, last].concat()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 2, "{answer}");
    assert!(
        answer.contains("git dkr refused GET b.example:80: `allow` does not name it."),
        "{answer}"
    );
    assert!(
        answer.contains("--allow 'a.example b.example'\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn another_host_in_the_headers_is_refused() {
    let test = test().await;
    let egress = test.egress("a.example a.example:8080");
    for (line, hosts) in [
        ("http://a.example/", "Host: evil.example\r\n"),
        ("http://a.example/", "Host: a.example:8080\r\n"),
        (
            "http://a.example/",
            "Host: a.example\r\nHost: evil.example\r\n",
        ),
        ("http://a.example/", "Host: \r\n"),
        ("/", "Host: a.example\r\n"),
        ("https://a.example/", "Host: a.example\r\n"),
        ("ftp://a.example/", "Host: a.example\r\n"),
        ("http://me@a.example/", "Host: a.example\r\n"),
        ("*", "Host: a.example\r\n"),
    ] {
        let request = format!("GET {line} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = ask(&mut client(&egress), &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{line} {hosts}: {answer}"
        );
    }
    assert!(test.network.connected.lock().unwrap().is_empty());
    let request = "GET http://a.example:8080/ HTTP/1.0\r\n\r\n";
    let answer = ask(&mut client(&egress), request).await;
    assert!(answer.contains("host: a.example:8080\n"), "{answer}");
}

#[tokio::test]
async fn private_addresses_are_refused() {
    let test = test().await;
    test.network.name("a.example", &[&["169.254.169.254"]]);
    let egress = test.egress("a.example a.example:8080 169.254.169.253");
    for host in [
        "a.example",
        "a.example:8080",
        "169.254.169.254",
        "[::ffff:a9fe:a9fe]",
    ] {
        let request = format!(
            "GET http://{host}/latest HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        let answer = ask(&mut client(&egress), &request).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
    }
    assert!(test.network.connected.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_proxy_of_this_machine_is_used() {
    let mut test = test().await;
    let proxy = listen(|mut client| async move {
        let request = head(&mut client).await;
        assert!(
            request.starts_with("GET http://a.example/x HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.contains("proxy-authorization: Basic bWU6cHc=\r\n"),
            "{request}"
        );
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        client.write_all(answer).await.unwrap();
    })
    .await;
    test.network.server("127.0.0.1:3128", proxy);
    test.upstream.http = UpstreamProxy::parse("http://me:pw@127.0.0.1:3128").ok();
    let request = "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    let answer = ask(&mut client(&test.egress("a.example")), request).await;
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(test.network.resolved.lock().unwrap().is_empty());
}
