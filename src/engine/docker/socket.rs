//! Asking the daemon itself, and telling it, over its local socket: HTTP, as the client does it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use crate::proc::{Cmd, check_interrupted};
use crate::ui;

/// A daemon that takes longer is stuck; the client then says so.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon an interruption is seen while we wait for something that may take days.
const SOON: Duration = Duration::from_millis(100);

/// The body of the answer to a GET; an error unless it is a success.
pub(crate) fn get(
    socket: &Path,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Vec<u8>, ureq::Error> {
    let address = address(path);
    let mut shown = curl(socket).arg("--get");
    for (name, value) in query {
        shown = shown.args(["--data-urlencode", &format!("{name}={value}")]);
    }
    ui::echo(&shown.arg(&address));
    ask(socket, &address, query)
}

/// The same of a question that is asked again and again, and so not shown.
pub(crate) fn get_silently(socket: &Path, path: &str) -> Result<Vec<u8>, ureq::Error> {
    ask(socket, &address(path), &[])
}

/// Whether the answer to a HEAD is a success.
pub(crate) fn exists(socket: &Path, path: &str) -> bool {
    agent(socket, Patience::Short)
        .head(address(path))
        .call()
        .is_ok()
}

/// A DELETE; an error unless it is a success.
pub(crate) fn delete(socket: &Path, path: &str) -> Result<(), ureq::Error> {
    let address = address(path);
    ui::echo(&curl(socket).args(["--request", "DELETE", &address]));
    let agent = agent(socket, Patience::Short);
    agent.delete(address).call().map(drop)
}

/// A POST whose answer ends when something has happened, however long that takes; an error unless the answer
/// is a success, or when we are interrupted.
pub(crate) fn await_answer(socket: &Path, path: &str) -> Result<(), ureq::Error> {
    let address = address(path);
    ui::echo(&curl(socket).args(["--request", "POST", &address]));
    let agent = agent(socket, Patience::UntilInterrupted);
    let mut body = agent.post(address).send_empty()?.into_body();
    body.read_to_vec().map(drop)
}

/// How what we do is shown.
fn curl(socket: &Path) -> Cmd {
    Cmd::new("curl").arg("--unix-socket").arg(socket)
}

/// One that is not looked up, as there is only one place to connect to.
fn address(path: &str) -> String {
    format!("http://127.0.0.1{path}")
}

fn ask(socket: &Path, address: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, ureq::Error> {
    let mut body = agent(socket, Patience::Short)
        .get(address)
        .query_pairs(query.iter().copied())
        .call()?
        .into_body();
    body.with_config().limit(u64::MAX).read_to_vec()
}

/// How long we wait for an answer to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Short,
    UntilInterrupted,
}

fn agent(socket: &Path, patience: Patience) -> ureq::Agent {
    let config = ureq::Agent::config_builder().proxy(None).build();
    let connector = SocketConnector {
        path: socket.to_owned(),
        patience,
    };
    ureq::Agent::with_parts(config, connector, DefaultResolver::default())
}

/// Connects to a socket, whatever the address is.
#[derive(Debug)]
struct SocketConnector {
    path: PathBuf,
    patience: Patience,
}

impl Connector for SocketConnector {
    type Out = SocketConnection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<SocketConnection>, ureq::Error> {
        let stream = UnixStream::connect(&self.path)?;
        let patience = self.patience;
        stream.set_read_timeout(Some(match patience {
            Patience::Short => PATIENCE,
            Patience::UntilInterrupted => SOON,
        }))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(SocketConnection {
            stream,
            patience,
            buffers,
        }))
    }
}

#[derive(Debug)]
struct SocketConnection {
    stream: UnixStream,
    patience: Patience,
    buffers: LazyBuffers,
}

impl Transport for SocketConnection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let output = &self.buffers.output()[..amount];
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock
                        && self.patience == Patience::UntilInterrupted =>
                {
                    check_interrupted().map_err(io::Error::other)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        // One question a connection.
        false
    }
}
