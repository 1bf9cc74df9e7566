//! A network whose names, addresses and servers are the test's own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::proxy::dial::Dialer;
use crate::proxy::host::HostName;
use crate::proxy::network::{BoxedFuture, ByteStream, NetworkAccess};
use crate::proxy::{Egress, EgressLog, EgressPolicy, TlsTrust, UpstreamProxies};

/// An address that is public, and leads to no machine outside.
pub(super) const PUBLIC: &str = "1.2.3.4";

/// Names and addresses, and what was asked for.
#[derive(Default)]
pub(super) struct TestNetwork {
    /// What a name has, each time that it is resolved; the last stays.
    pub names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub servers: Mutex<HashMap<SocketAddr, SocketAddr>>,
    pub resolved: Mutex<Vec<String>>,
    pub connected: Mutex<Vec<SocketAddr>>,
}

impl TestNetwork {
    pub(super) fn name(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|addresses| {
            let addresses = addresses.iter().map(|address| address.parse().unwrap());
            addresses.collect()
        });
        let mut names = self.names.lock().unwrap();
        names.insert(name.to_owned(), answers.collect());
    }

    pub(super) fn server(&self, address: &str, at: SocketAddr) {
        let mut servers = self.servers.lock().unwrap();
        servers.insert(address.parse().unwrap(), at);
    }
}

impl NetworkAccess for TestNetwork {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxedFuture<'a, io::Result<Vec<IpAddr>>> {
        self.resolved.lock().unwrap().push(name.to_owned());
        let mut names = self.names.lock().unwrap();
        let answer = names.get_mut(name).map(|answers| match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        });
        Box::pin(async { answer.ok_or_else(|| io::Error::other("no such name")) })
    }

    fn connect(&self, address: SocketAddr) -> BoxedFuture<'_, io::Result<Box<dyn ByteStream>>> {
        self.connected.lock().unwrap().push(address);
        let at = self.servers.lock().unwrap().get(&address).copied();
        Box::pin(async move {
            let at = at.ok_or(io::ErrorKind::ConnectionRefused)?;
            let stream = TcpStream::connect(at).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// A certificate authority of the test's own.
pub(super) struct TestCa(CertifiedIssuer<'static, KeyPair>);

impl TestCa {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn trust(&self) -> TlsTrust {
        TlsTrust::trusting(self.0.der().clone())
    }

    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server that answers each connection with TLS as this name.
    pub(super) async fn serve<F, R>(&self, name: &str, each: F) -> SocketAddr
    where
        F: Fn(Box<dyn ByteStream>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let acceptor = self.acceptor(name);
        listen(move |stream| {
            let (acceptor, each) = (acceptor.clone(), each.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    each(Box::new(stream)).await;
                }
            }
        })
        .await
    }
}

/// A server on the loopback interface.
pub(super) async fn listen<F, R>(each: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(each(stream));
        }
    });
    at
}

/// Sends back what comes, until the client is done.
pub(super) async fn echo(stream: impl ByteStream) {
    let (mut from, mut to) = tokio::io::split(stream);
    let _ = tokio::io::copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}

/// Answers HTTP with what it was sent: the line and the headers.
pub(super) async fn tell(stream: impl ByteStream + 'static) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let mut told = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            told += &format!("{name}: {}\n", value.to_str().unwrap());
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        told += &String::from_utf8_lossy(&body);
        let answer = Response::builder()
            .header("connection", "x-hop")
            .header("x-hop", "1");
        let answer = answer.body(Full::new(Bytes::from(told))).unwrap();
        Ok::<_, Infallible>(answer)
    });
    let builder = hyper::server::conn::http1::Builder::new();
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A container's way out, and all that a test looks at.
pub(super) struct TestEgress {
    pub network: Arc<TestNetwork>,
    pub ca: TestCa,
    pub log: Arc<EgressLog>,
    pub upstream: UpstreamProxies,
    log_file: PathBuf,
    _directory: tempfile::TempDir,
}

impl TestEgress {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log_file = directory.path().join("c.log");
        Self {
            network: Arc::default(),
            ca: TestCa::new(),
            log: Arc::new(EgressLog::open(&log_file).unwrap()),
            upstream: UpstreamProxies::default(),
            log_file,
            _directory: directory,
        }
    }

    pub(super) fn dialer(&self) -> Arc<Dialer> {
        let network = Arc::clone(&self.network) as Arc<dyn NetworkAccess>;
        let upstream = self.upstream.clone();
        Arc::new(Dialer::with_network(network, upstream, self.ca.trust()))
    }

    /// As a user has said.
    pub(super) fn egress(&self, allow: &str) -> Arc<Egress> {
        self.egress_by(policy(allow))
    }

    pub(super) fn egress_of_repository(&self, allow: &str) -> Arc<Egress> {
        self.egress_by(policy(allow).of_repository())
    }

    fn egress_by(&self, policy: EgressPolicy) -> Arc<Egress> {
        Arc::new(Egress::new(policy, self.dialer(), Arc::clone(&self.log)))
    }

    /// A public host that answers TLS as its own name.
    pub(super) async fn tls_host<F, R>(&self, name: &str, each: F)
    where
        F: Fn(Box<dyn ByteStream>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let at = self.ca.serve(name, each).await;
        self.network.name(name, &[&[PUBLIC]]);
        self.network.server(&format!("{PUBLIC}:443"), at);
    }

    /// The lines of the log, once there are so many, without their times.
    pub(super) async fn lines(&self, wanted: usize) -> Vec<String> {
        for _ in 0..500 {
            let text = std::fs::read_to_string(&self.log_file).unwrap();
            if text.lines().count() >= wanted {
                let without_time = |line: &str| line.split_once(' ').unwrap().1.to_owned();
                return text.lines().map(without_time).collect();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!(
            "the log has fewer lines: {}",
            std::fs::read_to_string(&self.log_file).unwrap()
        );
    }
}

fn policy(allow: &str) -> EgressPolicy {
    let words: Vec<String> = allow.split_whitespace().map(str::to_owned).collect();
    EgressPolicy::new(&words).unwrap()
}

/// A line of the log without its numbers.
pub(super) fn without_numbers(line: &str) -> String {
    let words = line.split(' ');
    let kept = words.filter(|word| {
        let number = |name| word.starts_with(name);
        !(number("up=") || number("down=") || number("ms="))
    });
    kept.collect::<Vec<_>>().join(" ")
}

/// A container's connection to the proxy.
pub(super) fn client(egress: &Arc<Egress>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(1 << 16);
    tokio::spawn(crate::proxy::serve(server, Arc::clone(egress)));
    client
}

/// Reads up to the end of a head.
pub(super) async fn head(stream: &mut (impl ByteStream + ?Sized)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Asks for a tunnel; the head of the answer.
pub(super) async fn connect(stream: &mut DuplexStream, target: &str) -> String {
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    head(stream).await
}

/// A tunnel to a host, with TLS in it as a name.
pub(super) async fn tunnel(
    test: &TestEgress,
    egress: &Arc<Egress>,
    target: &str,
    name: &str,
) -> Result<TlsStream<DuplexStream>, String> {
    let mut stream = client(egress);
    let answer = connect(&mut stream, target).await;
    if !answer.starts_with("HTTP/1.1 200 ") {
        return Err(answer);
    }
    let name = HostName::parse(name).unwrap();
    test.ca.trust().begin(stream, &name).await
}

/// Sends a request and reads all that comes.
pub(super) async fn ask(stream: &mut DuplexStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
