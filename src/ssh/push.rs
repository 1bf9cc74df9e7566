//! What a push asks for, read from the wire before git sees any of it.
//!
//! The format is that of git's `gitprotocol-pack`, "Reference Update Request and Packfile
//! Transfer": pkt-lines of `old new ref`, the first with `\0capabilities`, then a flush.

use crate::git::{ObjectId, saved_work};

/// More than this before the flush is no push of ours.
const LIMIT: usize = 1 << 20;

/// The start of a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PushStart {
    /// More bytes are needed.
    Incomplete,
    /// Not what git would send.
    Malformed,
    /// The commands up to the flush.
    Complete(PushCommands),
}

/// What the push wants to change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PushCommands {
    updates: Vec<RefUpdate>,
    capabilities: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct RefUpdate {
    name: String,
    /// What the client believes it to be at; `None` when it is to be made.
    old: Option<ObjectId>,
    /// `None` when it is to be deleted.
    new: Option<ObjectId>,
}

/// Reads the commands from the first bytes of a push.
pub(super) fn read(bytes: &[u8]) -> PushStart {
    let mut commands = PushCommands {
        updates: Vec::new(),
        capabilities: Vec::new(),
    };
    let mut rest = bytes;
    loop {
        let Some((head, tail)) = rest.split_at_checked(4) else {
            return incomplete(bytes);
        };
        let length = std::str::from_utf8(head)
            .ok()
            .and_then(|hex| usize::from_str_radix(hex, 16).ok());
        match length {
            Some(0) => return PushStart::Complete(commands),
            Some(length) if length > 4 => {
                let Some((line, next)) = tail.split_at_checked(length - 4) else {
                    return incomplete(bytes);
                };
                if commands.read_line(line).is_none() {
                    return PushStart::Malformed;
                }
                rest = next;
            }
            _ => return PushStart::Malformed,
        }
    }
}

fn incomplete(bytes: &[u8]) -> PushStart {
    if bytes.len() > LIMIT {
        PushStart::Malformed
    } else {
        PushStart::Incomplete
    }
}

impl PushCommands {
    fn read_line(&mut self, line: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(line).ok()?;
        let (text, capabilities) = text.split_once('\0').unwrap_or((text, ""));
        self.capabilities
            .extend(capabilities.split_whitespace().map(str::to_owned));
        let text = text.trim_end_matches('\n');
        // A shallow clone tells where its history ends.
        if text.starts_with("shallow ") {
            return Some(());
        }
        let mut words = text.splitn(3, ' ');
        let (old, new, name) = (words.next()?, words.next()?, words.next()?);
        self.updates.push(RefUpdate {
            name: name.to_owned(),
            old: value(old)?,
            new: value(new)?,
        });
        Some(())
    }

    /// The branches that would be made, and where.
    pub(super) fn creations(&self) -> Vec<(String, ObjectId)> {
        let creation = |update: &RefUpdate| match (&update.old, &update.new) {
            (None, Some(new)) if update.name.starts_with("refs/heads/") => {
                Some((update.name.clone(), new.clone()))
            }
            _ => None,
        };
        self.updates.iter().filter_map(creation).collect()
    }

    /// Why the push is refused, a reason for each ref that may not be touched; empty when it may
    /// go on. Moving a branch back is refused by git itself, which knows the history.
    fn refusals(&self, container: &str, made: impl Fn(&str) -> bool) -> Vec<(&str, String)> {
        let prefix = format!("refs/heads/{container}/");
        self.updates
            .iter()
            .filter_map(|update| {
                let inside = update
                    .name
                    .strip_prefix(&prefix)
                    .is_some_and(|rest| !rest.is_empty());
                let reason = if !inside {
                    format!(
                        "git dkr: a container may push to {prefix}* only, as git push host does"
                    )
                } else if update.new.is_none() {
                    "git dkr: a container may not delete".to_owned()
                } else if update.old.is_some() && !made(&update.name) {
                    "git dkr: this container did not create it".to_owned()
                } else {
                    return None;
                };
                Some((update.name.as_str(), reason))
            })
            .collect()
    }

    /// The same of saved work, which may go back and away: it is what the container has now.
    fn refused_saves(&self, container: &str) -> Vec<(&str, String)> {
        let refused = |update: &&RefUpdate| !saved_work::may_move(&update.name, container);
        let reason = || format!("git dkr: this is no saved work of {container}");
        let updates = self.updates.iter().filter(refused);
        updates
            .map(|update| (update.name.as_str(), reason()))
            .collect()
    }

    /// The report that refuses the push of this container, where `made` tells the refs that it has made, as
    /// `receive-pack` would send it, or `None` when the push may go on. One bad ref refuses them all.
    pub(super) fn refuse(&self, container: &str, made: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
        self.report(&self.refusals(container, made))
    }

    /// The same for saved work.
    pub(super) fn refuse_save(&self, container: &str) -> Option<Vec<u8>> {
        self.report(&self.refused_saves(container))
    }

    fn report(&self, refusals: &[(&str, String)]) -> Option<Vec<u8>> {
        if refusals.is_empty() {
            return None;
        }
        let mut report = packet(b"unpack ok\n");
        for update in &self.updates {
            let reason = refusals
                .iter()
                .find(|(name, _)| *name == update.name)
                .map_or(
                    "git dkr: refused together with the others",
                    |(_, reason)| reason,
                );
            report.extend(packet(format!("ng {} {reason}\n", update.name).as_bytes()));
        }
        report.extend(b"0000");
        let banded = |name: &str| self.capabilities.iter().any(|has| has == name);
        Some(if banded("side-band-64k") || banded("side-band") {
            let mut framed: Vec<u8> = report
                .chunks(900)
                .flat_map(|chunk| packet(&[b"\x01", chunk].concat()))
                .collect();
            framed.extend(b"0000");
            framed
        } else {
            report
        })
    }
}

/// An id of an object; zeros are none.
fn value(text: &str) -> Option<Option<ObjectId>> {
    let id = ObjectId::parse(text)?;
    Some((!text.bytes().all(|byte| byte == b'0')).then_some(id))
}

fn packet(payload: &[u8]) -> Vec<u8> {
    [format!("{:04x}", payload.len() + 4).as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NONE: &str = "0000000000000000000000000000000000000000";

    fn opening(updates: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, (new, name)) in updates.iter().enumerate() {
            let caps = if index == 0 {
                "\0report-status side-band-64k"
            } else {
                ""
            };
            bytes.extend(packet(format!("{NONE} {new} {name}{caps}").as_bytes()));
        }
        bytes.extend(b"0000PACK...");
        bytes
    }

    fn refusals(updates: &[(&str, &str)]) -> Vec<String> {
        match read(&opening(updates)) {
            PushStart::Complete(commands) => commands
                .refusals("box", |_| false)
                .into_iter()
                .map(|(name, _)| name.to_owned())
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_refs_under_the_prefix_pass() {
        assert!(refusals(&[(OLD, "refs/heads/box/a"), (OLD, "refs/heads/box/b/c")]).is_empty());
        for name in [
            "refs/heads/main",
            "refs/heads/box",
            "refs/heads/box/",
            "refs/heads/boxer/a",
            "refs/tags/v1",
            "HEAD",
        ] {
            assert_eq!(refusals(&[(OLD, "refs/heads/box/a"), (OLD, name)]), [name]);
        }
    }

    #[test]
    fn deleting_is_refused_even_inside() {
        assert_eq!(
            refusals(&[(NONE, "refs/heads/box/a")]),
            ["refs/heads/box/a"]
        );
    }

    #[test]
    fn a_container_moves_its_own_saved_work_alone() {
        let own = [
            (OLD, "refs/dkr/work/box/heads/fix/typo"),
            (NONE, "refs/dkr/work/box/wip/workspace"),
            (OLD, "refs/dkr/work/box/detached/worktrees/one"),
            (OLD, "refs/dkr/work/box/stash/0"),
        ];
        let refused = |updates: &[(&str, &str)]| match read(&opening(updates)) {
            PushStart::Complete(commands) => commands.refused_saves("box").len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&own), 0);
        for name in [
            "refs/heads/box/a",
            "refs/dkr/work/other/heads/main",
            "refs/dkr/work/boxer/heads/main",
            "refs/dkr/work/box/info",
            "refs/dkr/work/box/heads",
            "refs/dkr/work/box/heads/",
            "refs/dkr/work/box/new/main",
            "refs/dkr/keep/box",
            "refs/notes/dkr",
        ] {
            assert_eq!(refused(&[own[0], (OLD, name)]), 1, "{name}");
        }
        // A push is not for it.
        assert_eq!(refusals(&own[..1]), ["refs/dkr/work/box/heads/fix/typo"]);
    }

    #[test]
    fn the_report_is_framed_for_the_side_band() {
        let PushStart::Complete(commands) = read(&opening(&[(OLD, "refs/heads/main")])) else {
            panic!()
        };
        let report = commands.refuse("box", |_| false).unwrap();
        let text = String::from_utf8(report).unwrap();
        assert_eq!(
            text,
            "007c\u{1}000eunpack ok\n0065ng refs/heads/main git dkr: a container may push to \
             refs/heads/box/* only, as git push host does\n00000000"
        );
    }

    #[test]
    fn only_who_made_a_branch_moves_it() {
        let line = format!("{OLD} {OLD} refs/heads/box/a\0report-status");
        let bytes = [packet(line.as_bytes()), b"0000".to_vec()].concat();
        let PushStart::Complete(commands) = read(&bytes) else {
            panic!()
        };
        let refused = commands.refuse("box", |name| name == "refs/heads/box/b");
        let text = String::from_utf8(refused.unwrap()).unwrap();
        assert!(text.contains("did not create it"), "{text}");
        assert_eq!(
            commands.refuse("box", |name| name == "refs/heads/box/a"),
            None
        );
        assert_eq!(commands.creations(), []);
    }

    #[test]
    fn a_push_in_pieces_waits_for_the_flush() {
        let bytes = opening(&[(OLD, "refs/heads/box/a")]);
        let flush = bytes.len() - "0000PACK...".len();
        for end in 0..flush + 4 {
            assert_eq!(read(&bytes[..end]), PushStart::Incomplete, "{end}");
        }
        assert!(matches!(read(&bytes[..flush + 4]), PushStart::Complete(_)));
    }

    #[test]
    fn other_talk_is_malformed() {
        for bytes in [&b"GET / HTTP/1.1"[..], b"0003", b"0009hello", b"zzzz"] {
            assert_eq!(read(bytes), PushStart::Malformed);
        }
        assert_eq!(read(&packet(b"push-cert\0x")), PushStart::Malformed);
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(0u8..=255, 0..200)) {
            let _ = read(&bytes);
        }
    }
}
