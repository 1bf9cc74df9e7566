//! The door of a measurement: nobody else comes this way.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use tokio::net::TcpStream;

use super::{
    Dialer, Egress, EgressLog, EgressPolicy, TlsTrust, UpstreamProxies, serve as serve_proxy,
};

/// The proxy of a container that may reach one host, by this machine's network alone.
#[derive(Debug, Clone)]
pub struct BenchProxy(Arc<Egress>);

impl BenchProxy {
    /// `allow` is a word of that setting.
    pub fn new(allow: &str, log: &Path) -> Result<Self> {
        let policy = EgressPolicy::new(&[allow.to_owned()]);
        let policy = policy.map_err(|wrong| anyhow!(wrong.join("; ")))?;
        let dialer = Dialer::new(UpstreamProxies::default(), TlsTrust::new(None)?);
        let log = EgressLog::open(log)?;
        Ok(Self(Arc::new(Egress::new(
            policy,
            Arc::new(dialer),
            Arc::new(log),
        ))))
    }

    /// Serves a connection, until it ends.
    pub async fn serve(self, stream: TcpStream) {
        serve_proxy(stream, self.0).await;
    }
}
