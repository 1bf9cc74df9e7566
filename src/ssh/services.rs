//! What a container reaches through its tunnel, besides the repository.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use russh::ChannelStream;
use russh::server::Msg;

/// Serves one connection, until it ends.
pub type ServiceFuture = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = dyn Fn(ChannelStream<Msg>) -> ServiceFuture + Send + Sync;

/// A service and the port of the container's loopback interface that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The port.
    pub port: u16,
    /// The service's name.
    pub name: String,
}

impl fmt::Display for Forward {
    /// As ssh's option `-L` takes it. Of the two ports only the container's is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}:{}:1", self.port, self.name)
    }
}

/// Services by name.
#[derive(Clone, Default)]
pub struct Services {
    by_name: BTreeMap<String, Arc<Serve>>,
    forwards: Vec<Forward>,
}

impl Services {
    /// Adds one that a port of the container leads to.
    pub fn add(
        &mut self,
        forward: Forward,
        serve: impl Fn(ChannelStream<Msg>) -> ServiceFuture + Send + Sync + 'static,
    ) {
        self.by_name.insert(forward.name.clone(), Arc::new(serve));
        self.forwards.push(forward);
    }

    /// The ports that lead to them.
    pub fn forwards(&self) -> &[Forward] {
        &self.forwards
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Serve>> {
        self.by_name.get(name).cloned()
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.forwards).finish()
    }
}
