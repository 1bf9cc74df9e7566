//! Contents of git-lfs that a container pushes: the server's side of `git-lfs-transfer`, as far as a push
//! needs it (<https://github.com/git-lfs/git-lfs/blob/main/docs/proposals/ssh_adapter.md>).

use bytes::{Buf, Bytes, BytesMut};
use russh::server::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};

use super::channel_result::Result;
use crate::git::{LfsObject, LfsStore};

/// A batch of git-lfs is a hundred objects of about eighty bytes each.
const LIMIT: usize = 1 << 20;

/// A pkt-line, as git's `gitprotocol-common` has them.
#[derive(Debug, PartialEq, Eq)]
enum Packet {
    Flush,
    Delim,
    Data(Bytes),
}

/// Takes the first packet off what came; `None` when more must come.
fn split(bytes: &mut BytesMut) -> Result<Option<Packet>> {
    let Some(head) = bytes.get(..4) else {
        return Ok(None);
    };
    if !head.iter().all(u8::is_ascii_hexdigit) {
        return Err("no packet".into());
    }
    let length = usize::from_str_radix(std::str::from_utf8(head)?, 16)?;
    if bytes.len() < length {
        return Ok(None);
    }
    bytes.advance(4);
    Ok(Some(match length {
        0 => Packet::Flush,
        1 => Packet::Delim,
        2..4 => return Err("no packet".into()),
        _ => Packet::Data(bytes.split_to(length - 4).freeze()),
    }))
}

/// What a client sends.
struct Packets {
    reader: ChannelReadHalf,
    bytes: BytesMut,
}

impl Packets {
    async fn next(&mut self) -> Result<Packet> {
        loop {
            if let Some(packet) = split(&mut self.bytes)? {
                return Ok(packet);
            }
            match self.reader.wait().await {
                Some(ChannelMsg::Data { data }) => self.bytes.extend_from_slice(&data),
                None | Some(ChannelMsg::Eof | ChannelMsg::Close) => {
                    return Err("the client hung up".into());
                }
                Some(_) => {}
            }
        }
    }

    /// The lines up to a delimiter or to the end of the command, and whether that was the end.
    async fn lines(&mut self) -> Result<(Vec<String>, bool)> {
        let (mut lines, mut size) = (Vec::new(), 0);
        loop {
            match self.next().await? {
                Packet::Data(data) => {
                    size += data.len();
                    if size > LIMIT {
                        return Err("the command is incomplete".into());
                    }
                    let line = String::from_utf8_lossy(&data);
                    lines.push(line.trim_end_matches('\n').to_owned());
                }
                end => return Ok((lines, end == Packet::Flush)),
            }
        }
    }

    /// Passes over what is left of a command.
    async fn skip(&mut self) -> Result<()> {
        while self.next().await? != Packet::Flush {}
        Ok(())
    }
}

/// Serves one client until it says that it has no more; the exit status.
pub(super) async fn receive(
    store: &LfsStore,
    reader: ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<u32> {
    let bytes = BytesMut::new();
    let mut packets = Packets { reader, bytes };
    writer.data_bytes(message(&["version=1"], &[])).await?;
    loop {
        let (lines, mut ended) = packets.lines().await?;
        let (command, arguments) = lines.split_first().ok_or("no command")?;
        let words: Vec<&str> = command.split(' ').collect();
        let answer = match words[..] {
            ["version", "1"] | ["quit"] => status(200, None),
            ["batch"] if !ended => {
                let (objects, end) = packets.lines().await?;
                ended = end;
                batch(store, &objects)
            }
            ["put-object", oid] if !ended => {
                ended = true;
                put(store, object(oid, arguments), &mut packets).await?
            }
            ["verify-object", oid] => {
                let there = object(oid, arguments).is_some_and(|object| store.has(&object));
                if there {
                    status(200, None)
                } else {
                    status(404, Some("the host does not have it"))
                }
            }
            _ => status(
                405,
                Some("a container may push contents of git-lfs, and nothing else"),
            ),
        };
        if !ended {
            packets.skip().await?;
        }
        writer.data_bytes(answer).await?;
        if words == ["quit"] {
            return Ok(0);
        }
    }
}

/// The object of a command whose arguments tell its size.
fn object(oid: &str, arguments: &[String]) -> Option<LfsObject> {
    let size = arguments.iter().find_map(|line| line.strip_prefix("size="));
    LfsObject::new(oid, size?.parse().ok()?)
}

/// What of a batch is to be sent.
fn batch(store: &LfsStore, lines: &[String]) -> Bytes {
    let mut answers = Vec::new();
    for line in lines {
        let mut words = line.split(' ');
        let object = words.next().zip(words.next());
        let object = object.and_then(|(oid, size)| LfsObject::new(oid, size.parse().ok()?));
        let Some(object) = object else {
            return status(400, Some(NO_OBJECT));
        };
        let action = if store.has(&object) { "noop" } else { "upload" };
        answers.push(format!("{} {} {action}", object.oid, object.size));
    }
    message(&["status 200"], &answers)
}

const NO_OBJECT: &str = "git-lfs has no object of that name and size";

/// Takes a content, which is read to its end whatever becomes of it.
async fn put(store: &LfsStore, object: Option<LfsObject>, packets: &mut Packets) -> Result<Bytes> {
    let Some(object) = object else {
        packets.skip().await?;
        return Ok(status(400, Some(NO_OBJECT)));
    };
    let mut taken = store.receive(object);
    loop {
        match packets.next().await? {
            Packet::Data(data) => taken = taken.and_then(|file| file.write(&data)),
            Packet::Flush => break,
            Packet::Delim => return Err("the content is incomplete".into()),
        }
    }
    let failure = taken.and_then(|file| file.finish()).err();
    Ok(match failure {
        None => status(200, None),
        Some(error) => status(500, Some(&format!("{error:#}"))),
    })
}

fn status(code: u16, why: Option<&str>) -> Bytes {
    let why: Vec<String> = why.iter().map(|why| format!("git dkr: {why}")).collect();
    message(&[&format!("status {code}")], &why)
}

/// Lines, and behind a delimiter others, where there are any.
fn message(head: &[&str], rest: &[String]) -> Bytes {
    let line = |line: &str| format!("{:04x}{line}\n", line.len() + 5);
    let mut text: String = head.iter().map(|head| line(head)).collect();
    if !rest.is_empty() {
        text.push_str("0001");
        text.extend(rest.iter().map(|rest| line(rest)));
    }
    Bytes::from(text + "0000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_in_pieces() {
        let all = b"000ahello\n00010000";
        for end in 0..10 {
            assert_eq!(split(&mut BytesMut::from(&all[..end])).unwrap(), None);
        }
        let mut bytes = BytesMut::from(&all[..]);
        let mut next = || split(&mut bytes).unwrap();
        assert_eq!(next(), Some(Packet::Data(Bytes::from_static(b"hello\n"))));
        assert_eq!(next(), Some(Packet::Delim));
        assert_eq!(next(), Some(Packet::Flush));
        assert_eq!(next(), None);
    }

    #[test]
    fn other_talk_is_no_packet() {
        for bytes in ["GET / HTTP", "0002", "zzzz", "+00a"] {
            assert!(split(&mut BytesMut::from(bytes)).is_err(), "{bytes}");
        }
    }

    #[test]
    fn a_message_has_a_delimiter_before_what_follows() {
        assert_eq!(message(&["version=1"], &[]), "000eversion=1\n0000");
        let refused = status(404, Some("no"));
        assert_eq!(refused, "000fstatus 404\n00010010git dkr: no\n0000");
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(0u8..=255, 0..200)) {
            let _ = split(&mut BytesMut::from(&bytes[..]));
        }
    }
}
