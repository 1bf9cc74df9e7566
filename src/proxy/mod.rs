//! Edge: what a container may reach of the network, which is what git dkr itself fetches for it.
//!
//! Pure: `host` reads names strictly, `address_kind` says what an address is for, `groups` and `policy` are
//! what the setting `allow` means, `upstream` is this machine's own proxy, `headers` what is not passed on,
//! `answers` what is said, `agents` how an agent is led to us, `client_hello` whom TLS is with. The others act:
//! `network` and `dial` connect, `tls` says whom we trust, `serve` reads HTTP from a container, `connect` and
//! `forward` are its two kinds of requests, `gateway` adds an agent's key, `log` writes down what became of
//! them.

mod address_kind;
mod agents;
mod answers;
mod client_hello;
mod connect;
mod counted;
mod dial;
mod egress;
mod forward;
#[doc(hidden)]
pub mod fuzz;
mod gateway;
mod groups;
mod headers;
mod host;
mod log;
mod network;
mod policy;
mod serve;
mod tls;
mod upstream;

pub use address_kind::AddressKind;
pub use agents::{AGENT_APIS, AgentApi, AgentSettings, container_variables};
pub use dial::Dialer;
pub use egress::Egress;
pub use gateway::{ApiKeyGateway, serve_api};
pub use groups::{GROUPS, HostGroup};
pub use host::{HostName, HostPort};
pub use log::{EgressLog, LONGEST_LOG};
pub use network::{BoxedFuture, ByteStream, HostNetwork, NetworkAccess};
pub use policy::{AddressScope, EgressDenial, EgressPolicy, allow_word, is_public_word};
pub use serve::serve;
pub use tls::TlsTrust;
pub use upstream::{UpstreamProxies, UpstreamProxy};

#[cfg(test)]
mod tests;
