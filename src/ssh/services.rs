//! What a container reaches through its tunnel, besides the repository.

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

/// Says what is to be known of a push that was taken.
#[derive(Clone, Default)]
pub struct AfterPush(Option<Arc<dyn Fn() -> Vec<String> + Send + Sync>>);

impl AfterPush {
    /// Asks this one, which may take its time.
    pub fn new(tell: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// The lines.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.as_ref().map(|tell| tell()).unwrap_or_default()
    }
}

impl fmt::Debug for AfterPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "AfterPush"
        } else {
            "Nothing"
        })
    }
}

/// Services by name.
#[derive(Clone, Default)]
pub struct Services(Vec<(Forward, Arc<Serve>)>);

impl Services {
    /// Adds one that a port of the container leads to.
    pub fn add(
        &mut self,
        forward: Forward,
        serve: impl Fn(ChannelStream<Msg>) -> ServiceFuture + Send + Sync + 'static,
    ) {
        self.0.push((forward, Arc::new(serve)));
    }

    /// The ports that lead to them.
    pub fn forwards(&self) -> impl Iterator<Item = &Forward> {
        self.0.iter().map(|(forward, _)| forward)
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Serve>> {
        let mut named = self.0.iter().filter(|(forward, _)| forward.name == name);
        named.next().map(|(_, serve)| Arc::clone(serve))
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.forwards()).finish()
    }
}
