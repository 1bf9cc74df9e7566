//! The network itself, which tests replace.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A future of a trait's method.
pub(super) type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection, whatever it is made of.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Resolves names and connects to addresses.
pub(crate) trait NetworkAccess: Send + Sync {
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxedFuture<'a, io::Result<Vec<IpAddr>>>;
    /// A connection to an address.
    fn connect(&self, address: SocketAddr) -> BoxedFuture<'_, io::Result<Box<dyn ByteStream>>>;
}

/// The network of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HostNetwork;

impl NetworkAccess for HostNetwork {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxedFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxedFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}
