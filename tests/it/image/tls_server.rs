//! A server that speaks https on the loopback interface and writes down what it is asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::Sandbox;

pub struct TlsServer {
    pub port: u16,
    /// The certificate that clients have to trust.
    pub authority: PathBuf,
    asked: Arc<Mutex<String>>,
}

impl TlsServer {
    /// Answers `hello` to whatever is asked, as `localhost`, until the process ends.
    pub fn start(sandbox: &Sandbox) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let authority = sandbox.file("authority.pem", pem(made.cert.der()));
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, asked) = (Arc::new(config), Arc::default());
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                // A client that trusts nobody hangs up.
                let _ = answer(StreamOwned::new(connection, stream), &heard);
            }
        });
        Self {
            port,
            authority,
            asked,
        }
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn answer(
    stream: StreamOwned<ServerConnection, TcpStream>,
    heard: &Mutex<String>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    heard.lock().unwrap().push_str(&head);
    let mut stream = reader.into_inner();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nhello\n")?;
    stream.conn.send_close_notify();
    stream.flush()
}
