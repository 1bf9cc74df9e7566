//! Connects to a host that is allowed. Its name is resolved once, all of its addresses are checked, and one
//! of these is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;

use super::host::{HostName, HostPort};
use super::network::{ByteStream, HostNetwork, NetworkAccess};
use super::policy::{AddressScope, EgressDenial, EgressPolicy};
use super::tls::TlsTrust;
use super::upstream::{UpstreamProxies, UpstreamProxy};

/// For a name server's answer.
const RESOLVE: Duration = Duration::from_secs(15);
/// For one address of several, and for all of them.
const CONNECT: Duration = Duration::from_secs(10);
const CONNECT_ALL: Duration = Duration::from_secs(30);
/// The most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 16;

/// How hosts are connected to.
pub(crate) struct Dialer {
    network: Arc<dyn NetworkAccess>,
    upstream: UpstreamProxies,
    pub(super) trust: TlsTrust,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum DialError {
    Denied(EgressDenial),
    Failed(String),
}

type Dialled = Result<Box<dyn ByteStream>, DialError>;

impl Dialer {
    /// By this machine's network and its proxies.
    pub(crate) fn new(upstream: UpstreamProxies, trust: TlsTrust) -> Self {
        Self::with_network(Arc::new(HostNetwork), upstream, trust)
    }

    /// By another network.
    pub(crate) fn with_network(
        network: Arc<dyn NetworkAccess>,
        upstream: UpstreamProxies,
        trust: TlsTrust,
    ) -> Self {
        Self {
            network,
            upstream,
            trust,
        }
    }

    /// A connection to a host, through this machine's proxy where it has one for https. That resolves the
    /// name then, and which address it has is not seen here.
    pub(super) async fn dial(&self, target: &HostPort, scope: AddressScope) -> Dialled {
        match self.upstream.of(target, true) {
            Some(proxy) => self.dial_through(proxy, target).await,
            None => self.dial_directly(target, scope).await,
        }
    }

    /// This machine's proxy for plain HTTP to a host, with a connection to it.
    pub(super) async fn dial_http_proxy(
        &self,
        target: &HostPort,
    ) -> Option<Result<(Box<dyn ByteStream>, Option<HeaderValue>), DialError>> {
        let proxy = self.upstream.of(target, false)?;
        let stream = self.dial_proxy(proxy).await;
        Some(stream.map(|stream| (stream, proxy_authorization(proxy))))
    }

    pub(super) async fn dial_directly(&self, target: &HostPort, scope: AddressScope) -> Dialled {
        let addresses = self.addresses(target, scope).await?;
        if addresses.is_empty() {
            return Err(DialError::Failed(format!(
                "found no address of {}",
                target.host
            )));
        }
        for address in &addresses {
            if let Some(kind) = scope.refuses(*address) {
                let denial = EgressPolicy::address_denial(target, *address, kind);
                return Err(DialError::Denied(denial));
            }
        }
        self.connect(&addresses, target).await
    }

    async fn addresses(
        &self,
        target: &HostPort,
        scope: AddressScope,
    ) -> Result<Vec<IpAddr>, DialError> {
        match &target.host {
            HostName::Ip(address) => Ok(vec![*address]),
            HostName::Dns(_) if scope == AddressScope::Loopback => {
                Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
            }
            HostName::Dns(name) => self.resolve(name).await,
        }
    }

    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, DialError> {
        let resolved = tokio::time::timeout(RESOLVE, self.network.resolve(name)).await;
        let failed = |why: String| DialError::Failed(format!("cannot resolve {name}: {why}"));
        let mut addresses = resolved
            .map_err(|_| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        addresses.dedup();
        addresses.truncate(MOST_ADDRESSES);
        Ok(addresses)
    }

    async fn connect(&self, addresses: &[IpAddr], target: &HostPort) -> Dialled {
        let mut why = "no answer in time".to_owned();
        let attempts = async {
            for address in addresses {
                let address = SocketAddr::new(*address, target.port);
                match tokio::time::timeout(CONNECT, self.network.connect(address)).await {
                    Ok(Ok(stream)) => return Some(stream),
                    Ok(Err(error)) => why = error.to_string(),
                    Err(_) => {}
                }
            }
            None
        };
        let connected = tokio::time::timeout(CONNECT_ALL, attempts).await;
        connected
            .ok()
            .flatten()
            .ok_or_else(|| DialError::Failed(format!("cannot connect to {target}: {why}")))
    }

    /// A connection to a proxy of this machine, which may be anywhere.
    async fn dial_proxy(&self, proxy: &UpstreamProxy) -> Dialled {
        let target = &proxy.address;
        let addresses = match &target.host {
            HostName::Ip(address) => vec![*address],
            // As the machine itself reads it.
            HostName::Dns(name) => {
                let resolved = tokio::time::timeout(RESOLVE, self.network.resolve(name)).await;
                resolved.ok().and_then(Result::ok).unwrap_or_default()
            }
        };
        let stream = self.connect(&addresses, target).await?;
        if !proxy.tls {
            return Ok(stream);
        }
        let encrypted = self.trust.begin(stream, &target.host).await;
        Ok(Box::new(encrypted.map_err(DialError::Failed)?))
    }

    async fn dial_through(&self, proxy: &UpstreamProxy, target: &HostPort) -> Dialled {
        let stream = self.dial_proxy(proxy).await?;
        let opened = tokio::time::timeout(CONNECT_ALL, open_tunnel(stream, proxy, target)).await;
        let why = match opened {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(why)) => why,
            Err(_) => "no answer in time".to_owned(),
        };
        let proxy = &proxy.address;
        Err(DialError::Failed(format!(
            "was not connected to {target} by the proxy {proxy}: {why}"
        )))
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

/// Has a proxy connect to the host.
async fn open_tunnel(
    stream: Box<dyn ByteStream>,
    proxy: &UpstreamProxy,
    target: &HostPort,
) -> Result<Box<dyn ByteStream>, String> {
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection.with_upgrades());
    let target = target.to_string();
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&target)
        .header(HOST, &target);
    if let Some(value) = proxy_authorization(proxy) {
        request = request.header(PROXY_AUTHORIZATION, value);
    }
    let request = request
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("it answered {}", answer.status()));
    }
    let upgraded = hyper::upgrade::on(answer).await;
    let upgraded = upgraded.map_err(|error| error.to_string())?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

fn proxy_authorization(proxy: &UpstreamProxy) -> Option<HeaderValue> {
    let credentials = proxy.credentials.as_ref()?;
    let mut value = HeaderValue::from_str(&format!("Basic {}", credentials.reveal())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
