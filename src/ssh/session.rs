//! One request of a client, and carrying bytes between it and the git command that serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use super::channel_result::Result;
use super::lfs;
use super::policy::ConnectionPolicy;
use super::push::{self, PushStart};
use super::request::{ClientRequest, PushKind};
use super::wants::{self, FetchReader};
use crate::git;
use crate::proc::Cmd;

/// Data of the client's standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;
/// The most that is read from git at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Does what a channel asks for, and ends it.
pub(super) async fn answer(
    decision: std::result::Result<ClientRequest, String>,
    policy: ConnectionPolicy,
    protocol: Option<String>,
    channel: Channel<Msg>,
) {
    let (reader, writer) = channel.split();
    let status = match decision {
        Ok(ClientRequest::Upload) => upload(&policy, protocol, reader, &writer).await,
        Ok(ClientRequest::Receive(kind, module)) => {
            receive(kind, module.as_deref(), &policy, protocol, reader, &writer).await
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
        git::HIDDEN,
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

/// Takes what is pushed, of a submodule where its directory is given.
async fn receive(
    kind: PushKind,
    module: Option<&str>,
    policy: &ConnectionPolicy,
    protocol: Option<String>,
    mut reader: ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<u32> {
    let Some(corner) = &policy.serve.receive else {
        return Ok(1);
    };
    let corner = match module {
        None => corner.clone(),
        Some(directory) => match corner.of_module(directory) {
            Some(corner) => corner,
            None => return refuse(&format!("git dkr: the host has no {directory}"), writer).await,
        },
    };
    let deny = kind == PushKind::Branches;
    let mut config = vec![
        format!("receive.denyDeletes={deny}"),
        format!("receive.denyNonFastForwards={deny}"),
        // What comes from a container is not trusted to be well-formed.
        "receive.fsckObjects=true".to_owned(),
        "receive.autogc=false".to_owned(),
    ];
    config.extend(corner.hidden());
    let config: Vec<&str> = config.iter().map(String::as_str).collect();
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
        let refusal = match kind {
            PushKind::Branches => corner.refuse(&commands),
            PushKind::SavedWork => corner.refuse_save(&commands),
        };
        if let Some(report) = refusal {
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
    let after = policy.serve.after_push.clone();
    let tells = kind == PushKind::Branches && matches!(status, Ok(0));
    let told = tokio::task::spawn_blocking(move || {
        git::give_back(&corner.git_dir);
        if !made.is_empty() {
            corner.note(made)?;
        }
        anyhow::Ok(if tells { after.lines() } else { Vec::new() })
    })
    .await??;
    for line in told {
        let line = Bytes::from(format!("remote: {line}\n"));
        writer.extended_data_bytes(STDERR, line).await?;
    }
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
    let mut child = cmd.spawn_piped()?;
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
