use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::support::*;
use crate::proxy::UpstreamProxy;

async fn echoes(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, text.as_bytes());
}

#[tokio::test]
async fn an_allowed_host_answers() {
    let test = TestEgress::new();
    test.tls_host("api.example.com", echo).await;
    let egress = test.egress("*.example.com");
    let mut stream = tunnel(&test, &egress, "API.example.com.:443", "api.example.com")
        .await
        .unwrap();
    echoes(&mut stream, "hello").await;
    drop(stream);
    let lines = test.lines(1).await;
    assert!(
        lines[0].starts_with("allowed CONNECT api.example.com:443 up="),
        "{lines:?}"
    );
    assert!(
        !lines[0].contains("up=0 ") && !lines[0].contains("down=0 "),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_denied_host_is_a_403_that_says_the_line() {
    let test = TestEgress::new();
    let egress = test.egress_of_repository("npm");
    let mut stream = client(&egress);
    let request =
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let answer = ask(&mut stream, request).await;
    assert!(
        answer.starts_with(
            "HTTP/1.1 403 Forbidden by git dkr: `allow` does not name it; allow in .dkr.conf \
             would need evil.example\r\n"
        ),
        "{answer}"
    );
    assert!(
        answer.ends_with(
            "\r\n\r\ngit dkr refused CONNECT evil.example:443: `allow` does not name it.\n\
             This line of .dkr.conf would allow it: allow = npm evil.example\n"
        ),
        "{answer}"
    );
    let line = without_numbers(&test.lines(1).await[0]);
    assert_eq!(
        line,
        "denied CONNECT evil.example:443 reason=\"`allow` does not name it\""
    );
    assert!(test.network.resolved.lock().unwrap().is_empty());
}

#[tokio::test]
async fn forms_of_loopback_do_not_get_round() {
    let test = TestEgress::new();
    let egress = test.egress("example.com *.localhost");
    for target in [
        "127.0.0.1:443",
        "127.1:443",
        "0x7f.1:443",
        "2130706433:443",
        "[::ffff:127.0.0.1]:443",
        "[::1]:443",
        "localhost.:443",
        "localhost:443",
        "0:443",
        "0.0.0.0:443",
        "[::]:443",
        "169.254.169.254:80",
        "example.com@127.0.0.1:443",
        "a.localhost:443",
    ] {
        test.network.name("a.localhost", &[&["127.0.0.1"]]);
        let answer = connect(&mut client(&egress), target).await;
        let refused = answer.starts_with("HTTP/1.1 403 ") || answer.starts_with("HTTP/1.1 400 ");
        assert!(refused, "{target}: {answer}");
    }
    assert!(test.network.connected.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tls_must_be_with_the_host_that_was_asked_for() {
    let test = TestEgress::new();
    test.tls_host("a.example", echo).await;
    let egress = test.egress("a.example 1.2.3.4");
    for (target, name) in [
        ("a.example:443", "evil.example"),
        ("a.example:443", "b.a.example"),
        // Named by its address alone: no server name at all.
        ("a.example:443", PUBLIC),
        ("1.2.3.4:443", "a.example"),
    ] {
        let error = tunnel(&test, &egress, target, name).await.unwrap_err();
        assert!(error.contains("AccessDenied"), "{error}");
    }
    let lines: Vec<String> = test
        .lines(4)
        .await
        .iter()
        .map(|line| without_numbers(line))
        .collect();
    assert_eq!(
        lines,
        [
            "denied CONNECT a.example:443 reason=\"the server name of TLS is another, evil.example\"",
            "denied CONNECT a.example:443 reason=\"the server name of TLS is another, b.a.example\"",
            "denied CONNECT a.example:443 reason=\"TLS names no server\"",
            "denied CONNECT 1.2.3.4:443 reason=\"the server name of TLS is another, a.example\"",
        ]
    );
    assert!(
        test.lines(4)
            .await
            .iter()
            .all(|line| line.contains(" up=0 "))
    );
}

#[tokio::test]
async fn what_is_not_tls_is_closed() {
    let test = TestEgress::new();
    let at = listen(echo).await;
    test.network.name("a.example", &[&[PUBLIC]]);
    test.network.server("1.2.3.4:443", at);
    let egress = test.egress("a.example");
    for (said, told) in [
        (
            "SSH-2.0-OpenSSH_9.6\r\n",
            "denied CONNECT a.example:443 reason=\"what the client sent is not TLS\"",
        ),
        (
            "GET / HTTP/1.1\r\n\r\n",
            "denied CONNECT a.example:443 reason=\"what the client sent is not TLS\"",
        ),
        (
            "\x16\x03\x01",
            "allowed CONNECT a.example:443 reason=\"the client did not begin TLS\"",
        ),
        (
            "",
            "allowed CONNECT a.example:443 reason=\"the client did not begin TLS\"",
        ),
    ] {
        let before = test.lines(0).await.len();
        let mut stream = client(&egress);
        assert!(
            connect(&mut stream, "a.example:443")
                .await
                .starts_with("HTTP/1.1 200 ")
        );
        stream.write_all(said.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        let _ = stream.read_to_end(&mut back).await;
        assert!(back.is_empty(), "{said:?}");
        let lines = test.lines(before + 1).await;
        assert_eq!(without_numbers(&lines[before]), told);
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_and_all_of_its_addresses_are_checked() {
    let test = TestEgress::new();
    test.tls_host("a.example", echo).await;
    // Public when it is checked, loopback if it were asked again.
    test.network.name("a.example", &[&[PUBLIC], &["127.0.0.1"]]);
    let egress = test.egress("a.example");
    let mut stream = tunnel(&test, &egress, "a.example:443", "a.example")
        .await
        .unwrap();
    echoes(&mut stream, "once").await;
    assert_eq!(test.network.resolved.lock().unwrap().len(), 1);
    assert_eq!(
        test.network.connected.lock().unwrap()[..],
        ["1.2.3.4:443".parse().unwrap()]
    );

    for answers in [
        &["127.0.0.1"][..],
        &[PUBLIC, "10.0.0.1"],
        &["::ffff:169.254.169.254"],
        &["64:ff9b::a00:1"],
    ] {
        test.network.name("a.example", &[answers]);
        let error = tunnel(&test, &egress, "a.example:443", "a.example")
            .await
            .unwrap_err();
        assert!(
            error.starts_with("HTTP/1.1 403 Forbidden by git dkr: it has a"),
            "{error}"
        );
    }
    assert_eq!(test.network.connected.lock().unwrap().len(), 1);
    test.network.names.lock().unwrap().clear();
    let error = tunnel(&test, &egress, "a.example:443", "a.example")
        .await
        .unwrap_err();
    assert!(error.starts_with("HTTP/1.1 502 "), "{error}");
}

#[tokio::test]
async fn a_private_host_is_reached_where_it_is_named_with_its_port() {
    let test = TestEgress::new();
    let at = test.ca.serve("registry.corp", echo).await;
    test.network.name("registry.corp", &[&["10.0.0.5"]]);
    test.network.server("10.0.0.5:443", at);
    let mut refused = client(&test.egress("registry.corp"));
    let request = "CONNECT registry.corp:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = ask(&mut refused, request).await;
    assert!(
        answer.ends_with(
            "git dkr refused CONNECT registry.corp:443: it has a private address, 10.0.0.5.\n\
             This option of start-image would allow it: --allow 'registry.corp registry.corp:443'\n"
        ),
        "{answer}"
    );
    // No word of a repository leads there.
    let mut refused = client(&test.egress_of_repository("registry.corp:443"));
    let answer = ask(&mut refused, request).await;
    assert!(
        answer
            .ends_with("\nThis option of start-image would allow it: --allow registry.corp:443\n"),
        "{answer}"
    );
    let egress = test.egress("registry.corp registry.corp:443");
    let mut stream = tunnel(&test, &egress, "registry.corp:443", "registry.corp")
        .await
        .unwrap();
    echoes(&mut stream, "private").await;
}

#[tokio::test]
async fn this_machine_is_reached_where_it_is_named() {
    let test = TestEgress::new();
    let at = test.ca.serve("localhost", echo).await;
    test.network.server("127.0.0.1:8443", at);
    let egress = test.egress("localhost:8443");
    let mut stream = tunnel(&test, &egress, "localhost:8443", "localhost")
        .await
        .unwrap();
    echoes(&mut stream, "own").await;
    assert!(test.network.resolved.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_proxy_of_this_machine_is_used() {
    let mut test = TestEgress::new();
    let server = test.ca.serve("a.example", echo).await;
    let proxy = listen(move |mut client| async move {
        let request = head(&mut client).await;
        assert!(
            request.starts_with("CONNECT a.example:443 HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.contains("proxy-authorization: Basic bWU6cHc=\r\n"),
            "{request}"
        );
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut server).await;
    })
    .await;
    test.network.server("127.0.0.1:3128", proxy);
    test.upstream.https = UpstreamProxy::parse("http://me:pw@127.0.0.1:3128").ok();
    let egress = test.egress("a.example");
    let mut stream = tunnel(&test, &egress, "a.example:443", "a.example")
        .await
        .unwrap();
    echoes(&mut stream, "through").await;
    // The proxy resolves it.
    assert!(test.network.resolved.lock().unwrap().is_empty());
    let denied = tunnel(&test, &egress, "b.example:443", "b.example")
        .await
        .unwrap_err();
    assert!(denied.starts_with("HTTP/1.1 403 "), "{denied}");

    test.upstream.direct = "a.example".to_owned();
    test.network.name("a.example", &[&["10.0.0.1"]]);
    let direct = tunnel(
        &test,
        &test.egress("a.example"),
        "a.example:443",
        "a.example",
    )
    .await;
    assert!(direct.unwrap_err().contains("private"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_of_without_its_password() {
    let mut test = TestEgress::new();
    let proxy = listen(|mut client| async move {
        head(&mut client).await;
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        client.write_all(answer).await.unwrap();
    })
    .await;
    test.network.server("127.0.0.1:3128", proxy);
    test.upstream.https = UpstreamProxy::parse("http://me:hidden@127.0.0.1:3128").ok();
    let egress = test.egress("a.example");
    let answer = connect(&mut client(&egress), "a.example:443").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let line = without_numbers(&test.lines(1).await[0]);
    assert_eq!(
        line,
        "allowed CONNECT a.example:443 reason=\"was not connected to a.example:443 by the proxy \
         127.0.0.1:3128: it answered 407 Proxy Authentication Required\""
    );
}

#[tokio::test]
async fn twenty_at_once() {
    let test = TestEgress::new();
    test.tls_host("a.example", echo).await;
    let egress = test.egress("a.example");
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(
            tunnel(&test, &egress, "a.example:443", "a.example")
                .await
                .unwrap(),
        );
    }
    for stream in &mut streams {
        echoes(stream, &"x".repeat(10_000)).await;
    }
}

#[tokio::test]
async fn too_many_at_once_are_refused() {
    let test = TestEgress::new();
    let egress = test.egress("");
    let open: Vec<_> = (0..crate::proxy::egress::MOST_CONNECTIONS)
        .map(|_| client(&egress))
        .collect();
    tokio::task::yield_now().await;
    let answer = ask(&mut client(&egress), "").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(open);
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        if ask(&mut client(&egress), "GET / HTTP/1.0\r\n\r\n")
            .await
            .starts_with("HTTP/1.0 400 ")
        {
            return;
        }
    }
    panic!("the places are not given back");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a client sends, it is answered or closed, and nothing is connected to.
    #[test]
    fn hostile_bytes(bytes in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "(GET|CONNECT|\\PC{1,5}) \\PC{0,20} HTTP/1.1\r\n(Host|\\PC{0,5}): ?\\PC{0,20}\r\n\r\n".prop_map(String::into_bytes),
    ]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let test = TestEgress::new();
            let egress = test.egress("a.example");
            let (mut client, server) = tokio::io::duplex(1 << 16);
            let serving = tokio::spawn(crate::proxy::serve(server, egress));
            client.write_all(&bytes).await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer).await;
            serving.await.unwrap();
            assert!(test.network.connected.lock().unwrap().is_empty());
        });
    }
}
