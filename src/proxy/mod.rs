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
#[doc(hidden)]
pub mod bench;
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

pub(crate) use agents::{AgentApi, AgentSettings, container_variables};
pub(crate) use dial::Dialer;
pub(crate) use egress::Egress;
pub(crate) use gateway::{ApiKeyGateway, serve_api};
pub(crate) use host::HostPort;
pub(crate) use log::EgressLog;
pub(crate) use policy::EgressPolicy;
pub(crate) use serve::serve;
pub(crate) use tls::TlsTrust;
pub(crate) use upstream::{UpstreamProxies, UpstreamProxy, is_loopback_proxy};

#[cfg(test)]
mod tests;
