//! What the proxy of a sandbox costs a large download. `cargo bench -- proxy`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use git_dkr::proxy::bench::BenchProxy;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use super::{Claim, Row, medians};

/// The bytes of a download, and how many are written or read at once.
const BYTES: usize = 300 << 20;
const PIECE: usize = 1 << 16;

/// From a server of TLS on the loopback interface, through the proxy and without.
pub fn row() -> Row {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = serve(certificate.clone(), key);
    let proxy = serve_proxy(&format!("localhost:{server}"));
    let trust = trusting(certificate);
    let direct = || download(TcpStream::connect(("127.0.0.1", server)).unwrap(), &trust);
    let through = || download(tunnel(proxy, server), &trust);
    let (ours, theirs) = medians(9, through, direct);
    Row {
        what: "download of 300 MB through the proxy | direct",
        ours,
        theirs,
        claim: Claim::Times(1.25),
    }
}

/// Sends each client the same; the server's port.
fn serve(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> u16 {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let piece = vec![7; PIECE];
            for _ in 0..BYTES / PIECE {
                stream.write_all(&piece).unwrap();
            }
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
    });
    port
}

/// On one thread, as beside a container; the proxy's port.
fn serve_proxy(allow: &str) -> u16 {
    let directory = tempfile::tempdir().unwrap();
    let proxy = BenchProxy::new(allow, &directory.path().join("log")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(proxy.clone().serve(stream));
            }
        });
    });
    port
}

fn trusting(certificate: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A connection to the server that the proxy passes on.
fn tunnel(proxy: u16, server: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy)).unwrap();
    write!(stream, "CONNECT localhost:{server} HTTP/1.1\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap() > 2 {}
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    // The server says nothing before the client does.
    reader.into_inner()
}

fn download(stream: TcpStream, trust: &Arc<ClientConfig>) {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(trust), name).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let (mut piece, mut read) = (vec![0; PIECE], 0);
    loop {
        match stream.read(&mut piece).unwrap() {
            0 => break,
            some => read += some,
        }
    }
    assert_eq!(read, BYTES);
}
