//! One connection to the embedded server: who may come in, and carrying bytes between the client
//! and the git command that serves it.

use std::collections::HashMap;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use russh::keys::PublicKey;
use russh::server::{self, Auth, Handler, Msg, PublicKeyOffer, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use super::channel_result::Result;
use super::login::PendingLogin;
use super::push::{self, PushStart};
use super::request::{self, ClientRequest};
use super::tunnel_status::TunnelStatus;
use super::wants::{self, FetchReader};
use super::{ALIAS, ReceivePolicy, ServerConfig, lfs};
use crate::git;
use crate::proc::Cmd;

/// Data of the client's standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;
/// The most that is read from git at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// How a client proves that it may come in.
#[derive(Clone)]
pub(super) enum Proof {
    /// It has the one key.
    Key(PublicKey),
    /// It is at the other end of the tunnel, where nobody else can be.
    Tunnel(Arc<TunnelStatus>),
}

/// What every connection may do.
#[derive(Clone)]
pub(super) struct ConnectionPolicy {
    pub config: Arc<server::Config>,
    pub proof: Proof,
    pub serve: Arc<ServerConfig>,
    /// What may be had by its id.
    pub reachable: Arc<git::Reachable>,
    /// Counts the bytes of git data that were sent.
    pub sent: Arc<AtomicU64>,
}

/// A connection and the channels that have not yet said what they want.
pub(super) struct SshConnection {
    policy: ConnectionPolicy,
    waiting: HashMap<ChannelId, Channel<Msg>>,
    git_protocol: Option<String>,
    /// Until it has logged in; none where nobody else can connect.
    guest: Option<PendingLogin>,
}

impl SshConnection {
    fn new(policy: ConnectionPolicy, guest: Option<PendingLogin>) -> Self {
        Self {
            policy,
            guest,
            waiting: HashMap::new(),
            git_protocol: None,
        }
    }

    fn judge(&self, key: &PublicKey) -> Auth {
        match &self.policy.proof {
            Proof::Key(own) if key.key_data() == own.key_data() => Auth::Accept,
            Proof::Key(_) | Proof::Tunnel(_) => Auth::reject(),
        }
    }
}

/// Whatever is not answered here (shells, terminals, subsystems, forwarding of every other kind) is
/// refused by russh or below.
impl Handler for SshConnection {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> std::result::Result<Auth, russh::Error> {
        Ok(match self.policy.proof {
            Proof::Tunnel(_) => Auth::Accept,
            Proof::Key(_) => Auth::reject(),
        })
    }

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> std::result::Result<Auth, russh::Error> {
        Ok(self.judge(offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> std::result::Result<Auth, russh::Error> {
        Ok(self.judge(key.public_key))
    }

    async fn auth_succeeded(
        &mut self,
        _session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        self.guest = None;
        if let Proof::Tunnel(status) = &self.policy.proof {
            status.set_connected();
        }
        Ok(())
    }

    /// A client that came before the tunnel was open asks through it for a connection of its own
    /// (`templates/connect`), and others for a service.
    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        _port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: server::ChannelOpenHandle,
        _session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        let policy = &self.policy;
        if !matches!(policy.proof, Proof::Tunnel(_)) {
            return Ok(());
        }
        if host == ALIAS {
            reply.accept().await;
            tokio::spawn(serve(channel.into_stream(), policy.clone(), None));
        } else if let Some(service) = policy.serve.services.get(host) {
            reply.accept().await;
            tokio::spawn(service(channel.into_stream()));
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: server::ChannelOpenHandle,
        _session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        self.waiting.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        if name == "GIT_PROTOCOL" && request::is_git_protocol(value) {
            self.git_protocol = Some(value.to_owned());
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut server::Session,
    ) -> std::result::Result<(), russh::Error> {
        let Some(channel) = self.waiting.remove(&id) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let decision = request::decide(command, &self.policy.serve);
        let (policy, protocol) = (self.policy.clone(), self.git_protocol.clone());
        tokio::spawn(async move {
            let (reader, writer) = channel.split();
            let status = match decision {
                Ok(ClientRequest::Upload) => upload(&policy, protocol, reader, &writer).await,
                Ok(ClientRequest::Receive) => {
                    let corner = policy.serve.receive.as_ref();
                    receive(&policy, corner, protocol, reader, &writer).await
                }
                Ok(ClientRequest::ReceiveModule(directory)) => {
                    let corner = policy.serve.receive.as_ref();
                    match corner.and_then(|corner| corner.of_module(&directory)) {
                        None => {
                            refuse(&format!("git dkr: the host has no {directory}"), &writer).await
                        }
                        corner => {
                            receive(&policy, corner.as_ref(), protocol, reader, &writer).await
                        }
                    }
                }
                Ok(ClientRequest::Contents) => match &policy.serve.receive {
                    None => Ok(1),
                    Some(corner) => lfs::receive(&corner.lfs, reader, &writer).await,
                },
                Ok(ClientRequest::Objects) => objects(&policy, &writer).await,
                Err(refusal) => refuse(&refusal, &writer).await,
            };
            // When the client is gone there is nobody left to tell.
            let _ = writer.exit_status(status.unwrap_or(1)).await;
            let _ = writer.eof().await;
            let _ = writer.close().await;
        });
        Ok(())
    }
}

/// Speaks ssh over a stream, until its end. A client that does not, or hangs up, is its own affair.
pub(super) fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    policy: ConnectionPolicy,
    guest: Option<PendingLogin>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let config = Arc::clone(&policy.config);
    let connection = SshConnection::new(policy, guest);
    // Boxed, as one such stream may hold another.
    Box::pin(async move {
        if let Ok(running) = server::run_stream(config, stream, connection).await {
            let _ = running.await;
        }
    })
}

async fn refuse(reason: &str, writer: &ChannelWriteHalf<Msg>) -> Result<u32> {
    let line = Bytes::from(format!("{reason}\n"));
    writer.extended_data_bytes(STDERR, line).await?;
    Ok(1)
}

async fn upload(
    policy: &ConnectionPolicy,
    protocol: Option<String>,
    mut reader: ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<u32> {
    let config = [
        "uploadpack.allowFilter=true",
        // A client of an old protocol gets by its id what one of today's does: what is seen to below.
        "uploadpack.allowAnySHA1InWant=true",
        // They tell of any object that is there.
        "uploadpackfilter.sparse:oid.allow=false",
        "transfer.advertiseObjectInfo=false",
        git::WHOLE_PACKS,
    ];
    let cmd = git::serve("upload-pack", &config, &policy.serve.upload);
    let (child, mut stdin) = spawn(cmd, protocol)?;
    let feeding = async move {
        let mut requests = FetchReader::default();
        loop {
            let data = match reader.wait().await {
                Some(ChannelMsg::Data { data }) => data,
                Some(ChannelMsg::Eof) => return Ok(()),
                None | Some(ChannelMsg::Close) => return Err("the client hung up".into()),
                Some(_) => continue,
            };
            let read = requests.feed(&data);
            let Some(request) = read.map_err(|wants::Malformed| "malformed fetch")? else {
                continue;
            };
            if !request.wants.is_empty() {
                let reachable = Arc::clone(&policy.reachable);
                let asked = move || reachable.outside(&request.wants);
                if let Some(id) = tokio::task::spawn_blocking(asked).await?? {
                    writer.data_bytes(Bytes::from(wants::refusal(&id))).await?;
                    return Err("fetch refused".into());
                }
            }
            stdin.write_all(&request.lines).await?;
        }
    };
    carry(child, writer, &policy.sent, feeding).await
}

async fn receive(
    policy: &ConnectionPolicy,
    corner: Option<&ReceivePolicy>,
    protocol: Option<String>,
    mut reader: ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<u32> {
    let Some(corner) = corner else {
        return Ok(1);
    };
    let config = [
        "receive.denyDeletes=true",
        "receive.denyNonFastForwards=true",
        // What comes from a container is not trusted to be well-formed.
        "receive.fsckObjects=true",
        "receive.autogc=false",
    ];
    let cmd = git::serve("receive-pack", &config, &corner.git_dir);
    let (child, mut stdin) = spawn(cmd, protocol)?;
    let mut made = Vec::new();
    let feeding = async {
        let mut opening = Vec::new();
        let commands = loop {
            match push::read(&opening) {
                PushStart::Complete(commands) => break commands,
                PushStart::Malformed => return Err("malformed push".into()),
                PushStart::Incomplete => {}
            }
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => opening.extend_from_slice(&data),
                // Ends before it asked for anything, as `git push --dry-run` does.
                None | Some(ChannelMsg::Eof | ChannelMsg::Close) => return Ok(()),
                Some(_) => {}
            }
        };
        if let Some(report) = corner.refuse(&commands) {
            // The client reads the report when it has sent its pack; a deletion has none.
            writer.data_bytes(Bytes::from(report)).await?;
            while let Some(ChannelMsg::Data { .. }) = reader.wait().await {}
            return Err("push refused".into());
        }
        made = commands.creations();
        if let Err(error) = corner.announce(&made) {
            // The work comes first; a later container of this name is refused.
            let line = format!("git dkr: {error:#}\n");
            writer
                .extended_data_bytes(STDERR, Bytes::from(line))
                .await?;
        }
        stdin.write_all(&opening).await?;
        feed(&mut reader, stdin).await
    };
    let status = carry(child, writer, &policy.sent, feeding).await;
    let corner = corner.clone();
    tokio::task::spawn_blocking(move || {
        git::give_back(&corner.git_dir);
        if !made.is_empty() {
            corner.note(made)?;
        }
        anyhow::Ok(())
    })
    .await??;
    status
}

/// Hands over the objects, to the first who asks. What goes wrong here becomes the error of the
/// command, too.
async fn objects(policy: &ConnectionPolicy, writer: &ChannelWriteHalf<Msg>) -> Result<u32> {
    let handle = policy.serve.objects.as_ref().ok_or("no objects")?;
    let Some(ready) = handle.ask() else {
        return refuse(
            "git dkr hands over the objects once, and has done so",
            writer,
        )
        .await;
    };
    let bundle = match ready.await? {
        Ok(bundle) => bundle,
        Err(error) => return refuse(&handle.failed(error), writer).await,
    };
    // Few are ahead of the client, so that memory stays small.
    let (give, mut pieces) = mpsc::channel::<Vec<u8>>(4);
    let reading =
        tokio::task::spawn_blocking(move || bundle.send(|piece| give.blocking_send(piece).is_ok()));
    while let Some(piece) = pieces.recv().await {
        policy.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        writer.data_bytes(Bytes::from(piece)).await?;
    }
    match reading.await? {
        Ok(whole) => Ok(u32::from(!whole)),
        Err(error) => refuse(&handle.failed(error), writer).await,
    }
}

fn spawn(cmd: Cmd, protocol: Option<String>) -> Result<(Child, ChildStdin)> {
    let cmd = match protocol {
        Some(protocol) => cmd.env("GIT_PROTOCOL", protocol),
        None => cmd.env_remove("GIT_PROTOCOL"),
    };
    let mut child = cmd
        .to_tokio()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let stdin = child.stdin.take().ok_or("no standard input")?;
    Ok((child, stdin))
}

/// From the client to git, until the client has no more to say.
async fn feed(reader: &mut ChannelReadHalf, mut stdin: ChildStdin) -> Result<()> {
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Data { data }) => stdin.write_all(&data).await?,
            Some(ChannelMsg::Eof) => return Ok(()),
            // The client hung up without an end: git must not take half a pack for a whole one,
            // and does not, but there is no use in its going on.
            None | Some(ChannelMsg::Close) => return Err("the client hung up".into()),
            Some(_) => {}
        }
    }
}

/// From git to the client, until git has ended; its exit status. Fails as soon as `feeding` does,
/// and git is ended then.
async fn carry(
    mut child: Child,
    writer: &ChannelWriteHalf<Msg>,
    sent: &AtomicU64,
    feeding: impl Future<Output = Result<()>>,
) -> Result<u32> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let answering = async {
        tokio::try_join!(
            pump(stdout, writer, None, Some(sent)),
            pump(stderr, writer, Some(STDERR), None),
        )
    };
    tokio::pin!(answering, feeding);
    tokio::select! {
        answered = &mut answering => { answered?; }
        fed = &mut feeding => {
            fed?;
            answering.await?;
        }
    }
    let status = child.wait().await?;
    Ok(status.code().map_or(1, |code| code.unsigned_abs()))
}

async fn pump(
    from: Option<impl AsyncRead + Unpin>,
    to: &ChannelWriteHalf<Msg>,
    stream: Option<u32>,
    count: Option<&AtomicU64>,
) -> Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = bytes::BytesMut::with_capacity(CHUNK);
    while from.read_buf(&mut buffer).await? > 0 {
        let chunk = buffer.split().freeze();
        if let Some(count) = count {
            count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        match stream {
            None => to.data_bytes(chunk).await?,
            Some(stream) => to.extended_data_bytes(stream, chunk).await?,
        }
        buffer.reserve(CHUNK);
    }
    Ok(())
}
