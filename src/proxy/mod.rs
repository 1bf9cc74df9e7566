//! Edge: what a container may reach of the network, which is what git dkr itself fetches for it.
//!
//! Pure: `host` reads names strictly, `address_kind` says what an address is for, `groups` and `policy` are
//! what the setting `allow` means.

mod address_kind;
mod groups;
mod host;
mod policy;

pub use address_kind::AddressKind;
pub use groups::{GROUPS, HostGroup};
pub use host::{HostName, HostPort};
pub use policy::{AddressScope, EgressDenial, EgressPolicy, allow_word};
